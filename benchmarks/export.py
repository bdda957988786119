"""How long all snippets take to write, beside the same lines from memory with the csv module."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.commands import manage
from benchmarks.databases import migrate
from benchmarks.measure import spread
from benchmarks.options import Options
from benchmarks.postgresql import own_database, settle
from benchmarks.tables import table

COMMAND = ("export_snippets", "1", "--output")
SETTINGS = {"SECRET_KEY": "benchmark-" * 6, "PUBLIC_URL": "https://track.example.com"}
FILL = (
    "INSERT INTO campaigns_campaign (id, name, subject, time_zone, created_at) "
    "VALUES (1, 'Export', '', 'UTC', now())",
    "INSERT INTO campaigns_recipient (id, email, email_key, name, created_at) "
    "SELECT n, 'recipient' || n || '@example.com', 'recipient' || n || '@example.com', "
    "'Recipient ' || n, now() FROM generate_series(1, {recipients}) AS n",
    "INSERT INTO tracker_pixel (id, campaign_id, recipient_id, is_test) "
    "SELECT n, 1, n, false FROM generate_series(1, {recipients}) AS n",
)


@dataclass(frozen=True)
class Export:
    """Seconds of each round, and the memory that the command took at most."""

    command: Sequence[float]
    memory_mb: float
    csv_module: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """Round by round, so that what else happens on the machine happens to both."""
        pairs = zip(self.command, self.csv_module, strict=True)
        return [command / module for command, module in pairs]


def measure_export(options: Options) -> Export:
    with TemporaryDirectory(prefix="glimpse-bench-") as name, filled(options) as url:
        file = Path(name) / "snippets.csv"
        commands, modules, memories = [], [], []
        for number in range(options.rounds):
            # Seconds with Python's start.
            ran = manage({"DATABASE_URL": url, **SETTINGS}, *COMMAND, os.fspath(file))
            rows = lines_of(file, options.export_recipients)
            commands.append(ran.seconds)
            memories.append(ran.memory_mb)
            modules.append(write_from_memory(rows, Path(name) / "module.csv"))
            print(f"round {number + 1}: {ran.seconds:.2f} s, {modules[-1]:.2f} s", flush=True)
            del rows
        return Export(commands, max(memories), modules)


@contextmanager
def filled(options: Options) -> Iterator[str]:
    print(f"loading {options.export_recipients:,} recipients", flush=True)
    with own_database(options.postgresql, "export") as url:
        migrate(["manage.py", "migrate", "--verbosity", "0"], {"DATABASE_URL": url, **SETTINGS})
        with psycopg.connect(url) as connection:
            for statement in FILL:
                connection.execute(statement.format(recipients=options.export_recipients).encode())
        settle(url)
        yield url


def lines_of(file: Path, recipients: int) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    if len(rows) != recipients + 1:
        raise SystemExit(f"{len(rows) - 1:,} lines for {recipients:,} recipients")
    return rows


def write_from_memory(rows: Sequence[Sequence[str]], file: Path) -> float:
    began = time.perf_counter()
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return time.perf_counter() - began


def export_table(export: Export, recipients: int) -> str:
    command, module, ratio = map(spread, (export.command, export.csv_module, export.ratios))
    return table(
        [f"{recipients:,} snippets", "seconds, median (min–max)", "× csv module", "memory, MB"],
        [
            [
                "`export_snippets` on PostgreSQL, from start to end",
                f"{command.median:.1f} ({command.least:.1f}–{command.most:.1f})",
                f"{ratio.median:.2f} ({ratio.least:.2f}–{ratio.most:.2f})",
                f"{export.memory_mb:,.0f}",
            ],
            [
                "the same lines with Python’s csv module from memory",
                f"{module.median:.1f} ({module.least:.1f}–{module.most:.1f})",
                "1",
                "",
            ],
        ],
    )
