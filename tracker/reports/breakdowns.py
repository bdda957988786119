"""Breakdowns as a report shows them: lines with rates and intervals, bars, and warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext
from django_stubs_ext import StrPromise

from campaigns.models import Campaign
from tracker.breakdowns.programs import OTHER_PROGRAMS, UNKNOWN
from tracker.breakdowns.providers import OTHER_DOMAINS, provider_label
from tracker.breakdowns.refresh import up_to_date
from tracker.breakdowns.usual import Usual, is_far_below, is_settled, usual_of
from tracker.clients import program_label
from tracker.end_marks import end_marks_of
from tracker.exports import harmless
from tracker.language import count, translated
from tracker.models import Breakdown, CampaignCounts
from tracker.rates import LEAST_FOR_CLIPPING, Interval, OpenRates, clip_rate, rate, wilson_interval
from tracker.reports.clipping import Clipping, clipping_of
from tracker.templatetags.glimpse import percent

Kind = Breakdown.Kind

# Of fewer people a share is little more than chance: it is drawn pale.
THIN = 30
# Lines that belong at a table's end, however many they count.
LAST = {OTHER_DOMAINS: 1, OTHER_PROGRAMS: 1, UNKNOWN: 2}
HEADINGS: dict[Breakdown.Kind, StrPromise] = {
    Kind.PROVIDER: gettext_lazy("By mailbox provider"),
    Kind.CLIENT: gettext_lazy("By client"),
    Kind.OPERATING_SYSTEM: gettext_lazy("By operating system"),
    Kind.DEVICE: gettext_lazy("By device"),
}
# In the words of ``report --json``.
NAMES = {
    Kind.PROVIDER: "by_provider",
    Kind.CLIENT: "by_client",
    Kind.OPERATING_SYSTEM: "by_operating_system",
    Kind.DEVICE: "by_device",
}


@dataclass(frozen=True, slots=True)
class Line:
    """``whole``: delivered to at a provider; all people who opened, for everything else."""

    key: str
    label: str
    people: int
    whole: int
    row: Breakdown
    usual: Usual | None = None
    is_far_below: bool = False
    has_end_mark: bool = False

    @property
    def end_loads(self) -> int | None:
        """Of ``people``, at a provider: those whose copy was loaded to its end. None where nobody
        can know, or too few have opened for a rate."""
        is_told = self.has_end_mark and self.people >= LEAST_FOR_CLIPPING
        return self.row.end_loads if is_told else None

    @property
    def clipped(self) -> int | None:
        return None if self.end_loads is None else self.people - self.end_loads

    @property
    def clip_rate(self) -> float | None:
        return None if self.end_loads is None else clip_rate(self.people, self.end_loads)

    @property
    def rate(self) -> float | None:
        return rate(self.people, self.whole)

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 %; none where more opened than count as delivered."""
        return wilson_interval(self.people, self.whole) if self.people <= self.whole > 0 else None

    @property
    def is_thin(self) -> bool:
        return self.whole < THIN

    @property
    def usual_rate(self) -> float | None:
        return self.usual.human_open_rate if self.usual else None

    @property
    def finding(self) -> str:
        """The warning in a list of several."""
        return gettext("%(provider)s: %(rate)s of %(people)s people, against %(usual)s before") % {
            "provider": translated(self.label),
            "rate": percent(self.rate),
            "people": count(self.whole),
            "usual": percent(self.usual_rate),
        }

    @property
    def warning(self) -> str:
        """A whole sentence; empty where nothing is wrong."""
        if not (self.is_far_below and self.usual):
            return ""
        pattern = ngettext(
            "%(provider)s: %(rate)s of %(people)s people opened, against %(usual)s in the campaign "
            "before. The mail probably lies in the spam folder there.",
            "%(provider)s: %(rate)s of %(people)s people opened, against %(usual)s in the "
            "%(number)s campaigns before. The mail probably lies in the spam folder there.",
            self.usual.campaigns,
        )
        return pattern % {
            "provider": translated(self.label),
            "rate": percent(self.rate),
            "people": count(self.whole),
            "usual": percent(self.usual_rate),
            "number": count(self.usual.campaigns),
        }


