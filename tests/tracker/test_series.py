from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from campaigns.models import Campaign
from tests.tracker.test_clock import ZONES, quarters, zooms
from tracker.models import QuarterHourCounts
from tracker.reports.clock import ZOOMS, By, start_of, starts_between
from tracker.reports.series import LEAST_SHOWN, Point, add_up, ends_of, series_of, whole_series

FIRST = datetime(2026, 3, 1, 6, 15, tzinfo=UTC)
# Both ends of summer time in Berlin.
SPRING = datetime(2026, 3, 28, 22, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 21, tzinfo=UTC)


def count(campaign: Campaign, *rows: tuple[datetime, int, int]) -> None:
    """Opens and opens by people in these quarters; half of either are first ones."""
    QuarterHourCounts.objects.bulk_create(
        QuarterHourCounts(
            campaign=campaign,
            starts_at=starts_at,
            opens=opens,
            human_opens=human,
            unique_opens=opens // 2,
            unique_human_opens=human // 2,
        )
        for starts_at, opens, human in rows
    )


def moment_of(start: datetime) -> datetime:
    """Two hours that the clocks repeat are equal on one zone's clock."""
    return start.astimezone(UTC)


def windows_of(campaign: Campaign, by: By) -> list[Point]:
    """All windows that “Later” leads to."""
    ends = ends_of(campaign)
    assert ends is not None
    seen: list[Point] = []
    window = 0
    while True:
        found = series_of(campaign, ends, by=by, window=window)
        assert found.window == window
        assert found.earlier == (window > 0)
        seen += found.points
        if not found.later:
            return seen
        window += 1


@given(
    first=quarters,
    offsets=st.lists(st.integers(0, 4 * 24 * 5), min_size=1, max_size=30),
    zone=st.sampled_from(ZONES),
    by=zooms,
)
def test_every_open_is_in_exactly_one_stretch_of_every_zone(
    first: datetime, offsets: list[int], zone: str, by: By
) -> None:
    info = ZoneInfo(zone)
    rows = [(first + timedelta(minutes=15 * offset), 2, 1, 1, 0) for offset in {0, *offsets}]
    last = max(row[0] for row in rows)
    points = add_up(rows, list(starts_between(first, last, by, info)))
    assert sum(point.opens for point in points) == 2 * len(rows)
    assert sum(point.human_opens for point in points) == len(rows)
    by_start = {moment_of(start_of(row[0], by, info)) for row in rows}
    assert by_start == {moment_of(point.starts_at) for point in points if point.opens}


class TestOfTheDatabase(TestCase):
    @settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(
        first=st.sampled_from([SPRING, AUTUMN, FIRST]),
        counts=st.dictionaries(
            st.integers(0, 40) | st.integers(0, 4 * 24 * 70),
            st.tuples(st.integers(0, 9), st.integers(0, 9)),
            min_size=1,
            max_size=25,
        ),
        zone=st.sampled_from(ZONES),
        is_sent=st.booleans(),
    )
    def test_each_zoom_adds_up_to_the_quarters(
        self, first: datetime, counts: dict[int, tuple[int, int]], zone: str, is_sent: bool
    ) -> None:
        campaign = Campaign.objects.create(
            name="Any", time_zone=zone, sent_at=first - timedelta(hours=7) if is_sent else None
        )
        rows = [
            (first + timedelta(minutes=15 * n), human + others, human)
            for n, (human, others) in counts.items()
        ]
        count(campaign, *rows)
        info = ZoneInfo(zone)
        ends = ends_of(campaign)
        assert ends is not None
        for by in ZOOMS:
            if by == "quarter" and max(counts) > 500:
                continue  # hundreds of windows, one like the other
            expected: dict[datetime, list[int]] = {}
            for starts_at, opens, human in rows:
                sums = expected.setdefault(moment_of(start_of(starts_at, by, info)), [0, 0, 0, 0])
                for i, number in enumerate((opens, human, opens // 2, human // 2)):
                    sums[i] += number
            points = windows_of(campaign, by)
            found = {
                moment_of(point.starts_at): [
                    point.opens,
                    point.human_opens,
                    point.unique_opens,
                    point.unique_human_opens,
                ]
                for point in points
            }
            assert len(found) == len(points), "no stretch twice"
            assert {start: sums for start, sums in found.items() if any(sums)} == {
                start: sums for start, sums in expected.items() if any(sums)
            }
            file = list(whole_series(campaign, ends, by=by))
            assert file == points[: len(file)]
            assert sum(point.opens for point in file) == sum(row[1] for row in rows)


@pytest.mark.django_db
def test_a_campaign_without_opens_has_no_series() -> None:
    assert ends_of(Campaign.objects.create(name="Empty")) is None


@pytest.mark.django_db
@pytest.mark.parametrize("by", ZOOMS)
def test_a_window_takes_one_query_and_at_most_as_many_rows_as_bars(
    by: By, django_assert_num_queries: Any
) -> None:
    campaign = Campaign.objects.create(name="Long", time_zone="Asia/Kolkata")
    count(campaign, *((FIRST + timedelta(hours=7 * n), 3, 1) for n in range(400)))
    ends = ends_of(campaign)
    assert ends is not None
    with django_assert_num_queries(1):
        series_of(campaign, ends, by=by)
    starts = [point.starts_at.astimezone(UTC) for point in windows_of(campaign, by)]
    if by == "hour":
        assert {b - a for a, b in pairwise(starts)} == {timedelta(hours=1)}


@pytest.mark.django_db
def test_a_window_beyond_the_end_is_the_last_one() -> None:
    campaign = Campaign.objects.create(name="Short")
    count(campaign, (FIRST, 1, 1))
    ends = ends_of(campaign)
    assert ends is not None
    found = series_of(campaign, ends, by="day", window=99)
    assert (found.window, found.later, len(found.points)) == (0, False, LEAST_SHOWN["day"])


@pytest.mark.django_db
def test_the_chart_begins_when_the_mail_was_sent() -> None:
    campaign = Campaign.objects.create(name="Sent", sent_at=FIRST - timedelta(hours=3, minutes=15))
    count(campaign, (FIRST, 1, 1))
    ends = ends_of(campaign)
    assert ends is not None
    assert series_of(campaign, ends, by="hour").points[0].starts_at == campaign.sent_at


@pytest.mark.django_db
@pytest.mark.parametrize(("start", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_of_another_length_holds_all_its_quarters(start: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    midnight = datetime.fromisoformat(start).replace(tzinfo=zone).astimezone(UTC)
    campaign = Campaign.objects.create(name="Shift", time_zone="Europe/Berlin")
    before, after = midnight - timedelta(minutes=15), midnight + timedelta(hours=hours)
    of_the_day = [midnight + timedelta(minutes=15 * n) for n in range(4 * hours)]
    count(campaign, (before, 100, 0), *((one, 1, 1) for one in of_the_day), (after, 1000, 0))
    days = [point.opens for point in windows_of(campaign, "day") if point.opens]
    assert days == [100, 4 * hours, 1000]
    hours_of_it = [point.opens for point in windows_of(campaign, "hour") if point.human_opens]
    assert hours_of_it == [4] * hours
