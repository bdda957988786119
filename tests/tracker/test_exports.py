from __future__ import annotations

import csv
import io
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.imports.addresses import fault_of
from campaigns.imports.rows import FORMULA_STARTS
from campaigns.models import Recipient
from tests.conftest import emails, make_campaign
from tracker import exports
from tracker.exports import (
    csv_blocks,
    harmless,
    harmless_address,
    people_rows,
)

DOMAINS = ["example.com", "a-b.de", "münchen.example"]


@given(st.text())
def test_no_cell_begins_as_a_formula(cell: str) -> None:
    shown = harmless(cell)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert shown.removeprefix("'") == cell.removeprefix("'")


LOCAL = st.text("ab9.+-=@!|'/&%{}*#$^~`?_ü(\"\t ,;:<>[]\\", min_size=1, max_size=12)


@given(
    st.builds("{}{}@{}".format, st.sampled_from("=+-@＝＋－＠'a"), LOCAL, st.sampled_from(DOMAINS))
)
@example("+49@example.com")
@example("-ann.lee-b+c@example.com")
@example("=cmd|'/C/calc'!A0@example.com")
@example("+cmd|'/C/calc'!A0@example.com")
@example("@SUM(1+1)*cmd|'/C/calc'!A0")
@example("-2+3+cmd|' /C calc'!A0@example.com")
@example("=1+1@example.com")
def test_an_address_stays_as_it_is_or_cannot_be_a_formula(email: str) -> None:
    written = harmless_address(email)
    if written == email:
        begins = written.startswith(FORMULA_STARTS)
        # Without these nothing is called, run or fetched.
        assert not begins or (email[0] in "+-" and not set(email) & set("=!|'/(){}\"`:;,<>[]\\ \t"))
    else:
        assert written == f"'{email}"
        assert fault_of(email) or set(email) - set("+-._@") - set(ascii_letters + digits)


@given(st.from_regex(r"[+-][A-Za-z0-9+._-]{0,12}@[a-z][a-z0-9-]{0,8}\.(com|de)", fullmatch=True))
def test_an_ordinary_address_is_never_changed(email: str) -> None:
    assert harmless_address(email) == email


@given(st.lists(st.tuples(st.text(), st.text()), max_size=30), st.integers(1, 7))
def test_the_blocks_together_are_the_whole_file(
    rows: list[tuple[str, str]], rows_a_block: int
) -> None:
    text = "".join(csv_blocks(rows, rows_a_block=rows_a_block))
    expected = io.StringIO()
    csv.writer(expected).writerows(rows)
    assert text == expected.getvalue()


@pytest.mark.django_db
def test_a_name_that_is_a_formula_is_made_harmless() -> None:
    campaign = make_campaign("=cmd@example.com")
    Recipient.objects.update(name='=HYPERLINK("http://evil.example","x")')
    _, row = people_rows(campaign)
    assert row[0] == "'=cmd@example.com"
    assert row[1].startswith("'=HYPERLINK")


@pytest.mark.django_db
def test_memory_does_not_grow_with_the_campaign(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PIXELS_READ", 5)
    campaign = make_campaign(*emails(12))
    rows = people_rows(campaign)
    with django_assert_num_queries(1):
        for _ in range(1 + 5):
            next(rows)
    with django_assert_num_queries(3):
        assert len(list(rows)) == 7
