"""Databases of both kinds, made for one test and filled with a platform in use."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from benchmarks.data import COUNT_CAMPAIGNS, Stock
from benchmarks.databases import fill_sqlite
from tracker.verdicts import Verdict

SERVER = os.environ.get("TEST_DATABASE_URL", "")
KINDS = ("sqlite", "postgresql") if SERVER.startswith("postgres") else ("sqlite",)
# Where there is a server, only what it takes part in: SQLite alone was tried without it.
PAIRS = [
    (one, other)
    for one in KINDS
    for other in KINDS
    if len(KINDS) == 1 or "postgresql" in (one, other)
]
TRIED = KINDS[-1:]


@contextmanager
def database(kind: str, directory: Path) -> Iterator[str]:
    """The address of an empty one."""
    name = f"glimpse_{uuid.uuid4().hex[:12]}"
    if kind == "sqlite":
        yield f"sqlite:///{directory / name}.sqlite3"
        return
    statement = sql.SQL("{} DATABASE {} {}")
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(statement.format(sql.SQL("CREATE"), sql.Identifier(name), sql.SQL("")))
        try:
            yield urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))
        finally:
            server.execute(
                statement.format(sql.SQL("DROP"), sql.Identifier(name), sql.SQL("WITH (FORCE)"))
            )


def path_of(url: str) -> Path:
    return Path(urlsplit(url).path.removeprefix("/"))


OPENS = f"""
WITH each(n) AS (VALUES (0), (1), (2))
INSERT INTO tracker_open
    (id, pixel_id, opened_at, verdict, rule, rules_version, is_at_ceiling, ip, user_agent_id)
SELECT printf('019b76da00007000%016x', pixel.id * 3 + n), pixel.id,
       printf('2026-01-01 00:00:00.%06d', pixel.id * 3 + n), {Verdict.UNKNOWN.number}, 0, 0,
       n = 1, CASE n WHEN 0 THEN '192.0.2.1' WHEN 1 THEN '2001:db8::1' END, 1
FROM tracker_pixel AS pixel, each
"""
UNIQUE_OPENS = f"""
INSERT INTO tracker_uniqueopen
    (pixel_id, campaign_id, is_test, open_count, first_opened_at, last_opened_at, verdict)
SELECT pixel.id, pixel.campaign_id, 0, 3, min(opened_at), max(opened_at), {Verdict.UNKNOWN.number}
FROM tracker_open JOIN tracker_pixel AS pixel ON pixel.id = pixel_id GROUP BY 1, 2
"""
QUARTERS = """
INSERT INTO tracker_quarterhourcounts
    (campaign_id, starts_at, opens, unique_opens, human_opens, unique_human_opens)
SELECT campaign_id, '2026-01-01 00:00:00', sum(open_count), count(*), 0, 0
FROM tracker_uniqueopen GROUP BY 1
"""


def fill_with_opens(path: Path, pixels: int) -> None:
    """A migrated SQLite database gets campaigns, pixels, three opens of each, and their counts."""
    fill_sqlite(path, Stock(pixels))
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO tracker_useragent VALUES (1, 'Thunderbird')")
        connection.execute("DELETE FROM tracker_campaigncounts")
        for statement in (OPENS, UNIQUE_OPENS, QUARTERS, COUNT_CAMPAIGNS):
            connection.execute(statement)
    connection.close()
