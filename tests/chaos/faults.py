"""What goes wrong: sessions ended, refused or frozen, processes killed, servers restarted.

A full disk is not among these: then answered hits may be lost, and are counted; see
tests/test_full_disk.py.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import psycopg

from tests.chaos.cluster import Cluster
from tests.server import Installation
from tests.test_away import database_away
from tests.test_flow import workers_of


class Scene:
    """One installation with its server, and the faults that may befall it."""

    def __init__(
        self, made: Installation, chance: random.Random, cluster: Cluster | None = None
    ) -> None:
        """``cluster``: the PostgreSQL that it runs on, if nobody else does."""
        self.made = made
        self._chance = chance
        self._cluster = cluster
        self._stack = ExitStack()
        self._process = self._stack.enter_context(made.serving("--workers", "2"))

    def close(self) -> None:
        self._stack.close()

    def faults(self) -> list[Callable[[], None]]:
        both = [self.database_goes_away, self.worker_is_killed, self.server_is_killed]
        both.append(self.server_is_restarted)
        if "postgres" not in self.made.environment["DATABASE_URL"]:
            return both
        sessions = [self.sessions_are_ended, self.sessions_are_frozen]
        return [*both, *sessions, *self._faults_of_the_cluster()]

    def _faults_of_the_cluster(self) -> list[Callable[[], None]]:
        if self._cluster is None:
            return []
        return [
            self.postgresql_is_killed,
            self.postgresql_is_frozen,
            self.postgresql_restarts_at_once,
            self.postgresql_restarts_fast,
        ]

    def database_goes_away(self) -> None:
        with database_away(self.made):
            self._pause()

    def worker_is_killed(self) -> None:
        self.check_running()
        workers = workers_of(self._process.pid)
        if workers:
            os.kill(self._chance.choice(sorted(workers)), signal.SIGKILL)

    def server_is_killed(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._start_again()

    def server_is_restarted(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._start_again()

    def sessions_are_ended(self) -> None:
        with self._postgresql() as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [self._database],
            )

    def sessions_are_frozen(self) -> None:
        with self._postgresql() as server:
            rows = server.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s", [self._database]
            ).fetchall()
        try:
            for (pid,) in rows:
                self._signal(pid, signal.SIGSTOP)
            self._pause()
        finally:
            for (pid,) in rows:
                self._signal(pid, signal.SIGCONT)

    def postgresql_is_killed(self) -> None:
        assert self._cluster is not None
        self._cluster.kill()

    def postgresql_is_frozen(self) -> None:
        assert self._cluster is not None
        self._cluster.send(signal.SIGSTOP)
        try:
            time.sleep(self._chance.uniform(0.1, 1.5))
        finally:
            self._cluster.send(signal.SIGCONT)

    def postgresql_restarts_at_once(self) -> None:
        assert self._cluster is not None
        self._cluster.restart_at_once()

    def postgresql_restarts_fast(self) -> None:
        assert self._cluster is not None
        self._cluster.restart_fast()

    def check_running(self) -> None:
        """However often its workers die, the server stays."""
        assert self._process.poll() is None, self.made.log

    def _start_again(self) -> None:
        self._stack.close()
        self._process = self._stack.enter_context(self.made.serving("--workers", "2"))

    def _pause(self) -> None:
        time.sleep(self._chance.uniform(0.1, 1.2))

    @staticmethod
    def _signal(pid: int, number: signal.Signals) -> None:
        # A session may have ended meanwhile, or belong to an account that we may not signal.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)

    def _postgresql(self) -> psycopg.Connection[tuple[int]]:
        return psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True)

    @property
    def _database(self) -> str:
        return urlsplit(self.made.environment["DATABASE_URL"]).path.removeprefix("/")
