"""What an import costs beside storing the same rows bare, in tables with the same indexes."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psycopg

from benchmarks.commands import manage
from benchmarks.databases import migrate, sqlite_url
from benchmarks.measure import spread
from benchmarks.options import Options
from benchmarks.postgresql import own_database
from benchmarks.tables import table

GIVEN = [f"{start}{end}" for start in ("ann", "ben", "carl", "din", "em") for end in "aeiouy"]
DOMAINS = ("gmail.com", "outlook.com", "web.de", *(f"office{n}.example" for n in range(20)))
SEED = 2026
MADE_AT = "2026-01-01 09:00:00"
WRITTEN_AT_ONCE = 5_000


@dataclass(frozen=True)
class Run:
    """Seconds; the memory is the whole process's, at its largest."""

    database: str
    bare: float
    bare_with_keys: float
    imported: float
    memory_mb: float


def people(count: int) -> Iterator[tuple[str, str]]:
    """Address and name, in no order, each address once."""
    draw = random.Random(SEED)
    for number in draw.sample(range(count), count):
        given, family = draw.choice(GIVEN), draw.choice(GIVEN)
        yield f"{given.title()}.{family}{number:07}@{draw.choice(DOMAINS)}", f"{given} {family}"


def measure_imports(options: Options) -> list[Run]:
    with TemporaryDirectory(prefix="glimpse-bench-") as name:
        folder = Path(name)
        file = folder / "recipients.csv"
        with file.open("w") as stream:
            stream.write("email,name\n")
            stream.writelines(f"{email},{name}\n" for email, name in people(options.import_rows))
        runs = []
        for number in range(options.rounds):
            for measure in (measure_postgresql, measure_sqlite):
                one = measure(options, folder, file)
                print(f"round {number + 1}: {described(one)}", flush=True)
                runs.append(one)
        return runs


def described(run: Run) -> str:
    return (
        f"{run.database}: bare {run.bare:.1f} s, with foreign keys {run.bare_with_keys:.1f} s, "
        f"import {run.imported:.1f} s ({run.imported / run.bare:.2f} times bare), "
        f"{run.memory_mb:.0f} MB"
    )


def measure_postgresql(options: Options, folder: Path, file: Path) -> Run:
    with own_database(options.postgresql, "import") as url:
        migrate(["manage.py", "migrate", "--verbosity", "0"], settings(url, folder))
        campaign = new_campaign(url, folder)
        with psycopg.connect(url, autocommit=True) as connection:
            # Made before the clock runs: a bare COPY has its lines ready.
            rows = bare_rows(campaign, options.import_rows)
            with_keys = timed(lambda: copy_bare(connection, rows))
            connection.execute(EMPTY)
            imported = timed_import(url, folder, campaign, file)
            check(connection.execute(STORED).fetchone(), options.import_rows)
            connection.execute(EMPTY)
            connection.execute(WITHOUT_KEYS)
            bare = timed(lambda: copy_bare(connection, rows))
    return replace(imported, database="PostgreSQL", bare=bare, bare_with_keys=with_keys)


STORED = (
    "SELECT (SELECT count(*) FROM campaigns_recipient), "
    "(SELECT count(*) FROM tracker_pixel WHERE NOT is_test), "
    "(SELECT sum(recipients) FROM tracker_campaigncounts)"
)
EMPTY = "TRUNCATE campaigns_recipient, tracker_pixel, campaigns_import CASCADE; CHECKPOINT"
WITHOUT_KEYS = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT conname FROM pg_constraint
        WHERE conrelid = 'tracker_pixel'::regclass AND contype = 'f'
    LOOP EXECUTE format('ALTER TABLE tracker_pixel DROP CONSTRAINT %I', one.conname); END LOOP;
