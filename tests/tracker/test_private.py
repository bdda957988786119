from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campaigns.imports import files
from tests.ends import path_of
from tests.server import installation
from tracker.private import PrivateConnection


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_database_and_its_logs_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    """By the commands that make it: the configured one, and the one that is moved to."""
    file, other = tmp_path / "db.sqlite3", tmp_path / "other.sqlite3"
    with installation(DATABASE_URL=f"sqlite:///{file}") as made:
        # Made by the command, not the tests' copy of a migrated one.
        file.unlink()
        made.manage("migrate", "--verbosity", "0")
        assert mode(file) == 0o600
        with sqlite3.connect(file) as held:
            held.execute("CREATE TABLE a (b)")
            assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
            assert (tmp_path / "db.sqlite3-wal").exists()
        held.close()
        made.manage("move_to", f"sqlite:///{other}")
        assert mode(path_of(f"sqlite:///{other}")) == 0o600


def test_a_file_that_is_there_keeps_its_rights_and_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite3"
    with sqlite3.connect(file) as before:
        before.execute("CREATE TABLE a (b)")
    before.close()
    file.chmod(0o640)
    connection = sqlite3.connect(file, factory=PrivateConnection)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("a",)]
    connection.close()
    assert mode(file) == 0o640


def test_what_is_no_file_is_left_to_sqlite(tmp_path: Path) -> None:
    for name in ("file:memory?mode=memory", ":memory:", ""):
        sqlite3.connect(name, uri=True, factory=PrivateConnection).close()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(tmp_path / "no" / "db.sqlite3", factory=PrivateConnection)
    assert list(tmp_path.iterdir()) == []


def test_an_uploaded_list_is_private_even_in_a_folder_that_is_not(
    settings: Any, tmp_path: Path
) -> None:
    settings.IMPORT_DIR = str(tmp_path)
    tmp_path.chmod(0o755)
    list_file = tmp_path / "list.csv"
    list_file.write_bytes(b"email\nada@example.com\n")
    with list_file.open("rb") as content:
        kept = files.keep(content)
    assert mode(kept) == 0o600
    assert kept.read_bytes() == list_file.read_bytes()
