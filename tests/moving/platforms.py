"""Platforms to be moved, databases to move them to, and what has to be equal afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests import commands
from tests.ends import KINDS, database, path_of
from tests.server import Installation, copy_database, installation, migrate_empty
from tracker.hits import Hit, new_hit_id
from tracker.moving.databases import connect, disconnect, settings_of_target
from tracker.moving.tables import tables
from tracker.spool import Spool

# The address of a database of this kind with a demo in it, to be copied.
Demo = Callable[[str], str]
TARGET = KINDS[-1]  # SQLite to PostgreSQL, wherever there is one


@contextmanager
def platform(tmp_path: Path, kind: str = "sqlite", **settings: str) -> Iterator[Installation]:
    with database(kind, tmp_path) as url, installation(DATABASE_URL=url, **settings) as made:
        yield made


@contextmanager
def with_tables(kind: str, tmp_path: Path) -> Iterator[str]:
    """A database that only the moving of rows is tested with: its tables are there already."""
    with database(kind, tmp_path) as url:
        migrate_empty(url)
        yield url


@contextmanager
def in_use(demo: Demo, tmp_path: Path, kind: str = "sqlite") -> Iterator[Installation]:
    """A platform of its own that has made its demo: a copy, since making one takes seconds."""
    with platform(tmp_path, kind) as made:
        copy_database(demo(kind), made.environment["DATABASE_URL"])
        yield made


def on(made: Installation, url: str) -> Installation:
    """The same, with its keys, on another database."""
    return Installation({**made.environment, "DATABASE_URL": url}, made.directory, made.port)


def failure(made: Installation, *arguments: str) -> str:
    """What standard error says, without a traceback."""
    status, out, err = commands.run(made.environment, arguments)
    assert status == 1, out + err
    assert "Traceback" not in err
    return err


@contextmanager
def opened(*urls: str) -> Iterator[list[str]]:
    aliases = [f"end_{number}" for number, _ in enumerate(urls)]
    for alias, url in zip(aliases, urls, strict=True):
        connect(alias, settings_of_target(url))
    try:
        yield aliases
    finally:
        disconnect(*aliases)


def assert_equal(one: str, other: str) -> None:
    """Every row of every table, field by field."""
    with opened(one, other) as (here, there):
        for table in tables():
            assert list(table.rows(here)) == list(table.rows(there)), table.name


def spool_one_hit(made: Installation, pixel_id: int, moment: int = 1_770_000_000_000_000) -> None:
    spool = Spool(Path(made.environment["SPOOL_DIR"]))
    spool.append([Hit(new_hit_id(moment), pixel_id, moment, "192.0.2.7", "Thunderbird")])
    spool.release()


def execute(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        with sqlite3.connect(path_of(url)) as database_file:
            database_file.execute(statement)
        database_file.close()
        return
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())
