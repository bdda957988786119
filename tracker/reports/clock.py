"""How a report cuts time: quarters, hours, days, weeks and months of the campaign's zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from tracker.quarters import QUARTER, quarter_of

By = Literal["quarter", "hour", "day", "week", "month"]
ZOOMS: tuple[By, ...] = get_args(By)

# One window of the chart: as many bars as a phone can show by scrolling a little.
SHOWN: dict[By, int] = {"quarter": 96, "hour": 72, "day": 60, "week": 52, "month": 36}
CLOCK_SPANS: dict[By, timedelta] = {"quarter": timedelta(days=1), "hour": timedelta(days=3)}
QUARTERS_IN_AN_HOUR = 4


def start_of(moment: datetime, by: By, zone: ZoneInfo) -> datetime:
    """The beginning, on that zone's clock, of the stretch in which the moment lies."""
    local = moment.astimezone(zone)
    if by == "quarter":
        return quarter_of(local.astimezone(UTC)).astimezone(zone)
    if by == "hour":
        return _hour(local, zone)
    return _midnight(_first_day(local.date(), by), zone)


def next_start(start: datetime, by: By, zone: ZoneInfo) -> datetime:
    """A day is 23 or 25 hours long twice a year, and a month as long as the calendar says."""
    if by in CLOCK_SPANS:
        quarter = quarter_of(start.astimezone(UTC))
        steps = 1 if by == "quarter" else QUARTERS_IN_AN_HOUR
        nexts = (quarter + n * QUARTER for n in range(1, steps + 1))
        # As moments: two that the clocks repeat are equal within one zone.
        is_start = (one for one in nexts if start_of(one, by, zone).astimezone(UTC) == one)
        return next(is_start).astimezone(zone)
    return _midnight(_days_on(start.date(), by, 1), zone)


def starts_between(first: datetime, last: datetime, by: By, zone: ZoneInfo) -> Iterator[datetime]:
    """The starts of all stretches from the one with ``first`` to the one with ``last``."""
    start = start_of(first, by, zone)
    # Compared as moments: an aware comparison within one zone would ignore the offset.
    while start.astimezone(UTC) <= last:
        yield start
        start = next_start(start, by, zone)


def window_start(first: datetime, window: int, by: By, zone: ZoneInfo) -> datetime:
    """Where the window begins, counted from the one with ``first``; costs the same for any."""
    start = start_of(first, by, zone)
    if by in CLOCK_SPANS:
        return start_of(start.astimezone(UTC) + window * CLOCK_SPANS[by], by, zone)
    # From the calendar's own day: where midnight is skipped, the start still has its date.
    return _midnight(_days_on(start.date(), by, window * SHOWN[by]), zone)


def last_window(first: datetime, last: datetime, by: By, zone: ZoneInfo) -> int:
    """The number of the window in which ``last`` lies."""
    start = start_of(first, by, zone)
    if by in CLOCK_SPANS:
        number = (last - start.astimezone(UTC)) // CLOCK_SPANS[by]
    else:
        number = _stretches_between(start.date(), last.astimezone(zone).date(), by) // SHOWN[by]
    is_later = window_start(first, number + 1, by, zone).astimezone(UTC) <= last
    return number + 1 if is_later else number


def _hour(local: datetime, zone: ZoneInfo) -> datetime:
    """The clock's hour; where the clocks shift by less than one, it begins at the shift."""
    into_hour = timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    start = (local.astimezone(UTC) - into_hour).astimezone(zone)
    while start.utcoffset() != local.utcoffset():
        start = (start.astimezone(UTC) + QUARTER).astimezone(zone)
    return start


def _first_day(day: date, by: By) -> date:
    if by == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by == "month" else day


def _days_on(day: date, by: By, number: int) -> date:
    if by == "month":
        months = day.year * 12 + day.month - 1 + number
        return date(months // 12, months % 12 + 1, 1)
    return day + number * timedelta(days=7 if by == "week" else 1)


def _stretches_between(one: date, other: date, by: By) -> int:
    if by == "month":
        return (other.year - one.year) * 12 + other.month - one.month
    return (other - one).days // (7 if by == "week" else 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The day's first moment, also where the clocks skip midnight itself."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC).astimezone(zone)
