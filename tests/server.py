"""The product from outside: a fresh database, manage.py as a command, the real server."""

from __future__ import annotations

import atexit
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests import commands

ROOT = commands.ROOT
STARTED_WITHIN = 60.0
STOPPED_WITHIN = 30.0
METRICS_TOKEN = "metrics-token-only-for-tests"


@dataclass
class Installation:
    """One configured Glimpse with a database of its own."""

    environment: dict[str, str]
    directory: Path
    port: int = field(default_factory=lambda: free_port())

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str, status: int = 0) -> str:
        """Standard output of ``manage.py …``; fails unless it ends with this status."""
        ended, out, err = commands.run(self.environment, arguments)
        assert ended == status, f"{arguments}: {out}{err}"
        return out

    def file(self, name: str, content: str) -> str:
        path = self.directory / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """The production server, until the block ends; SIGTERM has to end it in time."""
        log = (self.directory / "serve.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{self.port}", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=log,
            # A group of its own, which a service manager's signal reaches as a whole.
            start_new_session=True,
        )
        try:
            self._wait_until_ready(process)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(STOPPED_WITHIN)
            log.close()

    @property
    def log(self) -> str:
        return (self.directory / "serve.log").read_text(errors="replace")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + STARTED_WITHIN
        while time.monotonic() < until:
            assert process.poll() is None, self.log
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=5):
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
        raise AssertionError(f"the server did not start: {self.log}")


@contextmanager
def installation(**settings: str) -> Iterator[Installation]:
    """On the database kind that the tests run on; migrated, otherwise empty."""
    with (
        tempfile.TemporaryDirectory(prefix="glimpse-") as name,
        _database(Path(name), settings.get("DATABASE_URL", "")) as url,
    ):
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", name),
            "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
            "DATABASE_URL": url,
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "STATIC_ROOT": f"{name}/static",
            "SPOOL_DIR": f"{name}/spool",
            "IMPORT_DIR": f"{name}/imports",
            "METRICS_TOKEN": METRICS_TOKEN,
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        yield Installation(environment, Path(name), port)


def migrate_empty(url: str) -> None:
    """All tables in a database that is there and empty, or a file that is not there."""
    if url.startswith("sqlite"):
        copy_database(f"sqlite:///{migrated_file()}", url)
    else:
        server = os.environ["TEST_DATABASE_URL"]
        copy_database(address_of(server, migrated_template(server)), url)


def copy_database(one: str, other: str) -> None:
    """Of the same kind, in the place of what is there; nobody may be connected to either."""
    if other.startswith("sqlite"):
        shutil.copyfile(_path_of(one), _path_of(other))
        return
    server = os.environ["TEST_DATABASE_URL"]
    _on_server(server, "DROP DATABASE {}", _path_of(other))
    _on_server(server, "CREATE DATABASE {} TEMPLATE {}", _path_of(other), _path_of(one))


def _path_of(url: str) -> str:
    """The file, or the name of the database."""
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def _database(directory: Path, given: str) -> Iterator[str]:
    """Migrated; a new one, unless there is one that is to be taken."""
    if given:
        migrate_empty(given)
        yield given
        return
    server = os.environ.get("TEST_DATABASE_URL", "")
    if not server.startswith("postgres"):
        url = f"sqlite:///{directory / 'db.sqlite3'}"
        migrate_empty(url)
        yield url
        return
    name = f"glimpse_{uuid.uuid4().hex[:12]}"
    _on_server(server, "CREATE DATABASE {} TEMPLATE {}", name, migrated_template(server))
    try:
        yield address_of(server, name)
    finally:
        _on_server(server, "DROP DATABASE {} WITH (FORCE)", name)


def address_of(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


# Migrating takes seconds, copying what was migrated takes none: once a process is enough.


@cache
def migrated_file() -> Path:
    directory = tempfile.mkdtemp(prefix="glimpse-migrated-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    file = Path(directory) / "db.sqlite3"
    _migrate(f"sqlite:///{file}", directory)
    assert not list(file.parent.glob("*-wal")), "a copy of the file alone would not be whole"
    return file


@cache
def migrated_template(server: str) -> str:
    name = f"glimpse_migrated_{uuid.uuid4().hex[:12]}"
    _on_server(server, "CREATE DATABASE {}", name)
    atexit.register(_drop, server, name)
    with tempfile.TemporaryDirectory() as directory:
        _migrate(address_of(server, name), directory)
    return name


def _drop(server: str, name: str) -> None:
    # A server of the tests' own has gone with everything on it.
    with suppress(psycopg.OperationalError):
        _on_server(server, "DROP DATABASE {} WITH (FORCE)", name)


def _migrate(url: str, directory: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
        "DATABASE_URL": url,
    }
    Installation(environment, Path(directory), 0).manage("migrate", "--verbosity", "0")


def _on_server(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
