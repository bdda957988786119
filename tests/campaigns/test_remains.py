from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from campaigns import remains
from campaigns.models import Recipient
from campaigns.remains import clear_remains

pytestmark = pytest.mark.usefixtures("real_db")

NAME = "Zebulon Quarkfinder"


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def in_files() -> bool:
    """Is the name in SQLite's file, or in one of those that stand beside it?"""
    path = Path(connection.settings_dict["NAME"])
    files = [path, *path.parent.glob(f"{path.name}-*")]
    return any(NAME.encode() in file.read_bytes() for file in files)


@contextmanager
def reading() -> Iterator[None]:
    """Somebody looks at the database as it is now, and for long."""
    reader = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM campaigns_recipient").fetchone()
        yield
    finally:
        reader.close()


def add_and_forget() -> None:
    person = Recipient.objects.create(email="z@example.com", name=NAME)
    if is_sqlite():
        assert clear_remains()
        assert in_files()
    Recipient.objects.filter(pk=person.pk).update(name="")


def vacuumed_at(table: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_vacuum FROM pg_stat_user_tables WHERE relname = %s", [table])
        return cursor.fetchone()[0]


def test_what_was_changed_is_in_no_file_of_sqlite_once_it_is_cleared() -> None:
    add_and_forget()
    if is_sqlite():
        assert in_files(), "the old page is still in the main file"
        assert clear_remains()
        assert not in_files()


def test_what_was_freed_is_overwritten() -> None:
    if is_sqlite():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete")
            assert cursor.fetchone() == (1,)
    people = [Recipient(email=f"{n}@example.com", name=f"{NAME} the {n}th") for n in range(500)]
    Recipient.objects.bulk_create(people)
    Recipient.objects.all().delete()
    assert clear_remains([Recipient])
    assert not (is_sqlite() and in_files())


def test_a_reader_of_an_older_moment_is_waited_for_a_while_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not is_sqlite():
        return
    monkeypatch.setattr(remains, "TRIES", 3)
    add_and_forget()
    with reading():
        add_and_forget_again = Recipient.objects.create(email="y@example.com")
        began = time.monotonic()
        assert not clear_remains()
        assert time.monotonic() - began < 5
        add_and_forget_again.delete()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20_000,), "others are waited for as before"
    assert clear_remains()
    assert not in_files()


def test_inside_a_transaction_nothing_is_done() -> None:
    add_and_forget()
    with transaction.atomic():
        assert not clear_remains([Recipient])


def test_old_rows_of_postgresql_are_vacuumed_and_large_tables_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if is_sqlite():
        return
    add_and_forget()
    before = vacuumed_at("campaigns_recipient")
    monkeypatch.setattr(remains, "LARGEST", 1)
    assert clear_remains([Recipient])
    assert vacuumed_at("campaigns_recipient") == before
    monkeypatch.undo()
    assert clear_remains([Recipient])
    until = time.monotonic() + 10
    while vacuumed_at("campaigns_recipient") == before:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_month_of_opens_is_vacuumed_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.conftest import emails, make_campaign, make_hit, pixels_of
    from tracker.models import Open
    from tracker.writer import write_hits

    write_hits([make_hit(one.pk) for one in pixels_of(make_campaign(*emails(2)))])
    assert clear_remains([Open])
    if not is_sqlite():
        with connection.cursor() as cursor:
            cursor.execute(remains.LEAVES, {"table": "tracker_open", "largest": remains.LARGEST})
            leaves = [name for (name,) in cursor.fetchall()]
        assert leaves
        assert "tracker_open" not in leaves
