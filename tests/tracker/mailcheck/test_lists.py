"""The one snippet for a whole list, in a mail that is checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tracker.mailcheck.cases import PUBLIC_URL, SETTING, check, found, html, levels, problems
from tracker.ceiling import Ceiling
from tracker.list_hits import ListReader, Name
from tracker.mailcheck import Level, Lists, MailCheck, Owner
from tracker.mailing_tools import TOOLS
from tracker.tokens import CODE, LIST, Tokens

KEY = "only-for-tests-only-for-tests-only-for-tests"
CAMPAIGNS, CODES = Tokens(KEY, purpose=LIST), Tokens(KEY, purpose=CODE)


def owner_of(campaign_id: int, name: Name) -> Owner | None:
    is_ann = campaign_id == 1 and name in ("ann@example.com", 7)
    return Owner(1, "Spring", is_test=False, address="ann@example.com") if is_ann else None


READER = ListReader(CAMPAIGNS, CODES, Ceiling(0))
WITH_LISTS = replace(SETTING, lists=Lists(READER.campaign_of, READER.name_in, owner_of))


def img(query: str, campaign_id: int = 1) -> str:
    url = f"{PUBLIC_URL}/o/c/{CAMPAIGNS.make(campaign_id)}.gif{query}"
    return f'<img src="{url}" width="1" height="1" alt="" border="0">'


def checked(query: str, campaign_id: int = 1) -> MailCheck:
    return check(html(f"<p>News</p>{img(query, campaign_id)}"), WITH_LISTS)


@pytest.mark.parametrize(
    "query",
    [
        "?r=ann@example.com",
        "?r=ann%40example.com&amp;utm=1",
        f"?r={CODES.make(7)}",
    ],
)
def test_a_list_snippet_that_names_a_recipient_is_ready(query: str) -> None:
    found_here = checked(query)
    assert problems(found_here) == []
    assert levels(found_here, Level.OK)[:3] == ["once", "list-snippet", "list-recipient"]


@pytest.mark.parametrize("tag", sorted({tag for t in TOOLS for tag in (t.code, t.address)}))
def test_the_merge_tag_of_every_tool_is_known_when_nobody_filled_it_in(tag: str) -> None:
    assert problems(checked(f"?r={tag}")) == ["list-merge-tag"]
    assert tag in found(checked(f"?r={tag}"), "list-merge-tag").sentence


@pytest.mark.parametrize(
    ("query", "problem", "is_ready"),
    [
        ("", "list-empty", False),
        ("?r=", "list-empty", False),
        ("?r=+", "list-empty", False),
        ("?email=ann@example.com", "list-empty", False),
        ("?r=me@example.com", "list-stranger", True),
        ("?r=Ann", "list-stranger", True),
        (f"?r={CODES.make(8)}", "list-stranger", True),
    ],
)
def test_a_list_snippet_that_names_nobody_is_told(query: str, problem: str, is_ready: bool) -> None:
    found_here = checked(query)
    assert problems(found_here) == [problem]
    assert found_here.is_ready == is_ready


def test_what_is_wrong_with_its_address_is_told_of_a_list_snippet_too() -> None:
    good = img("?r=ann@example.com")
    for spoilt, problem in (
        (good.replace("https:", "http:"), "http"),
        (good.replace("https:", ""), "no-scheme"),
        (good.replace(".gif", ".\ngif"), "folded"),
        (good.replace('"', "”"), "curly-quotes"),
    ):
        assert problem in problems(check(html(spoilt), WITH_LISTS)), problem
    assert not check(html(good.replace(".gif", "")), WITH_LISTS).is_ready


def test_another_campaigns_list_snippet_is_a_fault() -> None:
    assert problems(checked("?r=ann@example.com", 2)) == ["other-campaign-list"]


def test_a_forged_list_snippet_is_a_fault() -> None:
    spoilt = img("?r=ann@example.com").replace(CAMPAIGNS.make(1), "A" * 24)
    assert not check(html(spoilt), WITH_LISTS).is_ready
