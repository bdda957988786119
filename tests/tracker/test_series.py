from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign
from tracker.models import QuarterHourCounts
from tracker.reports import series
from tracker.reports.series import add_up, bucket_starts, next_start, series_of, start_of

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York"]
ZONES += ["Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "Africa/Cairo"]

quarters = st.integers(1_000_000_000 // 900, 2_000_000_000 // 900).map(
    lambda number: datetime.fromtimestamp(number * 900, UTC)
)
steps: list[Literal["hour", "day"]] = ["hour", "day"]


@given(
    first=quarters,
    offsets=st.lists(st.integers(0, 4 * 24 * 5), min_size=1, max_size=30),
    zone=st.sampled_from(ZONES),
    by=st.sampled_from(steps),
)
def test_every_open_is_in_exactly_one_hour_and_one_day_of_every_zone(
    first: datetime, offsets: list[int], zone: str, by: Literal["hour", "day"]
) -> None:
    info = ZoneInfo(zone)
    rows = [(first + timedelta(minutes=15 * offset), 2, 1) for offset in {0, *offsets}]
    last = max(starts_at for starts_at, _, _ in rows)
    starts = list(bucket_starts(first, last, by, info))
    points = add_up(rows, starts, by, info)
    assert sum(point.opens for point in points) == 2 * len(rows)
    assert sum(point.human_opens for point in points) == len(rows)
    moments = [point.starts_at.astimezone(UTC) for point in points]
    assert moments == sorted(set(moments))


@given(quarters, st.sampled_from(ZONES), st.sampled_from(steps))
def test_a_moment_lies_between_its_start_and_the_next(
    moment: datetime, zone: str, by: Literal["hour", "day"]
) -> None:
    start = start_of(moment, by, ZoneInfo(zone))
    assert start.astimezone(UTC) <= moment < next_start(start, by, ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)]
)
def test_a_day_is_as_long_as_the_clock_says(day: str, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime.fromisoformat(day).replace(tzinfo=berlin)
    end = next_start(start, "day", berlin)
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)
    assert len(list(bucket_starts(start, end.astimezone(UTC), "hour", berlin))) == hours + 1


def test_an_evening_in_new_york_belongs_to_its_own_day() -> None:
    at = datetime(2026, 3, 13, 2, 0, tzinfo=UTC)
    assert start_of(at, "day", ZoneInfo("America/New_York")).date().isoformat() == "2026-03-12"


@pytest.mark.django_db
def test_a_campaign_without_opens_has_no_series() -> None:
    campaign = Campaign.objects.create(name="Empty")
    assert series_of(campaign, by="hour") is None


@pytest.mark.django_db
def test_windows_follow_each_other_without_gap_or_overlap(
    django_assert_num_queries: Any,
) -> None:
    campaign = Campaign.objects.create(name="Long", time_zone="Asia/Kolkata")
    first = datetime(2026, 3, 1, 6, 15, tzinfo=UTC)
    QuarterHourCounts.objects.bulk_create(
        QuarterHourCounts(
            campaign=campaign, starts_at=first + timedelta(hours=7 * n), opens=3, human_opens=1
        )
        for n in range(40)
    )
    seen = []
    for window in range(10):
        with django_assert_num_queries(2):
            found = series_of(campaign, by="hour", window=window)
        assert found is not None
        assert found.earlier == (window > 0)
        seen += found.points
        if not found.later:
            break
    assert sum(point.opens for point in seen) == 120
    starts = [point.starts_at.astimezone(UTC) for point in seen]
    assert {b - a for a, b in pairwise(starts)} == {timedelta(hours=1)}


@pytest.mark.django_db
def test_a_window_beyond_the_end_is_the_last_one() -> None:
    campaign = Campaign.objects.create(name="Short")
    QuarterHourCounts.objects.create(
        campaign=campaign, starts_at=datetime(2026, 3, 1, tzinfo=UTC), opens=1, human_opens=1
    )
    found = series_of(campaign, by="day", window=99)
    assert found is not None
    assert (found.window, found.later, len(found.points)) == (0, False, series.LEAST_SHOWN)


@pytest.mark.django_db
def test_the_chart_begins_when_the_mail_was_sent() -> None:
    first = datetime(2026, 3, 1, 12, tzinfo=UTC)
    campaign = Campaign.objects.create(name="Sent", sent_at=first - timedelta(hours=3))
    QuarterHourCounts.objects.create(campaign=campaign, starts_at=first, opens=1, human_opens=1)
    found = series_of(campaign, by="hour")
    assert found is not None
    assert found.points[0].starts_at == first - timedelta(hours=3)
