"""How one import is cut into transactions, and what it checks before it stores anything."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from campaigns.imports import run, start
from campaigns.imports.columns import Columns
from campaigns.imports.ending import cancel
from campaigns.imports.marks import MARKED
from campaigns.imports.rows import Judge
from campaigns.imports.staging import staging_of
from campaigns.models import Import, Recipient, SuppressedAddress
from campaigns.tombstones import bury
from tests.campaigns.imports.test_xlsx import hand_made
from tests.conftest import make_campaign, pixels_of
from tracker.importing.now import work_on

pytestmark = pytest.mark.django_db

EMPTY_LINES = {"blank": b"\n", "cells": b",\n", "spaces": b"  ,\t\n"}


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")


def confirmed(content: bytes) -> Import:
    one = start.upload(make_campaign(), io.BytesIO(content), "list.csv")
    start.confirm(one, Columns.of_json(one.columns or {}), is_dry_run=False)
    return one


@pytest.mark.parametrize("line", EMPTY_LINES.values(), ids=EMPTY_LINES)
def test_a_file_of_empty_lines_shows_progress_and_can_be_cancelled(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK_LINES", 50_000)
    one = confirmed(b"email,name\n" + line * 2_000_000 + b"a@example.com,Ann\n")
    seen: list[tuple[int, int]] = []

    def tell(shown: Import) -> None:
        seen.append((shown.bytes_read, shown.last_line))
        if len(seen) == 10:
            cancel(Import.objects.get(pk=shown.pk))

    done = work_on(one.pk, tell=tell)
    assert done is not None
    assert done.state == Import.State.CANCELLED
    assert len(seen) == 10
    assert all(before < after for (before, _), (after, _) in pairwise(seen[1:]))
    assert seen[-1][1] < 1_500_000


def test_a_chunk_ends_by_time_however_little_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CHUNK_SECONDS", 0.0)
    one = confirmed(b"email\n" + b"a@example.com\n" * 60_000)
    seen: list[int] = []
    done = work_on(one.pk, tell=lambda shown: seen.append(shown.rows))
    assert done is not None
    assert (done.rows, done.created, done.duplicates) == (60_000, 1, 59_999)
    assert len(set(seen)) > 5


@pytest.mark.django_db(transaction=True)
def test_lines_are_judged_while_others_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []
    judge = Judge.judge

    def watched(self: Judge, *given: Any, **named: Any) -> Any:
        judged.append(connection.in_atomic_block)
        return judge(self, *given, **named)

    one = confirmed(b"email\na@example.com\n")
    with mock.patch.object(Judge, "judge", watched):
        work_on(one.pk)
    assert judged == [False] * len(judged)
    assert judged
    assert Recipient.objects.count() == 1


@pytest.mark.parametrize("chunk", [1, 50_000])
def test_excels_mark_of_text_is_left_out_and_counted(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHUNK_ROWS", chunk)
    monkeypatch.setattr("campaigns.imports.lines.BLOCK", 20)
    lines = b"'ann@acme.com,Ann\nbob@acme.com,Bob\n 'cy@acme.com,Cy\n'wrong,Di\n'eve@acme.com',E\n"
    done = work_on(confirmed(b"email,name\n" + lines).pk)
    assert done is not None
    emails = set(Recipient.objects.values_list("email", flat=True))
    assert emails == {f"{name}@acme.com" for name in ("ann", "bob", "cy", "eve")}
    assert [note for note in done.notes if note[0] == MARKED] == [[MARKED, {"count": 2}]]


def test_an_import_whose_figures_do_not_add_up_stores_nothing() -> None:
    one = confirmed(b"email\na@example.com\nb@example.com\n")
    staging = type(staging_of(one))
    add = staging.add

    def forgetful(self: Any, batches: Any) -> None:
        add(self, [rows[1:] for rows in batches])

    with mock.patch.object(staging, "add", forgetful):
        done = work_on(one.pk)
    assert done is not None
    assert done.state == Import.State.FAILED
    assert "2 rows were read" in done.error
    assert not Recipient.objects.exists()
    assert not pixels_of(done.campaign)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "1", "2", "7", "30"]),
        st.sampled_from(
            ["", "wrong", "gone@x.org", "no@x.org", "known@x.org", "a@x.org", "b@x.org"]
        ),
        st.sampled_from(["", "Ann", "c@x.org"]),
    ),
    max_size=12,
)


class SumTest(TestCase):
    """Any workbook: whatever its rows claim to be, each is one of the kinds."""

    @settings(max_examples=30, deadline=None)
    @given(rows=ROWS, chunk=st.integers(1, 4), is_named=st.booleans(), is_dry_run=st.booleans())
    def test_every_row_is_counted_as_one_kind(
        self, rows: list[tuple[str, str, str]], chunk: int, *, is_named: bool, is_dry_run: bool
    ) -> None:
        SuppressedAddress.objects.create(email_key="no@x.org")
        Recipient.objects.create(email="known@x.org")
        bury("gone@x.org")
        every = [("", "email", "name" if is_named else ""), *rows]
        content = hand_made("<a>" + "".join(_row(*row) for row in every) + "</a>")
        one = start.upload(make_campaign(), io.BytesIO(content), "list.xlsx")
        start.confirm(one, Columns.of_json(one.columns or {}), is_dry_run=is_dry_run)
        with mock.patch.object(run, "CHUNK_ROWS", chunk):
            done = work_on(one.pk)
        assert done is not None
        assert done.state == Import.State.DONE, done.error
        assert done.rows == sum(bool(email or name) for _, email, name in rows)
        kinds = ("created", "updated", "duplicates", "suppressed", "erased", "rejected")
        assert done.rows == sum(getattr(done, kind) for kind in kinds)
        assert done.rejected == done.rejected_lines.count()


def _row(number: str, *cells: str) -> str:
    claimed = f' r="{number}"' if number else ""
    filled = "".join(f'<c t="str"><v>{cell}</v></c>' for cell in cells)
    return f"<row{claimed}>{filled}</row>"
