"""Opens over time: quarters of an hour added up to hours or days of the campaign's time zone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max, Min

from campaigns.models import Campaign
from tracker.models import QuarterHourCounts
from tracker.reports.charts import By, Point

# One window of the chart: as many bars as a phone can show.
HOURS_SHOWN = 72
DAYS_SHOWN = 60
LEAST_SHOWN = 12
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Series:
    """One window of a campaign's opens; ``earlier`` and ``later`` say whether there are more."""

    points: list[Point]
    window: int
    earlier: bool
    later: bool


def series_of(campaign: Campaign, *, by: By, window: int = 0) -> Series | None:
    """The window-th stretch of hours or days since the mail was sent; none without opens.

    Two queries: the campaign's first and last quarter, and the quarters of the window.
    """
    quarters = QuarterHourCounts.objects.filter(campaign=campaign)
    ends = quarters.aggregate(first=Min("starts_at"), last=Max("starts_at"))
    if ends["first"] is None:
        return None
    starts = list(
        bucket_starts(_beginning(campaign, ends["first"]), ends["last"], by, campaign.zone)
    )
    shown = HOURS_SHOWN if by == "hour" else DAYS_SHOWN
    window = max(0, min(window, (len(starts) - 1) // shown))
    some = starts[window * shown : (window + 1) * shown]
    while len(some) < LEAST_SHOWN:
        some.append(next_start(some[-1], by, campaign.zone))
    rows = quarters.filter(
        starts_at__gte=some[0], starts_at__lt=next_start(some[-1], by, campaign.zone)
    ).values_list("starts_at", "opens", "human_opens")
    points = add_up(rows, some, by, campaign.zone)
    return Series(points, window, window > 0, (window + 1) * shown < len(starts))


def add_up(
    quarters: Iterable[tuple[datetime, int, int]],
    starts: list[datetime],
    by: By,
    zone: ZoneInfo,
) -> list[Point]:
    """One point a start, zeros included."""
    sums: dict[datetime, list[int]] = defaultdict(lambda: [0, 0])
    for starts_at, opens, human_opens in quarters:
        sums_of_bucket = sums[start_of(starts_at, by, zone).astimezone(UTC)]
        sums_of_bucket[0] += opens
        sums_of_bucket[1] += human_opens
    return [Point(start, *sums[start.astimezone(UTC)]) for start in starts]


def bucket_starts(first: datetime, last: datetime, by: By, zone: ZoneInfo) -> Iterable[datetime]:
    """The starts of all hours or days from the one with ``first`` to the one with ``last``."""
    start = start_of(first, by, zone)
    # Compared as moments: an aware comparison within one zone would ignore the offset.
    while start.astimezone(UTC) <= last:
        yield start
        start = next_start(start, by, zone)


def start_of(moment: datetime, by: By, zone: ZoneInfo) -> datetime:
    """The beginning of the hour or day, on that zone's clock, in which the moment lies."""
    local = moment.astimezone(zone)
    if by == "day":
        return _midnight(local.date(), zone)
    into_hour = timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    return (moment.astimezone(UTC) - into_hour).astimezone(zone)


def next_start(start: datetime, by: By, zone: ZoneInfo) -> datetime:
    """A day is 23 or 25 hours long twice a year; an hour is always one."""
    if by == "day":
        return _midnight(start.date() + timedelta(days=1), zone)
    return start_of(start.astimezone(UTC) + HOUR, "hour", zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The day's first moment, also where the clocks skip midnight itself."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC).astimezone(zone)


def _beginning(campaign: Campaign, first: datetime) -> datetime:
    """When it was sent, if that is close enough before the first open to be worth showing."""
    if campaign.sent_at and first - timedelta(days=2) < campaign.sent_at < first:
        return campaign.sent_at
    return first