@dataclass(frozen=True, slots=True)
class Bar:
    """Fractions of the bar's length."""

    value: float
    low: float | None
    high: float | None
    usual: float | None


def bar_of(
    rate: float | None, interval: Interval | None, top: float, usual: float | None = None
) -> Bar:
    """``top`` is what a bar of full length stands for."""
    low, high = interval or (None, None)
    return Bar(
        (rate or 0) / top,
        None if low is None else low / top,
        None if high is None else high / top,
        None if usual is None else usual / top,
    )


@dataclass(frozen=True, slots=True)
class Table:
    campaign_id: int
    kind: Breakdown.Kind
    lines: Sequence[Line]

    @property
    def heading(self) -> str:
        return str(HEADINGS[self.kind])

    @property
    def top(self) -> float:
        """What the bars reach to: the next ten per cent above all that is drawn."""
        drawn = [
            value
            for line in self.lines
            for value in (line.rate, line.interval and line.interval[1], line.usual_rate)
            if value is not None
        ]
        return min(max(ceil(max(drawn, default=0) * 10), 1) / 10, 1)

    @property
    def rows(self) -> list[tuple[Line, Bar]]:
        top = self.top
        return [
            (line, bar_of(line.rate, line.interval, top, line.usual_rate)) for line in self.lines
        ]

    @property
    def has_usual(self) -> bool:
        return any(line.usual for line in self.lines)


@dataclass(frozen=True, slots=True)
class BreakdownPage:
    """``people``: who opened, as the tables of programs count them: without the anonymous."""

    tables: dict[Breakdown.Kind, Table]
    people: int
    computed_at: datetime | None
    is_older: bool
    # Recipients whose opens are not linked to them: in no line.
    left_out: int = 0
    clipping: Clipping | None = None

    @property
    def as_of(self) -> datetime | None:
        """When it was added up, if anything came since; none when it is up to date."""
        return self.computed_at if self.is_older else None

    @property
    def is_waiting(self) -> bool:
        """A large campaign that was not added up yet."""
        return self.computed_at is None

    @property
    def providers(self) -> Table:
        return self.tables[Kind.PROVIDER]

    @property
    def programs(self) -> list[Table]:
        """The other three, which count people who opened."""
        return [table for kind, table in self.tables.items() if kind != Kind.PROVIDER]

    @property
    def warnings(self) -> list[Line]:
        return [line for line in self.providers.lines if line.is_far_below]


def breakdown_page(
    campaign: Campaign, totals: CampaignCounts, *, now: datetime | None = None
) -> BreakdownPage | None:
    """None where there is nothing to break down. Three queries at most: ``up_to_date`` says how
    many the lines take, and one asks for what is usual."""
    if not totals.recipients or not (totals.sent or totals.opens):
        return None
    computed_at, is_fresh, rows = up_to_date(campaign, totals)
    usual = usual_of(campaign) if is_settled(campaign, now or timezone.now()) else {}
    has_ends = end_marks_of(campaign) is not None
    tables = {
        kind: Table(campaign.pk, kind, lines_of(kind, rows, usual, has_end_mark=has_ends))
        for kind in Kind
    }
    return BreakdownPage(
        tables,
        sum(line.people for line in tables[Kind.CLIENT].lines),
        computed_at,
        not is_fresh,
        totals.anonymous + totals.untracked,
        clipping_of(tables[Kind.PROVIDER].lines) if has_ends and computed_at else None,
    )


