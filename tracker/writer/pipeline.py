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
from tracker.writer.postgresql import FastConnection, Plain, PostgresqlWriter

logger = logging.getLogger("tracker.writer")

# Seconds: a server that has no room for one more connection is not asked with each group.
OPEN_AGAIN_AFTER = 1.0
# So often (seconds) it is looked whether something has come that the event loop did not tell of.
LOOK_EVERY = 0.5


@dataclass
class Sent:
    """A group that the database has, or will have, and what it has said of it so far."""

    group: Plain
    job: Job
    # The pixels of it that are anonymous, as an array. None: nothing yet, or that it is refused.
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
        self._fast: FastConnection | None = None
        # A copy: libpq closes its own when the connection breaks, and the event loop would watch
        # whoever gets the same number.
        self._socket = -1
        self._is_opening = False
        self._open_after = 0.0  # on the event loop's clock
        self._is_closed = False
        self._sent: deque[Sent] = deque()
        self._look: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._worker.start()

    def prepare(self) -> Job:
        self._open()
        return self._worker.run(self._writer.prepare)

    def begin(self, hits: Sequence[Hit]) -> Job:
        if self._fast is None:
            self._open()
        group = self._writer.plain(hits) if self._fast else None
        # Only now: while the agents were read, the thread may have asked another server for them.
        if self._fast is not None and self._fast.agents_epoch != self._writer.agents_epoch:
            self._lose("the writer has lost its own connection")
        if self._fast is None or group is None:
            return self._worker.run(partial(self._writer.write, hits))
        assert self._loop is not None
        sent = Sent(group, self._loop.create_future())
        self._sent.append(sent)
        try:
            connection = self._fast.connection.pgconn
            connection.send_query_prepared(group.statement.name, group.values)
            connection.pipeline_sync()
            self._send(connection)
        except Exception as error:  # its groups are the writer's then
            self._lose(error)
        if self._look is None:
            self._look = self._loop.call_later(LOOK_EVERY, self._look_again)
        return sent.job

    def close(self) -> Job:
        self._is_closed = True
        self._give_up()
        return self._worker.run(self._writer.close)

    def _open(self) -> None:
        """In the thread, behind whatever it was asked for before."""
        assert self._loop is not None
        if not self._is_opening and self._loop.time() >= self._open_after:
            self._is_opening = True
            self._worker.run(self._writer.connect_fast).add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Future[Any]) -> None:
        assert self._loop is not None
        self._is_opening = False
        try:
            fast: FastConnection = opening.result()
        except Exception as error:  # the writer meets the same, and says so
            self._put_off(error)
            return
        try:
            if self._is_closed:
                raise RuntimeError("the process ends")
            connection = fast.connection.pgconn
            connection.nonblocking = 1
            connection.enter_pipeline_mode()
            watched = os.dup(connection.socket)
        except Exception as error:  # no file left, or no pipeline: without it
            fast.connection.close()
            self._put_off(error)
            return
        self._fast, self._socket = fast, watched
        self._loop.add_reader(watched, self._read, connection)

    def _put_off(self, reason: object) -> None:
        assert self._loop is not None
        self._open_after = self._loop.time() + OPEN_AGAIN_AFTER
        logger.info("groups are left to the writer, for want of a second connection: %s", reason)

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
        except Exception as error:  # its groups are the writer's then
            self._lose(error)

    def _look_again(self) -> None:
        """uvloop tells once of a connection that was reset, and TLS may hold something back."""
        assert self._loop is not None
        self._look = None
        if self._sent and self._fast is not None:
            self._look = self._loop.call_later(LOOK_EVERY, self._look_again)
            self._read(self._fast.connection.pgconn)

    def _read(self, connection: PGconn) -> None:
        try:
            connection.consume_input()
            self._hear_all(connection)
            if self._sent:
                # Behind the last words of a connection may stand its end, told of no second time.
                connection.consume_input()
                self._hear_all(connection)
            if connection.status != ConnStatus.OK:
                raise ConnectionError(connection.get_error_message())
        except Exception as error:  # its groups are the writer's then
            self._lose(error)

    def _hear_all(self, connection: PGconn) -> None:
        was_end = False
        while self._sent and not connection.is_busy():
            result = connection.get_result()
            if result is not None:
                self._hear(result)
            elif was_end or connection.status != ConnStatus.OK:
                # One stands behind each statement's results, never two.
                raise ConnectionError("it has no more to say of what was sent")
            was_end = result is None

    def _hear(self, result: PGresult) -> None:
        sent = self._sent[0]
        if result.status == ExecStatus.PIPELINE_SYNC:
            self._settle(sent)
            self._sent.popleft()
        elif result.status == ExecStatus.TUPLES_OK:
            sent.answer = result.get_value(0, 1) or b"{}"
        else:
            # Also behind an answer: keys to other tables are looked at when it is committed.
            sent.answer = None

    def _settle(self, sent: Sent) -> None:
        """The transaction has ended: committed, if it was answered and nothing came behind that."""
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
        logger.info("groups are left to the writer until there is another connection: %s", reason)
        self._give_up()

    def _give_up(self) -> None:
        """Whether the groups that were sent are committed nobody knows: the writer finds out."""
        assert self._loop is not None
        if self._fast is None:
            return
        fast, self._fast = self._fast, None
        watched, self._socket = self._socket, -1
        left, self._sent = self._sent, deque()
        for sent in left:
            self._leave_to_writer(sent)
        self._loop.remove_reader(watched)
        self._loop.remove_writer(watched)
        os.close(watched)
        fast.connection.close()
