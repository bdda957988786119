"""Who opened and who did not: one page of a campaign's pixels, filtered, searched and sorted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from campaigns.models import Campaign, Recipient
from tracker.models import CampaignCounts, Pixel, PixelQuerySet

ROWS = 50

# What a sort key in the URL orders by. Only openers have opens to sort by; they stand in an index
# of their own, in the order of their first open.
BY_ADDRESS = {"address": "recipient__email_key"}
BY_OPENS = {
    "first": "unique_open__first_opened_at",
    "last": "unique_open__last_opened_at",
    "opens": "unique_open__open_count",
}


@dataclass(frozen=True, slots=True)
class Show:
    """One choice of whom to show."""

    label: str
    empty_text: str
    sorts: Mapping[str, str] = field(default_factory=lambda: BY_ADDRESS)
    default_sort: str = "address"


def opened(label: str, empty_text: str) -> Show:
    return Show(label, empty_text, sorts=BY_ADDRESS | BY_OPENS, default_sort="-first")


SHOWS = {
    "all": Show("All", "This campaign has no recipients yet: import a list first."),
    "opened": opened("Opened", "Nobody has opened so far, as far as anyone can know."),
    "machines": opened("Machine only", "Everything that was opened was opened by a person."),
    "unclear": opened("Unclear", "Nothing is unclear."),
    "unopened": Show("Not opened", "Everyone’s pixel was fetched."),
    "bounced": Show("Bounced", "Nothing bounced."),
}
# Tabs of recipients whose pixel was fetched, by the best verdict on that.
BY_WHOM = {
    "opened": PixelQuerySet.opened_by_people,
    "machines": PixelQuerySet.opened_by_machines_only,
    "unclear": PixelQuerySet.opened_by_nobody_knows_whom,
}
COLUMNS = (
    ("address", "Recipient"),
    ("first", "First open"),
    ("last", "Last open"),
    ("opens", "Opens"),
    ("", "IP address"),
    ("", "Client"),
    ("", "Status"),
)


@dataclass(frozen=True, slots=True)
class Query:
    """What the reader asked for, as the URL says it; anything senseless falls back to a default."""

    show: str = "all"
    sort: str = "address"
    words: str = ""
    after: tuple[str, int] | None = None
    before: tuple[str, int] | None = None

    @classmethod
    def from_url(cls, parameters: Mapping[str, str]) -> Query:
        show = parameters.get("show", "all")
        if show not in SHOWS:
            show = "all"
        sort = parameters.get("sort", "")
        if sort.removeprefix("-") not in SHOWS[show].sorts:
            sort = SHOWS[show].default_sort
        words = parameters.get("q", "").replace("\x00", "").strip()[:254]
        return cls(
            show,
            sort,
            words,
            _position(parameters.get("after")),
            _position(parameters.get("before")),
        )

    @property
    def column(self) -> str:
        return SHOWS[self.show].sorts[self.sort.removeprefix("-")]

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    def url(self, keep: Mapping[str, str], **changes: str) -> str:
        """The same page with other choices; always back to the first rows unless told."""
        parameters = {**keep, "show": self.show, "sort": self.sort, "q": self.words, **changes}
        return f"?{urlencode({name: value for name, value in parameters.items() if value})}#people"

    def chart_url(self, **chart: str) -> str:
        """The same people under another chart."""
        return self.url({}, **chart).replace("#people", "#chart")


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    count: int | None
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    url: str | None
    direction: str | None
    is_number: bool


@dataclass(frozen=True, slots=True)
class People:
    """One page, ready for the template."""

    tabs: list[Tab]
    columns: list[Column]
    rows: list[Pixel]
    query: str
    state: dict[str, str]
    previous_url: str | None
    next_url: str | None
    empty_text: str


def pixels_of(campaign: Campaign, query: Query) -> PixelQuerySet:
    """The campaign's pixels that the query asks for, in no order."""
    pixels = Pixel.objects.of_recipients().filter(campaign=campaign)
    if query.show in BY_WHOM:
        # The campaign twice, so that the database can walk the index of openers.
        pixels = BY_WHOM[query.show](pixels).filter(unique_open__campaign=campaign)
    elif query.show == "unopened":
        pixels = pixels.unopened()
    elif query.show == "bounced":
        pixels = pixels.bounced()
    if query.words:
        pixels = pixels.filter(recipient__in=Recipient.objects.matching(query.words))
    return pixels


