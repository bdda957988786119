"""The two ends of a move: connections of their own, apart from what the pages and hits use."""

from __future__ import annotations

import copy
import fcntl
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import environ
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from tracker.moving.faults import MoveError
from tracker.private import PrivateConnection

SOURCE = "moving_from"
TARGET = "moving_to"
ENGINES = {
    "django.db.backends.sqlite3": "sqlite",
    "django.db.backends.postgresql": "postgresql",
}
# Any number that nothing else in this database locks.
LOCK = 7_405_001
# A killed command's connection may outlive it for a moment.
LOCKED_WITHIN = 10.0


def settings_of_source() -> dict[str, Any]:
    """The configured database, which is only read."""
    found = copy.deepcopy(connections[DEFAULT_DB_ALIAS].settings_dict)
    options = found["OPTIONS"]
    options.pop("pool", None)
    if ENGINES[found["ENGINE"]] == "sqlite":
        # Readers need no lock that a hit would wait for.
        options["transaction_mode"] = "DEFERRED"
        options["init_command"] = f"{options.get('init_command', '')} PRAGMA query_only=ON;"
    return found


def settings_of_target(url: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError as error:
        raise MoveError(f"The address of the new database cannot be read: {error}.") from error
    engine = ENGINES.get(found.get("ENGINE", ""))
    if engine is None or not found.get("NAME") or found["NAME"] == ":memory:":
        raise MoveError(
            "The new database has to be named as in DATABASE_URL: "
            "postgres://user:password@host:port/name or sqlite:////path/to/file."
        )
    options = found.setdefault("OPTIONS", {})
    if engine == "sqlite":
        options.setdefault("transaction_mode", "IMMEDIATE")
        options.setdefault("timeout", 20)
        options.setdefault("factory", PrivateConnection)
        options.setdefault(
            "init_command",
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
        )
    else:
        options.setdefault("connect_timeout", 5)
    return found


def connect(alias: str, wanted: dict[str, Any]) -> None:
    """Make the connection known under this alias."""
    filled = connections.configure_settings({DEFAULT_DB_ALIAS: {}, alias: wanted})
    connections.settings[alias] = filled[alias]


def disconnect(*aliases: str) -> None:
    for alias in aliases:
        if alias in connections.settings:
            connections[alias].close()
            del connections[alias]
            del connections.settings[alias]


def address_of(alias: str) -> str:
    """Which database this is, without who logs in to it."""
    found = connections[alias].settings_dict
    if ENGINES[found["ENGINE"]] == "sqlite":
        return f"sqlite:///{Path(found['NAME']).absolute()}"
    return f"postgresql://{found['HOST'] or 'localhost'}:{found['PORT'] or 5432}/{found['NAME']}"


def label_of(alias: str) -> str:
    """As a person would say it."""
    found = connections[alias].settings_dict
    if ENGINES[found["ENGINE"]] == "sqlite":
        return f"SQLite, {found['NAME']}"
    return f"PostgreSQL, database {found['NAME']} on {found['HOST'] or 'localhost'}"


def refuse_what_cannot_be_reached(alias: str) -> None:
    connection = connections[alias]
    if connection.vendor == "sqlite":
        directory = Path(connection.settings_dict["NAME"]).absolute().parent
        if not directory.is_dir():
            raise MoveError(f"There is no directory {directory} for the new database: make it.")
    try:
        connection.ensure_connection()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SHOW server_encoding")
                (encoding,) = cursor.fetchone()
            if encoding != "UTF8":
                raise MoveError(
                    f"The database is encoded in {encoding}; names and addresses need UTF8: "
                    f"createdb --encoding=UTF8 --template=template0 NAME"
                )
    except Error as error:
        raise MoveError(f"{label_of(alias)} does not answer: {str(error).strip()}") from error


def refuse_unmigrated(alias: str) -> None:
    executor = MigrationExecutor(connections[alias])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MoveError("The configured database is not up to date. Run: manage.py migrate")


def migrate(url: str) -> None:
    """By a process that knows no other database, so that no migration can reach the old one."""
    made = subprocess.run(  # our own command
        [sys.executable, "-m", "django", "migrate", "--noinput", "--verbosity", "0"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        why = (made.stderr.strip() or made.stdout.strip()).splitlines()[-1:]
        raise MoveError(f"The new database cannot be given its tables: {' '.join(why)}")


@contextmanager
def moment(alias: str) -> Iterator[None]:
    """A transaction that sees one moment of the database and blocks no writer."""
    connection = connections[alias]
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # The moment is that of the first statement that reads.
        cursor.execute("SELECT count(*) FROM django_migrations")
        yield


@contextmanager
def alone(alias: str) -> Iterator[None]:
    """One move into a database at a time; the lock goes when its holder dies."""
    connection = connections[alias]
    taken = MoveError("Another move_to writes into this database. Wait for it, or stop it.")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            if not _within(LOCKED_WITHIN, lambda: _has_advisory_lock(cursor)):
                raise taken
            try:
                yield
            finally:
                # A lost connection has given it back already.
                with suppress(Error):
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        return
    # Not the database itself: closing a second handle of it would drop SQLite's own locks.
    path = Path(f"{connection.settings_dict['NAME']}.moving")
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise taken from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _has_advisory_lock(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
    return bool(cursor.fetchone()[0])


def _within(seconds: float, is_so: Any) -> bool:
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True
