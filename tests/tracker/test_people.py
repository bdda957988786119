from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import QueryDict

from campaigns.models import Campaign, Recipient
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tracker.models import Pixel, UniqueOpen
from tracker.pixels import ensure_test_pixel
from tracker.reports import people
from tracker.reports.people import People, Query, people_page
from tracker.reports.totals import totals_of
from tracker.writer import write_hits

NOON = 1_770_000_000_000_000


def page_of(campaign: Campaign, url: str) -> People:
    parameters = QueryDict(url.split("#")[0].removeprefix("?")).dict()
    fresh = Campaign.objects.get(pk=campaign.pk)
    return people_page(fresh, totals_of(fresh), Query.from_url(parameters), keep={})


def walk(campaign: Campaign, url: str) -> tuple[list[int], list[int]]:
    """All rows by the links forward, and again by the links back from the last page."""
    forward, url_of_last = [], url
    page = page_of(campaign, url)
    forward += [row.pk for row in page.rows]
    while page.next_url:
        url_of_last = page.next_url
        page = page_of(campaign, url_of_last)
        forward += [row.pk for row in page.rows]
    backward = [row.pk for row in page.rows]
    while page.previous_url:
        page = page_of(campaign, page.previous_url)
        backward = [row.pk for row in page.rows] + backward
    return forward, backward


@pytest.fixture
def opened_campaign(real_db: None, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """23 recipients; 17 opened, some at the same moment and equally often."""
    monkeypatch.setattr(people, "ROWS", 4)
    campaign = make_campaign(*emails(23))
    pixels = pixels_of(campaign)
    write_hits(
        [
            make_hit(pixel.pk, at=NOON + number % 5 * 1_000_000 + again)
            for number, pixel in enumerate(pixels[:17])
            for again in range(1 + number % 3)
        ]
    )
    return campaign


@pytest.mark.parametrize(
    "sort", ["address", "-address", "first", "-first", "-last", "last", "opens", "-opens"]
)
def test_turning_pages_shows_every_opener_once_in_order_there_and_back(
    sort: str, opened_campaign: Campaign
) -> None:
    forward, backward = walk(opened_campaign, f"?show=opened&sort={sort}")
    assert len(forward) == len(set(forward)) == 17
    assert backward == forward
    column = people.SHOWS["opened"].sorts[sort.removeprefix("-")]
    order = ["-" + column, "-pk"] if sort.startswith("-") else [column, "pk"]
    expected = Pixel.objects.opened().order_by(*order)
    assert forward == [pixel.pk for pixel in expected]


def test_openers_stand_in_the_order_of_how_often_people_opened_not_machines(
    opened_campaign: Campaign,
) -> None:
    often, read = pixels_of(opened_campaign)[:2]
    write_hits([make_hit(often.pk, user_agent="curl/8.5.0") for _ in range(9)])
    write_hits([make_hit(read.pk) for _ in range(3)])
    first = page_of(opened_campaign, "?show=opened&sort=-opens").rows[0]
    assert (first.pk, first.human_open_count) == (read.pk, first.open_count)
    assert often.pk not in [row.pk for row in page_of(opened_campaign, "?show=machines").rows]


@pytest.mark.parametrize(("show", "count"), [("all", 23), ("unopened", 6), ("bounced", 0)])
def test_each_tab_shows_whom_it_names(show: str, count: int, opened_campaign: Campaign) -> None:
    forward, backward = walk(opened_campaign, f"?show={show}")
    assert len(set(forward)) == len(forward) == count
    assert forward == backward


def test_the_tabs_carry_the_counts(opened_campaign: Campaign) -> None:
    tabs = page_of(opened_campaign, "").tabs
    assert [(tab.label, tab.count) for tab in tabs] == [
        ("All", 23),
        ("Opened", 17),
        ("Machine only", 0),
        ("Unclear", 0),
        ("Not opened", 6),
        ("Bounced", 0),
    ]
    assert [tab.is_current for tab in tabs] == [True] + [False] * 5


def test_a_search_finds_parts_of_address_and_name_within_the_tab(opened_campaign: Campaign) -> None:
    Recipient.objects.filter(email="r0020@example.com").update(name="Zoe Ørsted")
    assert len(page_of(opened_campaign, "?q=R002").rows) == 3
    assert len(page_of(opened_campaign, "?q=zoe").rows) == 1
    assert page_of(opened_campaign, "?q=zoe&show=opened").rows == []
    assert "zoe" in page_of(opened_campaign, "?q=zoe&show=opened").empty_text


def test_the_test_pixel_is_nobody(opened_campaign: Campaign) -> None:
    pixel = ensure_test_pixel(opened_campaign)
    write_hits([make_hit(pixel.pk)])
    for show in ("all", "opened", "unopened"):
        assert pixel.pk not in walk(opened_campaign, f"?show={show}")[0]


def test_a_place_beyond_the_end_shows_the_first_page(opened_campaign: Campaign) -> None:
    for place in ("after=zzz~1", "before=a~1"):
        page = page_of(opened_campaign, f"?show=all&{place}")
        assert [row.pk for row in page.rows] == [
            row.pk for row in page_of(opened_campaign, "").rows
        ]


def test_another_campaigns_people_are_not_shown(opened_campaign: Campaign) -> None:
    other = make_campaign("stranger@example.com")
    assert len(page_of(other, "").rows) == 1


def test_a_column_that_is_sorted_by_offers_the_other_direction(opened_campaign: Campaign) -> None:
    columns = {column.label: column for column in page_of(opened_campaign, "?show=opened").columns}
    assert columns["First open"].direction == "descending"
    assert columns["First open"].url is not None
    assert "sort=first" in columns["First open"].url
    assert columns["Recipient"].direction is None
    assert columns["Client"].url is None
    on_all = {column.label: column for column in page_of(opened_campaign, "").columns}
    assert on_all["Last open"].url is None


def test_a_page_takes_two_queries_and_a_search_one(
    opened_campaign: Campaign, django_assert_num_queries: Any
) -> None:
    totals = totals_of(Campaign.objects.get(pk=opened_campaign.pk))
    for url in ({}, {"show": "opened"}, {"q": "r00"}, {"show": "opened", "sort": "-opens"}):
        with django_assert_num_queries(1 if "q" in url else 2):
            people_page(opened_campaign, totals, Query.from_url(url), keep={})


def test_rows_that_change_place_meanwhile_do_not_break_the_pages(opened_campaign: Campaign) -> None:
    first = page_of(opened_campaign, "?show=opened&sort=-last")
    moved = first.rows[-1]
    write_hits([make_hit(moved.pk, at=NOON + 10**9)])
    assert first.next_url is not None
    rest = page_of(opened_campaign, first.next_url)
    assert moved.pk not in [row.pk for row in rest.rows]
    now = UniqueOpen.objects.get(pixel=moved)
    assert now.last_opened_at - now.first_opened_at > timedelta(minutes=10)
