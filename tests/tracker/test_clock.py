from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.reports.clock import (
    SHOWN,
    ZOOMS,
    By,
    last_window,
    next_start,
    start_of,
    starts_between,
    window_start,
)

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York"]
ZONES += ["Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "Africa/Cairo"]
ZONES += ["America/Havana", "Asia/Beirut"]
BERLIN = ZoneInfo("Europe/Berlin")
# The clocks of Lord Howe go back by half an hour at this moment.
LORD_HOWE_SHIFT = datetime(2026, 4, 4, 15, tzinfo=UTC)

quarters = st.integers(1_000_000_000 // 900, 2_000_000_000 // 900).map(
    lambda number: datetime.fromtimestamp(number * 900, UTC)
)
near_shifts = st.integers(-12, 12).map(lambda n: LORD_HOWE_SHIFT + timedelta(minutes=15 * n))
moments = (quarters | near_shifts).flatmap(
    lambda quarter: st.integers(0, 899).map(lambda seconds: quarter + timedelta(seconds=seconds))
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
zooms: st.SearchStrategy[By] = st.sampled_from(ZOOMS)


@given(moments, zones, zooms)
def test_a_moment_lies_between_its_start_and_the_next(
    moment: datetime, zone: ZoneInfo, by: By
) -> None:
    start = start_of(moment, by, zone)
    after = next_start(start, by, zone)
    assert start.astimezone(UTC) <= moment < after.astimezone(UTC)
    assert start_of(start, by, zone) == start
    assert start_of(after, by, zone) == after


@given(moments, zones, zooms)
def test_a_stretch_begins_where_its_clock_or_calendar_says(
    moment: datetime, zone: ZoneInfo, by: By
) -> None:
    local, start = moment.astimezone(zone), start_of(moment, by, zone)
    if by == "quarter":
        assert start.minute % 15 == start.second == 0
    elif by == "hour":
        assert start.hour == local.hour
    else:
        days = {"day": 0, "week": local.weekday(), "month": local.day - 1}[by]
        assert start.date() == local.date() - timedelta(days=days)


@given(quarters, st.integers(0, 40), zones, zooms)
def test_windows_follow_each_other_without_gap_or_overlap(
    first: datetime, window: int, zone: ZoneInfo, by: By
) -> None:
    begins = window_start(first, window, by, zone)
    ends = window_start(first, window + 1, by, zone)
    starts = list(starts_between(begins, ends.astimezone(UTC), by, zone))
    assert starts[0] == begins
    assert starts[-1] == ends
    # One or two more or less where clocks shift by half an hour.
    assert len(starts) - 1 == pytest.approx(SHOWN[by], abs=2)


@given(quarters, st.integers(0, 200_000), zones, zooms)
def test_the_last_window_is_the_one_with_the_last_quarter(
    first: datetime, later: int, zone: ZoneInfo, by: By
) -> None:
    last = first + timedelta(minutes=15 * later)
    window = last_window(first, last, by, zone)
    assert window_start(first, window, by, zone).astimezone(UTC) <= last
    assert last < window_start(first, window + 1, by, zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)]
)
def test_a_day_is_as_long_as_the_clock_says(day: str, hours: int) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    end = next_start(start, "day", BERLIN).astimezone(UTC)
    assert end - start.astimezone(UTC) == timedelta(hours=hours)
    almost = end - timedelta(microseconds=1)
    assert len(list(starts_between(start, almost, "hour", BERLIN))) == hours
    assert len(list(starts_between(start, almost, "quarter", BERLIN))) == 4 * hours


def test_a_week_begins_on_monday_and_a_month_on_its_first() -> None:
    sunday = datetime(2026, 3, 1, 22, 59, tzinfo=UTC)  # 23:59 in Berlin
    assert start_of(sunday, "week", BERLIN).isoformat() == "2026-02-23T00:00:00+01:00"
    assert start_of(sunday, "month", BERLIN).isoformat() == "2026-03-01T00:00:00+01:00"
    after = next_start(start_of(sunday, "month", BERLIN), "month", BERLIN)
    assert after.isoformat() == "2026-04-01T00:00:00+02:00"


def test_an_evening_in_new_york_belongs_to_its_own_day() -> None:
    at = datetime(2026, 3, 13, 2, 0, tzinfo=UTC)
    assert start_of(at, "day", ZoneInfo("America/New_York")).date().isoformat() == "2026-03-12"


@pytest.mark.parametrize("minutes", range(-120, 121, 15))
def test_around_a_shift_by_half_an_hour_each_moment_is_in_one_hour(minutes: int) -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    moment = LORD_HOWE_SHIFT + timedelta(minutes=minutes)
    start = start_of(moment, "hour", zone)
    assert start.astimezone(UTC) <= moment < next_start(start, "hour", zone).astimezone(UTC)
    assert start_of(start.astimezone(UTC), "hour", zone).astimezone(UTC) == start.astimezone(UTC)


def test_a_shift_by_half_an_hour_begins_an_hour_of_its_own() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    starts = starts_between(
        LORD_HOWE_SHIFT - timedelta(hours=1), LORD_HOWE_SHIFT + timedelta(hours=1), "hour", zone
    )
    gaps = [b.astimezone(UTC) - a.astimezone(UTC) for a, b in pairwise(starts)]
    assert gaps == [timedelta(hours=1), timedelta(minutes=30)]