def lines_of(
    kind: Breakdown.Kind,
    rows: Sequence[Breakdown],
    usual: dict[str, Usual],
    *,
    has_end_mark: bool = False,
) -> list[Line]:
    some = [row for row in rows if row.kind == kind]
    if kind == Kind.PROVIDER:
        lines = [provider_line(row, usual.get(row.key), has_end_mark) for row in some]
    else:
        people = sum(row.unique_human_opens for row in some)
        if people and all(row.key != UNKNOWN for row in some):
            # Said also where it is nobody.
            some.append(Breakdown(kind=kind, key=UNKNOWN))
        lines = [program_line(row, people) for row in some]
    # The largest first: by recipients where all stand for recipients, else by people.
    lines.sort(
        key=lambda line: (
            LAST.get(line.key, 0),
            -line.row.recipients,
            -line.people,
            line.label.lower(),
        )
    )
    return lines


def provider_line(row: Breakdown, usual: Usual | None, has_end_mark: bool) -> Line:
    rates: OpenRates = row.rates
    return Line(
        row.key,
        provider_label(row.key),
        rates.human,
        rates.delivered,
        row,
        usual,
        usual is not None and is_far_below(row.key, rates, usual),
        has_end_mark,
    )


def program_line(row: Breakdown, people: int) -> Line:
    return Line(row.key, program_label(row.key), row.unique_human_opens, people, row)


def breakdowns_report(campaign: Campaign, totals: CampaignCounts) -> dict[str, Any]:
    """For ``report --json``; empty lists while there is nothing to break down."""
    page = breakdown_page(campaign, totals)
    tables = page.tables if page else {kind: Table(campaign.pk, kind, []) for kind in Kind}
    lists = {name: list(map(object_of(kind), tables[kind].lines)) for kind, name in NAMES.items()}
    clipping = page.clipping if page else None
    return {
        **lists,
        "end_loads": clipping.end_loads if clipping and clipping.rate is not None else None,
        "clip_rate": clipping.rate if clipping else None,
        "clip_rate_interval": clipping.interval if clipping else None,
        "provider_warnings": [
            {
                "provider": line.label,
                "human_open_rate": line.rate,
                "usual_human_open_rate": line.usual_rate,
                "sentence": line.warning,
            }
            for line in (page.warnings if page else ())
        ],
        "breakdowns_computed_at": (
            page.computed_at.isoformat() if page and page.computed_at else None
        ),
    }


def object_of(kind: Breakdown.Kind) -> Any:
    return provider_object if kind == Kind.PROVIDER else program_object


def provider_object(line: Line) -> dict[str, Any]:
    rates = line.row.rates
    return {
        "provider": line.label,
        "recipients": line.row.recipients,
        "sent": line.row.sent,
        "bounces": line.row.bounces,
        "delivered": rates.delivered,
        "unique_opens": line.row.unique_opens,
        "unique_human_opens": rates.human,
        "unique_unknown_opens": rates.unknown,
        "unique_prefetch_opens": rates.prefetch,
        "unique_machine_opens": rates.machine,
        "human_open_rate": rates.human_open_rate,
        "human_open_rate_interval": line.interval,
        "possible_open_rate": rates.possible_open_rate,
        "usual_human_open_rate": line.usual_rate,
        "is_far_below_usual": line.is_far_below,
        "end_loads": line.end_loads,
        "clip_rate": line.clip_rate,
    }


def program_object(line: Line) -> dict[str, Any]:
    return {
        line.row.kind.replace("-", "_"): line.label,
        "unique_human_opens": line.people,
        "of_people_who_opened": line.whole,
        "share": line.rate,
        "share_interval": line.interval,
    }


def csv_rows(kind: Breakdown.Kind, lines: Sequence[Line]) -> Iterator[Sequence[str]]:
    """The words of ``report --json``; an interval takes two columns, nothing is an empty cell."""
    yield list(_cells(Line("", "", 0, 0, Breakdown(kind=kind))))
    for line in lines:
        yield ["" if value is None else harmless(str(value)) for value in _cells(line).values()]


def _cells(line: Line) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in object_of(Kind(line.row.kind))(line).items():
        if name.endswith("_interval"):
            low, high = value or (None, None)
            name = name.removesuffix("_interval")
            cells |= {f"{name}_low": low, f"{name}_high": high}
        else:
            cells[name] = value
    return cells
