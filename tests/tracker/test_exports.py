from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Recipient
from tests.conftest import emails, make_campaign
from tracker import exports
from tracker.exports import csv_blocks, harmless, people_rows, snippet_rows


@given(st.text())
def test_no_cell_begins_as_a_formula(cell: str) -> None:
    shown = harmless(cell)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert shown.removeprefix("'") == cell.removeprefix("'")


@given(st.lists(st.tuples(st.text(), st.text()), max_size=30), st.integers(1, 7))
def test_the_blocks_together_are_the_whole_file(
    rows: list[tuple[str, str]], rows_a_block: int
) -> None:
    text = "".join(csv_blocks(rows, rows_a_block=rows_a_block))
    expected = io.StringIO()
    csv.writer(expected).writerows(rows)
    assert text == expected.getvalue()


@pytest.mark.django_db
def test_snippets_are_exported_one_line_a_recipient_without_the_test_pixel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "PIXELS_READ", 4)
    campaign = make_campaign(*emails(10))
    header, *rows = snippet_rows(campaign)
    assert header == ("email", "name", "pixel_url", "snippet")
    assert [row[0] for row in rows] == emails(10)
    assert all(f'src="{row[2]}"' in row[3] for row in rows)
    assert len({row[2] for row in rows}) == 10


@pytest.mark.django_db
def test_a_name_that_is_a_formula_is_made_harmless() -> None:
    campaign = make_campaign("=cmd@example.com")
    Recipient.objects.update(name='=HYPERLINK("http://evil.example","x")')
    for rows in (snippet_rows(campaign), people_rows(campaign)):
        _, row = rows
        assert row[0] == "'=cmd@example.com"
        assert row[1].startswith("'=HYPERLINK")


@pytest.mark.django_db
def test_memory_does_not_grow_with_the_campaign(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PIXELS_READ", 5)
    campaign = make_campaign(*emails(12))
    rows = snippet_rows(campaign)
    with django_assert_num_queries(1):
        for _ in range(1 + 5):
            next(rows)
    with django_assert_num_queries(3):
        assert len(list(rows)) == 7
