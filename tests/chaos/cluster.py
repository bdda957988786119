"""A PostgreSQL of one's own, which may be killed whole without hurting anybody else's data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.server import free_port

WITHIN = 60.0


class Cluster:
    """One data directory, and the server process that runs on it; fsync stays on."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self._binaries = binaries
        self._directory = directory
        self._data = directory / "data"
        self._port = free_port()
        # PostgreSQL refuses to run as root.
        self._account = "postgres" if os.getuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self._port}/postgres"

    @property
    def log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")

    def make(self) -> None:
        if self._account:
            shutil.chown(self._directory, self._account)
        options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]
        made = self._run("initdb", "-D", str(self._data), *options)
        assert made.wait(WITHIN) == 0, self.log

    def start(self) -> None:
        """Returns when it takes connections: after the recovery, if it was killed."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": str(self._directory),
            "fsync": "on",
        }
        options = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        self._server = self._run("postgres", "-D", str(self._data), *options)
        until = time.monotonic() + WITHIN
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                assert self._server.poll() is None, self.log
                assert time.monotonic() < until, self.log
                time.sleep(0.05)

    def restart_fast(self) -> None:
        """Sessions are ended, everything is written: what ``pg_ctl -m fast restart`` does."""
        self._end(signal.SIGINT)
        self.start()

    def restart_at_once(self) -> None:
        """Nothing is written any more, so that the start recovers: ``-m immediate``."""
        self._end(signal.SIGQUIT)
        self.start()

    def kill(self) -> None:
        """All processes at once, as if the machine's memory had run out; then a start."""
        # Stopped first: it would notice dead sessions and start processes that we do not know.
        self.send(signal.SIGSTOP)
        processes = self.send(signal.SIGKILL)
        self._reap()
        # It refuses to start while one of them still holds the shared memory.
        until = time.monotonic() + WITHIN
        while any(is_running(process) for process in processes):
            assert time.monotonic() < until
            time.sleep(0.01)
        self.start()

    def send(self, number: signal.Signals) -> list[int]:
        """To the server and all its processes; the ids of these."""
        assert self._server is not None
        processes = children_of(self._server.pid)
        self._server.send_signal(number)
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)
        return processes

    def stop(self) -> None:
        if self._server is not None and self._server.poll() is None:
            self.send(signal.SIGCONT)
            self._end(signal.SIGQUIT)

    def _end(self, number: signal.Signals) -> None:
        assert self._server is not None
        self._server.send_signal(number)
        self._reap()

    def _reap(self) -> None:
        assert self._server is not None
        self._server.wait(WITHIN)

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._directory / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self._binaries / program), *arguments],
                cwd=self._directory,
                stdout=log,
                stderr=log,
                user=self._account,
                group=self._account,
                extra_groups=[] if self._account else None,
                start_new_session=True,
            )


def children_of(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_running(pid: int) -> bool:
    """Not gone, and not only waiting for whoever adopted it to notice its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextmanager
def private_cluster() -> Iterator[Cluster]:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    assert found, "no PostgreSQL below /usr/lib/postgresql: install it, or give a server's URL"
    with tempfile.TemporaryDirectory(prefix="glimpse-cluster-") as name:
        cluster = Cluster(found[-1].parent, Path(name))
        cluster.make()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
