"""Whoever is erased is in no file of the database, while the server runs and hits come in."""

from __future__ import annotations

import csv
import io
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.server import Installation, installation

ANN, NAME = "ann.quarkfinder@example.com", "Ann Quarkfinder"


def places(there: Installation) -> list[str]:
    words = (b"quarkfinder", ANN.encode())
    return [
        path.name
        for path in sorted(there.directory.rglob("*"))
        if path.is_file() and any(word in path.read_bytes().lower() for word in words)
    ]


@contextmanager
def opening(urls: list[str]) -> Iterator[list[int]]:
    """One hit after another, until the block ends."""
    is_over = threading.Event()
    hits = [0]

    def load() -> None:
        while not is_over.is_set():
            with urllib.request.urlopen(urls[hits[0] % len(urls)], timeout=30) as answer:
                answer.read()
            hits[0] += 1
            # More of them would soon make SQLite write its log back by itself.
            time.sleep(0.2)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        yield hits
    finally:
        is_over.set()
        thread.join(60)


def write_log_back(there: Installation) -> None:
    """SQLite: what was imported stands in the main file, as it does after a while."""
    path = there.directory / "db.sqlite3"
    if path.exists():
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert "db.sqlite3" in places(there)


def test_an_erased_person_is_in_no_file_while_the_server_runs_and_hits_come_in() -> None:
    with installation() as there, there.serving():
        there.manage("create_campaign", "Spring")
        others = "".join(f"r{number}@example.com,Person {number}\n" for number in range(300))
        lines = f"email,name\n{ANN},{NAME}\n{others}"
        there.manage("import_recipients", "1", there.file("list.csv", lines))
        (there.directory / "list.csv").unlink()
        rows = csv.DictReader(io.StringIO(there.manage("export_snippets", "1")))
        urls = [row["pixel_url"] for row in rows]
        with opening(urls) as hits:
            write_log_back(there)
            there.manage("erase_person", ANN, "--yes")
            assert places(there) == []
            enough = hits[0] + 20
            while hits[0] < enough:
                time.sleep(0.05)
            assert places(there) == []
        there.manage("verify_counts")
