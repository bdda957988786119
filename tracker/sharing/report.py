"""What a shared report says: the answer, recipients by kind and by provider, opens by day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Case, IntegerField, Sum, Value, When
from django.utils.translation import gettext

from campaigns.models import Campaign
from tracker.breakdowns.providers import LABELS
from tracker.breakdowns.refresh import up_to_date
from tracker.models import Breakdown, CampaignCounts, QuarterHourCounts
from tracker.reports.clock import next_start, start_of
from tracker.reports.habits import time_to_open_of
from tracker.reports.time_to_open import in_words
from tracker.reports.totals import totals_of
from tracker.sentences import said
from tracker.sharing.hiding import (
    People,
    SharedRates,
    Shown,
    days_shown,
    number,
    people_shown,
)
from tracker.sharing.providers import Group, providers_shown

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
class SharedProviders:
    """``as_of``: when they were added up, if opens came since; those are among all others."""

    groups: Sequence[Group]
    as_of: datetime | None

    @property
    def lines(self) -> list[tuple[str, Group]]:
        return [
            (LABELS[group.key] if group.key else said("All others"), group) for group in self.groups
        ]


@dataclass(frozen=True, slots=True)
class SharedFigures:
    """All that the page, the file and the printed page may show.

    ``half_within``: how soon half of those who opened had, in words; empty where they are too few
    for that to say anything, or did so before the marked time or very late.
    """

    name: str
    sent_at: datetime | None
    zone: str
    at: datetime
    is_simulation: bool
    people: People | None
    rates: SharedRates | None
    rows: list[Row]
    providers: SharedProviders | None
    half_within: str
    days: SharedDays | None

    @property
    def untracked(self) -> int | None:
        """How many are left out, if they are enough to be told."""
        return number(self.people.untracked) if self.people else None


def shared_figures_of(campaign: Campaign, *, at: datetime) -> SharedFigures:
    """Four queries at most, where the campaign's counts, breakdowns and end marks were selected
    along: two for providers, one each for the time to open and the days."""
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
        is_simulation=totals.is_simulation,
        people=people,
        rates=SharedRates(people) if people else None,
        rows=list(_rows(people)) if people else [],
        providers=_providers(campaign, people, totals) if people else None,
        half_within=_half_within(campaign, people, totals, at) if people else "",
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
            gettext("Opened by scanners and bots only"),
            "",
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


def _providers(
    campaign: Campaign, people: People, totals: CampaignCounts
) -> SharedProviders | None:
    if not isinstance(people.human, int):
        return None
    computed_at, is_fresh, lines = up_to_date(campaign, totals)
    groups = providers_shown(
        people,
        [
            Group(line.key, line.rates.delivered, line.rates.human)
            for line in lines
            # A domain of its own names a company, or a family.
            if line.kind == Breakdown.Kind.PROVIDER and line.key in LABELS
        ],
    )
    return SharedProviders(groups, None if is_fresh else computed_at) if groups else None


def _half_within(campaign: Campaign, people: People, totals: CampaignCounts, at: datetime) -> str:
    if not isinstance(people.human, int):
        return ""
    found = time_to_open_of(campaign, totals, now=at)
    if found is None or found.is_thin or not found.median:
        return ""
    return in_words(found.median)


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