END $$
"""


def bare_rows(campaign: int, rows: int) -> list[tuple[str, list[str]]]:
    """Statements and the blocks of text for them."""
    recipients = (
        f"{number}\t{email}\t{email.lower()}\t{name}\t{{}}\t{MADE_AT}\n"
        for number, (email, name) in enumerate(people(rows), 1)
    )
    pixels = (f"{campaign}\t{number}\tf\n" for number in range(1, rows + 1))
    columns = "id, email, email_key, name, attributes, created_at"
    return [
        (f"COPY campaigns_recipient ({columns}) FROM STDIN", blocks(recipients)),
        (
            "COPY tracker_pixel (campaign_id, recipient_id, is_test) FROM STDIN",
            blocks(pixels),
        ),
    ]


def blocks(lines: Iterator[str]) -> list[str]:
    made = []
    while some := list(islice(lines, WRITTEN_AT_ONCE)):
        made.append("".join(some))
    return made


def copy_bare(connection: psycopg.Connection, rows: list[tuple[str, list[str]]]) -> None:
    for statement, lines in rows:
        with connection.cursor().copy(statement.encode()) as copy:
            for block in lines:
                copy.write(block)


def measure_sqlite(options: Options, folder: Path, file: Path) -> Run:
    path = folder / "import.sqlite3"
    url = sqlite_url(path)
    for old in folder.glob("import.sqlite3*"):
        old.unlink()
    migrate(["manage.py", "migrate", "--verbosity", "0"], settings(url, folder))
    campaign = new_campaign(url, folder)
    imported = timed_import(url, folder, campaign, file)
    connection = sqlite3.connect(path, isolation_level=None)
    check(connection.execute(STORED).fetchone(), options.import_rows)
    everyone = list(people(options.import_rows))
    seconds = {}
    for keys in ("ON", "OFF"):
        connection.execute("PRAGMA foreign_keys = OFF")
        for name in ("tracker_pixel", "campaigns_recipient"):
            connection.execute(f"DELETE FROM {name}")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA foreign_keys = {keys}")
        seconds[keys] = timed(lambda: insert_bare(connection, campaign, everyone))
    connection.close()
    return replace(imported, database="SQLite", bare=seconds["OFF"], bare_with_keys=seconds["ON"])


def insert_bare(
    connection: sqlite3.Connection, campaign: int, everyone: list[tuple[str, str]]
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO campaigns_recipient (id, email, email_key, name, attributes, created_at) "
        "VALUES (?, ?, ?, ?, '{}', ?)",
        (
            (number, email, email.lower(), name, MADE_AT)
            for number, (email, name) in enumerate(everyone, 1)
        ),
    )
    connection.executemany(
        "INSERT INTO tracker_pixel (campaign_id, recipient_id, is_test) VALUES (?, ?, 0)",
        ((campaign, number) for number in range(1, len(everyone) + 1)),
    )
    connection.execute("COMMIT")


def settings(url: str, folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "SECRET_KEY": "only-for-benchmarks-only-for-benchmarks-only",
        "SPOOL_DIR": os.fspath(folder / "spool"),
        "IMPORT_DIR": os.fspath(folder / "imports"),
    }


def new_campaign(url: str, folder: Path) -> int:
    return int(manage(settings(url, folder), "create_campaign", "Benchmark").output)


def timed_import(url: str, folder: Path, campaign: int, file: Path) -> Run:
    """The whole command, as a person runs it: its start is part of it."""
    ran = manage(settings(url, folder), "import_recipients", str(campaign), os.fspath(file))
    return Run("", 0, 0, ran.seconds, ran.memory_mb)


def timed(work: Callable[[], None]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def check(stored: tuple[int, ...] | None, rows: int) -> None:
    if stored != (rows, rows, rows):
        raise SystemExit(f"{rows:,} rows were imported, and the database holds {stored}")


def imports_table(runs: list[Run]) -> str:
    head = ["database", "bare, s", "bare with foreign keys, s", "import, s", "× bare"]
    head += ["× bare with foreign keys", "most memory, MB"]
    rows = []
    for database in dict.fromkeys(run.database for run in runs):
        of = [run for run in runs if run.database == database]
        ratio = spread(run.imported / run.bare for run in of)
        with_keys = spread(run.imported / run.bare_with_keys for run in of)
        rows.append(
            [
                database,
                f"{spread(run.bare for run in of).median:.1f}",
                f"{spread(run.bare_with_keys for run in of).median:.1f}",
                f"{spread(run.imported for run in of).median:.1f}",
                f"{ratio.median:.2f} ({ratio.least:.2f}–{ratio.most:.2f})",
                f"{with_keys.median:.2f} ({with_keys.least:.2f}–{with_keys.most:.2f})",
                f"{max(run.memory_mb for run in of):.0f}",
            ]
        )
    return table(head, rows)
