"""The database goes away under load, for real: every answered hit is kept, and once."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.server import Installation, installation
from tests.test_flow import is_spool_empty, new_campaign, report_of, request, wait_until
from tracker.endpoint import GIF


@contextmanager
def database_away(made: Installation) -> Iterator[None]:
    """PostgreSQL ends all sessions and refuses new ones; SQLite is locked by another writer."""
    url = urlsplit(made.environment["DATABASE_URL"])
    if url.scheme == "sqlite":
        locker = sqlite3.connect(url.path.removeprefix("/"), isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        yield
        locker.execute("ROLLBACK")
        locker.close()
        return
    name = url.path.removeprefix("/")
    with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as server:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


class Load:
    """Clients that open mails until told to stop; counts the answers that were images."""

    def __init__(self, made: Installation, paths: list[str], clients: int = 8) -> None:
        self._made = made
        self._paths = paths
        self._is_over = threading.Event()
        self.answered = [0] * clients
        self.slowest = [0.0] * clients
        self._threads = [threading.Thread(target=self._open, args=(n,)) for n in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)

    def wait_for(self, more: int) -> None:
        target = sum(self.answered) + more
        until = time.monotonic() + 60
        while sum(self.answered) < target:
            assert time.monotonic() < until, self._made.log
            time.sleep(0.005)

    def _open(self, number: int) -> None:
        while not self._is_over.is_set():
            for path in self._paths[number::3]:
                started = time.monotonic()
                try:
                    answer = request(self._made, path)
                except (OSError, http.client.HTTPException):
                    continue  # nobody answered: nothing was promised
                if answer[2] == GIF:
                    self.answered[number] += 1
                self.slowest[number] = max(self.slowest[number], time.monotonic() - started)


def opens_of(made: Installation, campaign_id: str) -> int:
    opens = report_of(made, campaign_id)["opens"]
    assert isinstance(opens, int)
    return opens


def test_while_the_database_is_away_hits_are_kept_and_replayed_without_an_operator() -> None:
    with installation() as made, made.serving("--workers", "2"):
        campaign_id, paths = new_campaign(made, 30)
        with Load(made, paths) as load:
            load.wait_for(100)
            for _ in range(3):
                with database_away(made):
                    load.wait_for(200)
                load.wait_for(200)
        wait_until(lambda: is_spool_empty(made))
        answered = sum(load.answered)
        # Every client got all its answers, so the numbers are equal, not only close.
        assert opens_of(made, campaign_id) == answered
        assert json.loads(made.manage("verify_counts", "--json"))["drift"] == 0
        assert max(load.slowest) < 5
        assert made.log.count("the database is away") <= 2 * 3 * 2
        assert "incident=hits_lost" not in made.log


@pytest.mark.parametrize("moment", [0.0, 0.2, 0.7])
def test_killing_every_process_while_hits_wait_in_the_spool_loses_none(moment: float) -> None:
    with installation() as made:
        with made.serving("--workers", "2") as process:
            campaign_id, paths = new_campaign(made, 30)
            with Load(made, paths) as load:
                load.wait_for(50)
                with database_away(made):
                    load.wait_for(100)
                    time.sleep(moment)
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait(30)
        answered = sum(load.answered)
        assert opens_of(made, campaign_id) < answered
        with made.serving():
            wait_until(lambda: is_spool_empty(made))
        # A kill may fall between keeping a hit and answering it: one for each client.
        assert answered <= opens_of(made, campaign_id) <= answered + len(load.answered)
        assert json.loads(made.manage("verify_counts", "--json"))["drift"] == 0
