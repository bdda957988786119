"""Sends plain groups to PostgreSQL from the event loop, the next while it writes the one before."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from tracker.hits import Hit
from tracker.threads import Job, Worker
from tracker.writer.postgresql import Apart, Plain, PostgresqlWriter

logger = logging.getLogger("tracker.writer")

# Seconds: a server that has no room for one more connection is not asked with each group.
OPEN_AGAIN_AFTER = 1.0


@dataclass
class Sent:
    """A group that the database has, or will have, and what it has said of it so far."""

    group: Plain
    job: Job
    # The pixels of it that are anonymous, as an array; none yet, or refused.
    answer: bytes | None = None


class Pipeline:
    """A committer for the recorder: two groups on their way over one connection.

    After a commit the database finds the next statement in its socket, and waits for nobody. Each
    group is a transaction of its own.

    What is not plain is left to the writer, in its thread, on its own connection. So is whatever
    goes wrong here, in any way: which hits were committed the writer knows by their ids, it tries
    again what is worth it, and it says in the end what the database does not take. Nothing is
    decided here but that a group is committed; no group is forgotten, or the recorder would wait
    for it before it trusted the database again.
    """

    # One that is written, one behind it.
    groups_under_way = 2

    def __init__(self, writer: PostgresqlWriter) -> None:
        self._writer = writer
        self._worker = Worker("writer")
        self._apart: Apart | None = None
        # A copy: libpq closes its own when the connection breaks, and the event loop would watch
        # whoever gets the same number.
        self._socket = -1
        self._is_opening = False
        self._open_after = 0.0  # on the event loop's clock
        self._sent: deque[Sent] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._worker.start()

    def prepare(self) -> Job:
        self._open()
        return self._worker.run(self._writer.prepare)

    def begin(self, hits: Sequence[Hit]) -> Job:
        if self._apart is not None and self._apart.agents != self._writer.agents:
            self._lose("the writer has lost its own connection")
        if self._apart is None:
            self._open()
        group = self._writer.plain(hits) if self._apart else None
        if self._apart is None or group is None:
            return self._worker.run(partial(self._writer.write, hits))
        assert self._loop is not None
        sent = Sent(group, self._loop.create_future())
        self._sent.append(sent)
        try:
            connection = self._apart.connection.pgconn
            connection.send_query_prepared(group.statement.name, group.values)
            connection.pipeline_sync()
            self._send(connection)
        except Exception as error:
            self._lose(error)
        return sent.job

    def close(self) -> Job:
        if self._apart is not None:
            self._lose("the process ends")
        return self._worker.run(self._writer.close)

    def _open(self) -> None:
        """In the thread, behind whatever it was asked for before."""
        assert self._loop is not None
        if not self._is_opening and self._loop.time() >= self._open_after:
            self._is_opening = True
            self._worker.run(self._writer.connect_apart).add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Future[Any]) -> None:
        assert self._loop is not None
        self._is_opening = False
        if error := opening.exception():
            self._open_after = self._loop.time() + OPEN_AGAIN_AFTER
            logger.info("groups are left to the writer for want of a connection: %s", error)
            return
        self._apart = opening.result()
        connection = self._apart.connection.pgconn
        connection.nonblocking = 1
        connection.enter_pipeline_mode()
        self._socket = os.dup(connection.socket)
        self._loop.add_reader(self._socket, self._read, connection)

    def _send(self, connection: PGconn) -> None:
        """All, or what the socket takes now; the rest when it takes more."""
        assert self._loop is not None
        if connection.flush():
            self._loop.add_writer(self._socket, self._send_more, connection)

    def _send_more(self, connection: PGconn) -> None:
        assert self._loop is not None
        try:
            if not connection.flush():
                self._loop.remove_writer(self._socket)
        except Exception as error:
            self._lose(error)

    def _read(self, connection: PGconn) -> None:
        try:
            connection.consume_input()
            while self._sent and not connection.is_busy():
                if result := connection.get_result():
                    self._hear(result)
                elif connection.status != ConnStatus.OK:
                    break
        except Exception as error:
            self._lose(error)
        else:
            if connection.status != ConnStatus.OK:
                self._lose(connection.get_error_message())

    def _hear(self, result: PGresult) -> None:
        if result.status == ExecStatus.TUPLES_OK:
            self._sent[0].answer = result.get_value(0, 1) or b"{}"
        elif result.status == ExecStatus.PIPELINE_SYNC:
            self._settle(self._sent.popleft())

    def _settle(self, sent: Sent) -> None:
        """The transaction has ended."""
        if sent.answer is None:
            self._leave_to_writer(sent)
        elif sent.answer == b"{}":
            sent.job.set_result(None)
        else:
            anonymous = set(map(int, sent.answer[1:-1].split(b",")))
            self._worker.run(partial(self._writer.hide, sent.group, anonymous), sent.job)

    def _leave_to_writer(self, sent: Sent) -> None:
        self._worker.run(partial(self._writer.write, sent.group.hits), sent.job)

    def _lose(self, reason: object) -> None:
        """Whether the groups that were sent are committed nobody knows: the writer finds out."""
        assert self._loop is not None
        assert self._apart is not None
        logger.info("groups are left to the writer until there is another connection: %s", reason)
        connection, self._apart = self._apart.connection, None
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        os.close(self._socket)
        connection.close()
        left, self._sent = self._sent, deque()
        for sent in left:
            self._leave_to_writer(sent)
