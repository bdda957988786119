"""Fills the databases, and reads from them what was kept."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from benchmarks.data import COUNT_CAMPAIGNS, SENT_AT, Stock, Table, hit_id
from benchmarks.servers import ROOT, ServerError, inherited
from tracker.retention.months import first_id, months, months_later


def migrate(command: Iterable[str], environment: Mapping[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**inherited(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise ServerError(f"the tables could not be made:\n{result.stdout}\n{result.stderr}")


def copy_table(connection: psycopg.Connection, table: Table) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    )
    with connection.cursor().copy(statement) as copy:
        for row in table.rows:
            copy.write_row(row)


# Sorting all entries once is much faster than finding the place of each.
WITHOUT_INDEXES = """
ALTER TABLE tracker_open DROP CONSTRAINT tracker_open_pkey;
DROP INDEX open_pixel_opened_at;
SET maintenance_work_mem = '1GB'
"""
WITH_INDEXES = """
ALTER TABLE tracker_open ADD CONSTRAINT tracker_open_pkey PRIMARY KEY (id);
CREATE INDEX open_pixel_opened_at ON tracker_open (pixel_id, opened_at)
"""


class Rows(Protocol):
    """What a database is filled with: made by queries, counted by statements."""

    @property
    def opens(self) -> int: ...

    @property
    def until(self) -> datetime:
        """No open is later."""

    def selections(self) -> list[tuple[str, str]]: ...

    def counting(self) -> list[str]: ...


def months_of(stock: Rows) -> Iterator[bytes]:
    """Partitions for the opens of the stock, as they would have been made in their time."""
    for month in months(SENT_AT, stock.until) if stock.opens else ():
        bounds = f"FROM ('{first_id(month)}') TO ('{first_id(months_later(month, 1))}')"
        name = f"tracker_open_{month:%Y_%m}"
        yield f"CREATE TABLE {name} PARTITION OF tracker_open FOR VALUES {bounds}".encode()


def fill_postgresql(url: str, stock: Rows) -> None:
    """By COPY out of a query into the table: tens of millions of rows within minutes."""
    with (
        psycopg.connect(url, options="-c timezone=UTC") as source,
        psycopg.connect(url, options="-c timezone=UTC") as target,
    ):
        target.execute(WITHOUT_INDEXES)
        for partition in months_of(stock):
            target.execute(partition)
        for table, selection in stock.selections():
            with (
                source.cursor().copy(f"COPY ({selection}) TO STDOUT".encode()) as rows,
                target.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy,
            ):
                for block in rows:
                    copy.write(block)
        target.execute(
            "SELECT setval(pg_get_serial_sequence('tracker_useragent', 'id'), max(id)) "
            "FROM tracker_useragent"
        )
        target.execute(WITH_INDEXES)
        for statement in stock.counting():
            target.execute(statement.encode())


def fill_plain(url: str, tokens: Iterable[str]) -> None:
    rows = ((number, token, "", 0) for number, token in enumerate(tokens, 1))
    columns = ("id", "token", "last_user_agent", "open_count")
    with psycopg.connect(url) as connection:
        copy_table(connection, Table("plain_pixel", columns, rows))


def fill_sqlite(path: Path, stock: Stock) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for table in stock.tables():
            marks = ", ".join("?" * len(table.columns))
            connection.executemany(
                f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})",
                table.rows,
            )
        connection.execute(COUNT_CAMPAIGNS)
    connection.close()


class Ledger(Protocol):
    """What a contestant has kept, asked for in its database."""

    def mark(self) -> str:
        """A point before which everything so far lies."""

    def opens_since(self, mark: str) -> int: ...

    def counted(self) -> int:
        """The opens by the counters."""

    def size(self) -> int | None:
        """Bytes of the opens, table and indexes; none when the database cannot say."""


class PostgresqlLedger:
    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def mark(self) -> str:
        # Ids begin with the time.
        return hit_id(datetime.now(UTC))

    def opens_since(self, mark: str) -> int:
        return self._number("SELECT count(*) FROM tracker_open WHERE id >= %s::uuid", mark)

    def counted(self) -> int:
        return self._number("SELECT sum(opens) FROM tracker_campaigncounts")

    def size(self) -> int | None:
        return self._number(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits "
            "WHERE inhparent = 'tracker_open'::regclass"
        )

    def _number(self, statement: str, *values: str) -> int:
        row = self._connection.execute(statement.encode(), values).fetchone()
        return int(row[0] or 0) if row else 0


class PlainLedger(PostgresqlLedger):
    def mark(self) -> str:
        return str(self._number("SELECT max(id) FROM plain_open"))

    def opens_since(self, mark: str) -> int:
        return self._number("SELECT count(*) FROM plain_open WHERE id > %s::bigint", mark)

    def counted(self) -> int:
        return self._number("SELECT sum(open_count) FROM plain_pixel")

    def size(self) -> int | None:
        return self._number("SELECT pg_total_relation_size('plain_open')")


class SqliteLedger:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=20, isolation_level=None)

    def mark(self) -> str:
        return hit_id(datetime.now(UTC))

    def opens_since(self, mark: str) -> int:
        return self._number("SELECT count(*) FROM tracker_open WHERE id >= ?", mark)

    def counted(self) -> int:
        return self._number("SELECT sum(opens) FROM tracker_campaigncounts")

    def size(self) -> int | None:
        return None

    def _number(self, statement: str, *values: str) -> int:
        return int(self._connection.execute(statement, values).fetchone()[0] or 0)


def sqlite_url(path: Path) -> str:
    return "sqlite:///" + os.fspath(path)
