"""The run's own databases on the PostgreSQL server that it was given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


class NotDurableError(Exception):
    """The server forgets commits in a power cut: what it does is no measure."""


def server_settings(url: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        rows = [connection.execute(f"SHOW {name}").fetchone() for name in SETTINGS]
    settings = {name: str(row[0]) for name, row in zip(SETTINGS, rows, strict=True) if row}
    if settings["fsync"] != "on" or settings["synchronous_commit"] != "on":
        raise NotDurableError(f"fsync and synchronous_commit have to be on: {settings}")
    return settings


@contextmanager
def own_database(server_url: str, name: str) -> Iterator[str]:
    """The URL of a new database, which is dropped at the end, whoever is still connected."""
    database = sql.Identifier(full_name := f"glimpse_bench_{os.getpid()}_{name}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{full_name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def settle(url: str) -> None:
    """After a load: statistics as autovacuum would leave them, nothing left to write back."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
