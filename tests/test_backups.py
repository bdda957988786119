"""Dumped and restored for real, while a server takes hits: what was answered before is there."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.clients import MailReaders
from tests.ends import TRIED, database, path_of
from tests.moving.platforms import assert_equal, failure, on, platform
from tests.server import installation
from tests.test_away import opens_of
from tests.test_flow import new_campaign, request
from tracker.backups import BackupError, back_up, command_line, connection_environment


@pytest.fixture(autouse=True)
def other_databases(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def restore(backup: Path, url: str) -> None:
    """As docs/backups.md says."""
    if url.startswith("sqlite"):
        subprocess.run(["install", "-m", "600", str(backup), str(path_of(url))], check=True)
        return
    assert shutil.which("pg_restore"), "PostgreSQL's client has to be installed for this test"
    options = ["--exit-on-error", "--no-owner", f"--dbname={url}"]
    subprocess.run(["pg_restore", *options, str(backup)], check=True)


@pytest.mark.parametrize("kind", TRIED)
def test_a_backup_under_load_has_every_hit_that_was_answered_before_and_no_drift(
    kind: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        made = stack.enter_context(platform(tmp_path, kind))
        url = stack.enter_context(database(kind, tmp_path))
        backup = tmp_path / "backup"
        with made.serving():
            campaign_id, paths = new_campaign(made, 20)
            with MailReaders(made, paths) as readers:
                readers.wait_for(50)
                before = readers.answered
                said = made.manage("backup", str(backup))
                # One request of each reader may have been on its way.
                after = readers.answered + 4
                readers.wait_for(10)
        assert readers.failures == []
        assert "PIXEL_KEY" in said
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("backup")] == [
            "backup"
        ]
        restore(backup, url)
        restored = on(made, url)
        assert before <= opens_of(restored, campaign_id) <= after
        assert json.loads(restored.manage("verify_counts", "--json"))["drift"] == 0
        # It is a platform like the other: the pixels in the mailboxes open.
        counted = opens_of(restored, campaign_id)
        with restored.serving():
            request(restored, paths[0])
        assert opens_of(restored, campaign_id) == counted + 1


@pytest.mark.parametrize("kind", TRIED)
def test_a_restored_backup_is_equal_row_by_row(kind: str, tmp_path: Path) -> None:
    with platform(tmp_path, kind) as made, database(kind, tmp_path) as url:
        made.manage("demo")
        made.manage("backup", str(tmp_path / "backup"))
        restore(tmp_path / "backup", url)
        assert_equal(made.environment["DATABASE_URL"], url)


def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    with installation() as made:
        kept = made.file("kept", "yesterday")
        assert "never overwrites" in failure(made, "backup", kept)
        assert Path(kept).read_text() == "yesterday"
        assert "There is no directory" in failure(made, "backup", str(tmp_path / "no" / "file"))


def test_a_damaged_database_leaves_no_backup_that_looks_good(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    database_file = sqlite3.connect(path)
    with database_file:
        database_file.execute("CREATE TABLE one (number integer, text text)")
        database_file.execute("CREATE INDEX one_number ON one (number)")
        rows = ((number, "x" * 200) for number in range(2_000))
        database_file.executemany("INSERT INTO one VALUES (?, ?)", rows)
    database_file.close()
    with path.open("r+b") as file:
        file.seek(20 * 4096)
        file.write(os.urandom(8 * 4096))
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
    with pytest.raises(BackupError, match=r"damaged|cannot be copied"):
        back_up(sqlite, tmp_path / "backup")
    assert [each.name for each in tmp_path.iterdir()] == ["db.sqlite3"]


def test_without_postgresqls_tools_the_command_line_is_told_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "db.example.com",
        "PORT": 5433,
        "USER": "glimpse",
        "PASSWORD": "hush",
        "NAME": "opens",
    }
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="not installed") as raised:
        back_up(server, tmp_path / "backup")
    line = command_line(server)
    assert line in str(raised.value)
    assert "--host=db.example.com --port=5433 --username=glimpse opens" in line
    assert "hush" not in str(raised.value)
    assert connection_environment(server)["PGPASSWORD"] == "hush"
    assert list(tmp_path.iterdir()) == []


def test_a_dump_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    nobody = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": 1,
        "USER": "glimpse",
        "NAME": "opens",
    }
    assert shutil.which("pg_dump"), "PostgreSQL's client has to be installed for this test"
    with pytest.raises(BackupError, match="pg_dump failed"):
        back_up(nobody, tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []
