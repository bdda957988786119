"""Opens over time: quarters of an hour added up to stretches of the campaign's own time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    IntegerField,
    Max,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)

from campaigns.models import Campaign
from tracker.models import QuarterHourCounts
from tracker.reports.clock import (
    CLOCK_SPANS,
    By,
    last_window,
    next_start,
    starts_between,
    window_start,
)

# Fewer bars look lost: the chart goes on into the time to come.
LEAST_SHOWN: dict[By, int] = {"quarter": 12, "hour": 12, "day": 7, "week": 6, "month": 6}
COUNTED = ("opens", "human_opens", "unique_opens", "unique_human_opens")


@dataclass(frozen=True, slots=True)
class Point:
    """One stretch of time, named by its beginning in the campaign's time zone.

    A recipient's first open, and the first by a person, are each in one stretch only.
    """

    starts_at: datetime
    opens: int
    human_opens: int
    unique_opens: int = 0
    unique_human_opens: int = 0

    @property
    def others(self) -> int:
        return max(self.opens - self.human_opens, 0)

    @property
    def human_repeats(self) -> int:
        return max(self.human_opens - self.unique_human_opens, 0)

    @property
    def repeats(self) -> int:
        return max(self.opens - self.unique_opens, 0)


@dataclass(frozen=True, slots=True)
class Ends:
    """The campaign's first and last quarter with an open."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Series:
    """One window of a campaign's opens; ``earlier`` and ``later`` say whether there are more."""

    points: list[Point]
    ends_at: datetime
    window: int
    earlier: bool
    later: bool


def with_ends(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """For ``ends_of``, in the query that reads the campaign anyway."""
    quarters = QuarterHourCounts.objects.filter(campaign=OuterRef("pk")).values("starts_at")
    return campaigns.annotate(
        first_quarter=Subquery(quarters.order_by("starts_at")[:1]),
        last_quarter=Subquery(quarters.order_by("-starts_at")[:1]),
    )


def ends_of(campaign: Campaign) -> Ends | None:
    """One query, unless the campaign was read ``with_ends``; none for a campaign without opens."""
    if "first_quarter" in vars(campaign):
        first, last = vars(campaign)["first_quarter"], vars(campaign)["last_quarter"]
        return Ends(first, last) if first else None
    found = quarters_of(campaign).aggregate(first=Min("starts_at"), last=Max("starts_at"))
    return Ends(**found) if found["first"] else None


def quarters_of(campaign: Campaign) -> QuerySet[QuarterHourCounts]:
    return QuarterHourCounts.objects.filter(campaign=campaign)


def series_of(campaign: Campaign, ends: Ends, *, by: By, window: int = 0) -> Series:
    """The window-th stretch since the mail was sent. One query."""
    zone = campaign.zone
    first = _beginning(campaign, ends.first)
    most = last_window(first, ends.last, by, zone)
    window = max(0, min(window, most))
    starts = _starts_shown(first, ends.last, window, by, zone)
    ends_at = next_start(starts[-1], by, zone)
    points = add_up(_counts_between(campaign, [*starts, ends_at], by), starts)
    return Series(points, ends_at, window, window > 0, window < most)


def whole_series(campaign: Campaign, ends: Ends, *, by: By) -> Iterator[Point]:
    """All windows one after the other, a query each: nothing stays open between two of them."""
    zone = campaign.zone
    first = _beginning(campaign, ends.first)
    for window in range(last_window(first, ends.last, by, zone) + 1):
        for point in series_of(campaign, ends, by=by, window=window).points:
            if point.starts_at.astimezone(UTC) <= ends.last:
                yield point


def add_up(
    rows: Iterable[tuple[datetime, int, int, int, int]], starts: list[datetime]
) -> list[Point]:
    """One point a start, zeros included; every row lies after the first start."""
    edges = [start.timestamp() for start in starts]
    sums = [[0] * len(COUNTED) for _ in starts]
    for moment, *counts in rows:
        sums_of_stretch = sums[bisect_right(edges, moment.timestamp()) - 1]
        for i, count in enumerate(counts):
            sums_of_stretch[i] += count
    return [Point(start, *numbers) for start, numbers in zip(starts, sums, strict=True)]


def _starts_shown(
    first: datetime, last: datetime, window: int, by: By, zone: ZoneInfo
) -> list[datetime]:
    begins = window_start(first, window, by, zone)
    ends = window_start(first, window + 1, by, zone).astimezone(UTC)
    until = min(last, ends - timedelta(microseconds=1))
    starts = list(starts_between(begins.astimezone(UTC), until, by, zone))
    while len(starts) < LEAST_SHOWN[by]:
        starts.append(next_start(starts[-1], by, zone) if starts else begins)
    return starts


def _counts_between(
    campaign: Campaign, edges: Sequence[datetime], by: By
) -> Iterable[tuple[datetime, int, int, int, int]]:
    """Quarters as they are for a few days; for more, the database adds them up.

    So a campaign that is opened for years hands over as many rows as one of yesterday.
    """
    quarters = quarters_of(campaign).filter(starts_at__gte=edges[0], starts_at__lt=edges[-1])
    if by in CLOCK_SPANS:
        return quarters.values_list("starts_at", *COUNTED)
    number = Case(
        *(When(starts_at__lt=edge, then=Value(i)) for i, edge in enumerate(edges[1:])),
        output_field=IntegerField(),
    )
    sums = {f"sum_of_{name}": Sum(name) for name in COUNTED}
    rows = quarters.annotate(number=number).order_by().values("number").annotate(**sums)
    return [(edges[i], *counts) for i, *counts in rows.values_list("number", *sums)]


def _beginning(campaign: Campaign, first: datetime) -> datetime:
    """When it was sent, if that is close enough before the first open to be worth showing."""
    if campaign.sent_at and first - timedelta(days=2) < campaign.sent_at < first:
        return campaign.sent_at
    return first
