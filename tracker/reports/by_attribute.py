"""A report's rates by the values of one attribute, as a table with bars and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext

from campaigns.models import Campaign
from tracker.breakdowns.by_attribute import NO_VALUE, OTHERS, Attribute, Line
from tracker.breakdowns.refresh import attributes_up_to_date
from tracker.exports import harmless
from tracker.language import count
from tracker.models import CampaignCounts
from tracker.rates import Interval, rate, wilson_interval
from tracker.reports.breakdowns import THIN, Bar, bar_of

CSV_HEADER = (
    "value",
    "kind",
    "recipients",
    "delivered",
    "trackable",
    "unique_human_opens",
    "human_open_rate",
    "human_open_rate_low",
    "human_open_rate_high",
)


@dataclass(frozen=True, slots=True)
class ValueLine:
    """``line`` as it was added up; numerator and denominator are people whose opens are linked to
    them, so nobody who is off or anonymous."""

    line: Line

    @property
    def label(self) -> str:
        if self.line["kind"] == NO_VALUE:
            return gettext("No value")
        if self.line["kind"] == OTHERS:
            return gettext("All others")
        return self.line["value"]

    @property
    def is_value(self) -> bool:
        return self.line["kind"] not in (NO_VALUE, OTHERS)

    @property
    def rate(self) -> float | None:
        return rate(self.line["human"], self.line["trackable"])

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 %; none where more opened than count as delivered."""
        people, whole = self.line["human"], self.line["trackable"]
        return wilson_interval(people, whole) if people <= whole > 0 else None

    @property
    def is_thin(self) -> bool:
        return self.line["trackable"] < THIN

    # A provider may be far below what is usual there; of values nothing is usual.
    is_far_below = False


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """``names`` are all that can be chosen; ``name`` is, and ``keep`` is the rest of the URL."""

    campaign_id: int
    names: Sequence[str]
    name: str
    lines: Sequence[ValueLine]
    keep: Mapping[str, str]

    @property
    def top(self) -> float:
        """What the bars reach to: the next ten per cent above all that is drawn."""
        drawn = [
            value
            for line in self.lines
            for value in (line.rate, line.interval and line.interval[1])
            if value is not None
        ]
        return min(max(ceil(max(drawn, default=0) * 10), 1) / 10, 1)

    @property
    def rows(self) -> list[tuple[ValueLine, Bar]]:
        top = self.top
        return [(line, bar_of(line.rate, line.interval, top)) for line in self.lines]

    @property
    def url(self) -> str:
        kept = {name: value for name, value in self.keep.items() if value}
        return f"?{urlencode({**kept, 'attribute': self.name})}#by-attribute"

    @property
    def left_out(self) -> str:
        """How many are in no rate; empty if all are."""
        people = sum(one.line["delivered"] - one.line["trackable"] for one in self.lines)
        if not people:
            return ""
        pattern = gettext(
            "Left out of the rates, because their opens are not recorded or not linked to them: "
            "%(people)s."
        )
        return pattern % {"people": count(people)}


def attribute_table(
    campaign: Campaign, totals: CampaignCounts, asked: str, *, keep: Mapping[str, str]
) -> AttributeTable | None:
    """By the attribute that was asked for, or the one that most recipients have. None where there
    is nothing to break down. One query at most."""
    if not totals.recipients or not (totals.sent or totals.opens):
        return None
    attributes = attributes_up_to_date(campaign, totals)
    if not attributes:
        return None
    chosen = next((one for one in attributes if one["name"] == asked), attributes[0])
    names = sorted((one["name"] for one in attributes), key=str.casefold)
    lines = list(map(ValueLine, chosen["lines"]))
    return AttributeTable(campaign.pk, names, chosen["name"], lines, keep)


def csv_rows(attribute: Attribute | None) -> Iterator[Sequence[str]]:
    yield CSV_HEADER
    for line in map(ValueLine, attribute["lines"] if attribute else ()):
        low, high = line.interval or (None, None)
        cells: list[Any] = [line.line["value"], line.line["kind"]]
        cells += [line.line["recipients"], line.line["delivered"], line.line["trackable"]]
        cells += [line.line["human"], line.rate, low, high]
        yield ["" if cell is None else harmless(str(cell)) for cell in cells]
