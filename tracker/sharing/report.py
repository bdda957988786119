"""What a shared report says: the answer, the recipients by what happened, opens by day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Case, IntegerField, Sum, Value, When
from django.utils.translation import gettext

from campaigns.models import Campaign
from tracker.exports import harmless
from tracker.models import QuarterHourCounts
from tracker.reports.clock import next_start, start_of
from tracker.reports.totals import totals_of
from tracker.sharing.hiding import (
    Hidden,
    People,
    SharedRates,
    Shown,
    days_shown,
    number,
    people_shown,
)

# From the day of sending on; the same for every campaign, so that its length tells nothing.
DAYS = 28
# Anything that could be an address, in a name that a person has typed.
ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of recipients; ``share`` of those delivered to, if the count is shown."""

    key: str
    name: str
    meaning: str
    count: Shown
    share: float | None

    @property
    def number(self) -> int | None:
        return number(self.count)


@dataclass(frozen=True, slots=True)
class Day:
    starts_at: datetime
    opens: Shown
    share: float | None

    @property
    def number(self) -> int | None:
        return number(self.opens)


@dataclass(frozen=True, slots=True)
class SharedDays:
    """``quiet_from`` to ``quiet_to``: the last days, on each of which too few opened."""

    days: list[Day]
    quiet_from: datetime | None
    quiet_to: datetime | None

    @property
    def is_any_hidden(self) -> bool:
        return self.quiet_from is not None or any(day.number is None for day in self.days)


@dataclass(frozen=True, slots=True)
class SharedFigures:
    """All that the page, the file and the printed page may show."""

    name: str
    sent_at: datetime | None
    zone: str
    at: datetime
    people: People | None
    rates: SharedRates | None
    rows: list[Row]
    days: SharedDays | None

    @property
    def untracked(self) -> int | None:
        """How many are left out, if they are enough to be told."""
        return number(self.people.untracked) if self.people else None


def shared_figures_of(campaign: Campaign, *, at: datetime) -> SharedFigures:
    """One query, where the campaign's counts were selected along."""
    totals = totals_of(campaign)
    rates = totals.rates
    people = people_shown(
        sent=totals.sent,
        bounces=totals.bounces,
        human=rates.human,
        prefetch=rates.prefetch,
        unknown=rates.unknown,
        machine=rates.machine,
        untracked=totals.untracked,
    )
    return SharedFigures(
        name=ADDRESS.sub("…", campaign.name),
        sent_at=campaign.sent_at,
        zone=campaign.time_zone,
        at=at,
        people=people,
        rates=SharedRates(people) if people else None,
        rows=list(_rows(people)) if people else [],
        days=_days(campaign, people, at) if people else None,
    )


def _rows(people: People) -> Iterator[Row]:
    """Named as in the product's own report; the first three are parts of all that was sent."""
    whole = people.delivered
    for key, name, meaning, count in (
        ("sent", gettext("Sent"), "", people.sent),
        ("bounces", gettext("Bounced"), gettext("refused by the receiving server"), people.bounces),
        ("delivered", gettext("Delivered"), gettext("sent, less what bounced"), people.delivered),
        ("human", gettext("Opened by a person"), "", people.human),
        (
            "prefetch",
            gettext("Fetched by a privacy proxy"),
            gettext("read or not: nobody can know"),
            people.prefetch,
        ),
        (
            "unknown",
            gettext("Unclear"),
            gettext("the evidence is missing or contradicts itself"),
            people.unknown,
        ),
        (
            "machine",
            gettext("Opened by machines only"),
            gettext("security scanners and bots"),
            people.machine,
        ),
        (
            "no_trace",
            gettext("No trace"),
            gettext("not opened, or read without loading images"),
            people.no_trace,
        ),
    ):
        is_part = key not in ("sent", "bounces")
        share = count / whole if is_part and isinstance(count, int) else None
        yield Row(key, name, meaning, count, share)


def _days(campaign: Campaign, people: People, at: datetime) -> SharedDays | None:
    if campaign.sent_at is None or not isinstance(people.human, int):
        return None
    starts, end = _window(campaign, campaign.sent_at, at)
    shown = days_shown(people.human, _opens_of(campaign, starts, end))
    return None if shown is None else _laid_out(starts, shown)