def people_page(
    campaign: Campaign, totals: CampaignCounts, query: Query, *, keep: Mapping[str, str]
) -> People:
    """One query, whatever the page: a page begins where another ended, not at an offset.

    ``keep`` are the URL's parameters that belong to other parts of the page.
    """
    is_backwards = query.before is not None
    rows = list(_ordered(pixels_of(campaign, query), query, is_backwards)[: ROWS + 1])
    is_more = len(rows) > ROWS
    rows = rows[:ROWS]
    if is_backwards:
        rows.reverse()
    if not rows and (query.after or query.before):
        # The rows that were here are gone, or the place never was one: begin anew.
        return people_page(campaign, totals, replace(query, after=None, before=None), keep=keep)
    has_next = bool(rows) and (is_more or is_backwards)
    has_previous = bool(rows) and (is_more if is_backwards else query.after is not None)
    return People(
        tabs=_tabs(totals, query, keep),
        columns=_columns(query, keep),
        rows=rows,
        query=query.words,
        state={**keep, "show": query.show, "sort": query.sort},
        previous_url=query.url(keep, before=_place(rows[0], query)) if has_previous else None,
        next_url=query.url(keep, after=_place(rows[-1], query)) if has_next else None,
        empty_text=_empty_text(totals, query),
    )


def _empty_text(totals: CampaignCounts, query: Query) -> str:
    if query.words:
        return f"Nobody here matches “{query.words}”."
    return SHOWS["all" if not totals.recipients else query.show].empty_text


def _ordered(pixels: PixelQuerySet, query: Query, is_backwards: bool) -> PixelQuerySet:
    place = query.before if is_backwards else query.after
    sign = "-" if query.is_descending != is_backwards else ""
    value = _value(query, place[0]) if place else None
    if place and value is not None:
        beyond = "lt" if sign else "gt"
        column = query.column
        # The first bound is implied by the second; it is what an index can use.
        pixels = pixels.filter(**{f"{column}__{beyond}e": value}).filter(
            Q(**{f"{column}__{beyond}": value}) | Q(**{column: value, f"id__{beyond}": place[1]})
        )
    if query.column == "recipient__email_key":
        # Everybody has one; said here, it lets the database walk the index of addresses.
        pixels = pixels.filter(recipient__email_key__gt="")
    return pixels.with_state().order_by(f"{sign}{query.column}", f"{sign}id")


def _position(text: str | None) -> tuple[str, int] | None:
    value, separator, pixel_id = (text or "").replace("\x00", "").rpartition("~")
    if not separator or not pixel_id.isdecimal() or len(pixel_id) > 18:
        return None
    return value, int(pixel_id)


def _value(query: Query, text: str) -> Any:
    """The sort column's value from the URL; none if it is no such value."""
    if query.column.endswith("__open_count"):
        return int(text) if text.isdecimal() and len(text) < 10 else None
    if query.column.endswith("_at"):
        try:
            moment = parse_datetime(text)
        except ValueError:
            return None
        return moment if moment and moment.tzinfo else None
    return text[:254]


def _place(pixel: Pixel, query: Query) -> str:
    """Where a row stands in the order, for the URL of the page that goes on from it."""
    value: object
    if query.column == "recipient__email_key":
        value = pixel.recipient.email_key if pixel.recipient else ""
    else:
        value = getattr(pixel.opened, query.column.removeprefix("unique_open__"))
    return f"{value.isoformat() if isinstance(value, datetime) else value}~{pixel.pk}"


def _tabs(totals: CampaignCounts, query: Query, keep: Mapping[str, str]) -> list[Tab]:
    counts: dict[str, int] = {
        "all": totals.recipients,
        "opened": totals.unique_human_opens,
        "machines": totals.unique_prefetch_opens + totals.unique_machine_opens,
        "unclear": totals.unique_unknown_opens,
        "unopened": totals.unopened,
        "bounced": totals.bounces,
    }
    return [
        Tab(
            show.label,
            # A search counts nothing: that would read every match.
            None if query.words else counts[name],
            query.url(keep, show=name, sort=""),
            name == query.show,
        )
        for name, show in SHOWS.items()
    ]


def _columns(query: Query, keep: Mapping[str, str]) -> list[Column]:
    return [_column(query, keep, key, label) for key, label in COLUMNS]


def _column(query: Query, keep: Mapping[str, str], key: str, label: str) -> Column:
    url = direction = None
    if key in SHOWS[query.show].sorts:
        if query.sort.removeprefix("-") == key:
            direction = "descending" if query.is_descending else "ascending"
        # Dates and counts are first wanted from the top, addresses from A.
        first_sort = key if key == "address" else f"-{key}"
        other = key if query.is_descending else f"-{key}"
        url = query.url(keep, sort=other if direction else first_sort)
    return Column(label, url, direction, is_number=key == "opens")