def _opens_of(
    campaign: Campaign, starts: Sequence[datetime], end: datetime
) -> list[tuple[int, int]]:
    """Opens by people and first ones of each day; the database adds up its thousands of quarters,
    by the moments at which that zone's days end."""
    ends = [*starts[1:], end]
    day = Case(
        *(When(starts_at__lt=moment, then=Value(i)) for i, moment in enumerate(ends)),
        output_field=IntegerField(),
    )
    sums = (
        QuarterHourCounts.objects.filter(
            campaign=campaign, starts_at__gte=starts[0], starts_at__lt=end
        )
        .annotate(day=day)
        .values("day")
        .annotate(opens=Sum("human_opens"), first=Sum("unique_human_opens"))
    )
    found = {row["day"]: (int(row["opens"]), int(row["first"])) for row in sums}
    return [found.get(i, (0, 0)) for i in range(len(starts))]


def _window(campaign: Campaign, sent_at: datetime, at: datetime) -> tuple[list[datetime], datetime]:
    """The days from the sending to today, and when the last of them ends."""
    starts = [start_of(sent_at, "day", campaign.zone)]
    while (end := next_start(starts[-1], "day", campaign.zone)).astimezone(UTC) <= at:
        if len(starts) == DAYS:
            break
        starts.append(end)
    return starts, end


def _laid_out(starts: Sequence[datetime], shown: Sequence[Shown]) -> SharedDays:
    """Days up to the last that is shown, each against the strongest; the rest is one line."""
    visible = [i for i, opens in enumerate(shown) if isinstance(opens, int)]
    strongest = max((opens for opens in shown if isinstance(opens, int)), default=0)
    until = visible[-1] + 1 if visible else 0
    days = [
        Day(start, opens, opens / strongest if isinstance(opens, int) else None)
        for start, opens in zip(starts[:until], shown[:until], strict=True)
    ]
    if until == len(starts):
        return SharedDays(days, None, None)
    return SharedDays(days, starts[until], starts[-1])


CSV_HEADER = ("part", "name", "value")


def shared_rows(figures: SharedFigures) -> Iterator[Sequence[str]]:
    """The same as on the page, one figure a line; rates are fractions or empty."""
    yield CSV_HEADER
    yield ("campaign", "name", harmless(figures.name))
    yield ("campaign", "sent_at", figures.sent_at.isoformat() if figures.sent_at else "")
    yield ("campaign", "time_zone", figures.zone)
    yield ("campaign", "as_of", figures.at.isoformat(timespec="seconds"))
    if figures.people is None or figures.rates is None:
        yield ("recipients", "delivered", "too few to show")
        return
    for row in figures.rows:
        yield ("recipients", CSV_NAMES[row.key], str(row.count))
    yield ("recipients", "left_out_untracked", str(figures.people.untracked))
    rates = figures.rates
    low, high = rates.estimated_open_rate_interval or (None, None)
    for name, value in (
        ("human_open_rate", rates.human_open_rate),
        ("estimated_open_rate", rates.estimated_open_rate),
        ("estimated_open_rate_low", low),
        ("estimated_open_rate_high", high),
        ("possible_open_rate", rates.possible_open_rate),
    ):
        yield ("rates", name, "" if value is None else str(value))
    if figures.days is None:
        yield ("human_opens_by_day", "", str(Hidden.NOT_SHOWN))
        return
    for day in figures.days.days:
        yield ("human_opens_by_day", day.starts_at.date().isoformat(), _opens_cell(day.opens))
    if figures.days.quiet_from and figures.days.quiet_to:
        days = f"{figures.days.quiet_from.date()}/{figures.days.quiet_to.date()}"
        yield ("human_opens_by_day", days, _opens_cell(Hidden.FEW))


CSV_NAMES = {
    "sent": "sent",
    "bounces": "bounces",
    "delivered": "delivered",
    "human": "unique_human_opens",
    "prefetch": "unique_prefetch_opens",
    "unknown": "unique_unknown_opens",
    "machine": "unique_machine_opens",
    "no_trace": "no_trace",
}


def _opens_cell(opens: Shown) -> str:
    """What is few on a hidden day are the people who opened for the first time."""
    return f"{Hidden.FEW} first opens" if isinstance(opens, Hidden) else str(opens)
