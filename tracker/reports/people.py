"""Who opened and who did not: one page of a campaign's pixels, filtered, searched and sorted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrPromise

from campaigns.models import Campaign, Recipient
from tracker.models import CampaignCounts, Pixel, PixelQuerySet, Segment
from tracker.reports.unlisted import LEAST_ANONYMOUS, Listed, listed_of
from tracker.segments.saved import recipients_of

ROWS = 50

# What a sort key in the URL orders by. Only openers have opens to sort by; they stand in an index
# of their own, in the order of their first open.
BY_ADDRESS = {"address": "recipient__email_key"}
BY_MOMENTS = {
    "first": "unique_open__first_opened_at",
    "last": "unique_open__last_opened_at",
}
# Whom machines called upon most is not who reads most.
BY_OPENS = {"opens": "unique_open__human_open_count"}


@dataclass(frozen=True, slots=True)
class Show:
    """One choice of whom to show."""

    label: StrPromise
    empty_text: StrPromise
    sorts: Mapping[str, str] = field(default_factory=lambda: BY_ADDRESS)
    default_sort: str = "address"


def opened(
    label: StrPromise, empty_text: StrPromise, more_sorts: Mapping[str, str] | None = None
) -> Show:
    sorts = {**BY_ADDRESS, **BY_MOMENTS, **(more_sorts or {})}
    return Show(label, empty_text, sorts=sorts, default_sort="-first")


SHOWS = {
    "all": Show(
        gettext_lazy("All"),
        gettext_lazy("This campaign has no recipients yet: import a list first."),
    ),
    "opened": opened(
        gettext_lazy("Opened"),
        gettext_lazy("Nobody has opened so far, as far as anyone can know."),
        BY_OPENS,
    ),
    "machines": opened(
        gettext_lazy("Machine only"),
        gettext_lazy("Everything that was opened was opened by a person."),
    ),
    # The two kinds of machines.
    "prefetched": opened(
        gettext_lazy("In advance"), gettext_lazy("Nothing was only fetched in advance.")
    ),
    "scanned": opened(
        gettext_lazy("Scanners and bots"),
        gettext_lazy("Nothing was opened by scanners and bots only."),
    ),
    "unclear": opened(gettext_lazy("Unclear"), gettext_lazy("Nothing is unclear.")),
    "unopened": Show(gettext_lazy("Not opened"), gettext_lazy("Everyone’s pixel was fetched.")),
    "bounced": Show(gettext_lazy("Bounced"), gettext_lazy("Nothing bounced.")),
}
# Tabs of recipients whose pixel was fetched, by the best verdict on that.
BY_WHOM = {
    "opened": PixelQuerySet.opened_by_people,
    "machines": PixelQuerySet.opened_by_machines_only,
    "prefetched": PixelQuerySet.fetched_in_advance_only,
    "scanned": PixelQuerySet.opened_by_scanners_and_bots_only,
    "unclear": PixelQuerySet.opened_by_nobody_knows_whom,
}
# Kinds of what another tab shows together: no tab of nobody.
KINDS = {"prefetched", "scanned"}
COLUMNS = (
    ("address", gettext_lazy("Recipient")),
    ("first", gettext_lazy("First open")),
    ("last", gettext_lazy("Last open")),
    ("opens", gettext_lazy("Opens by people")),
    ("", gettext_lazy("Client")),
    ("", gettext_lazy("Status")),
)


@dataclass(frozen=True, slots=True)
class Query:
    """What the reader asked for, as the URL says it; anything senseless falls back to a default."""

    show: str = "all"
    sort: str = "address"
    words: str = ""
    after: tuple[str, int] | None = None
    before: tuple[str, int] | None = None
    # A saved segment's number; and what another part of the page breaks the campaign down by.
    segment: int | None = None
    attribute: str = ""

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
            _number(parameters.get("segment", "")),
            parameters.get("attribute", "").replace("\x00", "")[:120],
        )

    @property
    def column(self) -> str:
        return SHOWS[self.show].sorts[self.sort.removeprefix("-")]

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    def url(self, keep: Mapping[str, str], **changes: str) -> str:
        """The same page with other choices; always back to the first rows unless told."""
        parameters = self.parameters(keep) | changes
        return f"?{urlencode({name: value for name, value in parameters.items() if value})}#people"

    def parameters(self, keep: Mapping[str, str]) -> dict[str, str]:
        return {**keep, "show": self.show, "sort": self.sort, "q": self.words, **self.kept}

    @property
    def kept(self) -> dict[str, str]:
        """What all links of the page keep."""
        return {
            name: value
            for name, value in (("segment", str(self.segment or "")), ("attribute", self.attribute))
            if value
        }

    def chart_url(self, **chart: str) -> str:
        """The same people under another chart."""
        return self.url({}, **chart).replace("#people", "#chart")


def list_urls(keep: Mapping[str, str]) -> dict[str, str]:
    """Of each list of recipients from its first row, the same for every reader."""
    return {show: Query().url(keep, show=show, sort="") for show in SHOWS}


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
    """One page, ready for the template.

    ``unlinked`` openers count in the figures and are in no list; ``is_derivable`` where so few are
    anonymous that figures and lists together tell of single ones.
    """

    tabs: list[Tab]
    columns: list[Column]
    rows: list[Pixel]
    query: str
    state: dict[str, str]
    previous_url: str | None
    next_url: str | None
    empty_text: str
    segment: Segment | None
    # The same people, whatever segment they are in.
    all_url: str
    anonymous: int
    unlinked: int
    is_derivable: bool

    @property
    def segment_query(self) -> str:
        """The same people for the page of segments."""
        segment = str(self.segment.pk) if self.segment else ""
        asked = {"who": self.state["show"], "words": self.query, "segment": segment}
        return urlencode({name: value for name, value in asked.items() if value})


def pixels_of(campaign: Campaign, query: Query, segment: Segment | None = None) -> PixelQuerySet:
    """The campaign's pixels that the query asks for, in no order."""
    pixels = Pixel.objects.of_recipients().filter(campaign=campaign)
    if query.show in BY_WHOM:
        # The campaign twice, so that the database can walk the index of openers.
        pixels = BY_WHOM[query.show](pixels.linked()).filter(unique_open__campaign=campaign)
    elif query.show == "unopened":
        pixels = pixels.unopened()
    elif query.show == "bounced":
        pixels = pixels.bounced()
    if query.words:
        pixels = pixels.filter(recipient__in=Recipient.objects.matching(query.words))
    if segment:
        pixels = pixels.filter(recipient__in=recipients_of(segment))
    return pixels


def people_page(
    campaign: Campaign, totals: CampaignCounts, query: Query, *, keep: Mapping[str, str]
) -> People:
    """Two queries, whatever the page, one more for a segment: a page begins where another ended,
    not at an offset. The other one tells how many each list names, which a search does not ask.

    ``keep`` are the URL's parameters that belong to other parts of the page.
    """
    segment = Segment.objects.filter(pk=query.segment).first() if query.segment else None
    if segment is None:
        query = replace(query, segment=None)
    is_backwards = query.before is not None
    rows = list(_ordered(pixels_of(campaign, query, segment), query, is_backwards)[: ROWS + 1])
    is_more = len(rows) > ROWS
    rows = rows[:ROWS]
    if is_backwards:
        rows.reverse()
    if not rows and (query.after or query.before):
        # The rows that were here are gone, or the place never was one: begin anew.
        return people_page(campaign, totals, replace(query, after=None, before=None), keep=keep)
    has_next = bool(rows) and (is_more or is_backwards)
    has_previous = bool(rows) and (is_more if is_backwards else query.after is not None)
    # A search counts nothing: that would read every match.
    listed = None if query.words or query.segment else listed_of(campaign, totals)
    return People(
        tabs=_tabs(totals, listed, query, keep),
        columns=_columns(query, keep),
        rows=rows,
        query=query.words,
        state={**keep, "show": query.show, "sort": query.sort, **query.kept},
        previous_url=query.url(keep, before=_place(rows[0], query)) if has_previous else None,
        next_url=query.url(keep, after=_place(rows[-1], query)) if has_next else None,
        empty_text=_empty_text(totals, query),
        segment=segment,
        all_url=replace(query, segment=None).url(keep),
        anonymous=totals.anonymous,
        unlinked=listed.unlinked if listed else 0,
        is_derivable=0 < totals.anonymous < LEAST_ANONYMOUS,
    )


def _empty_text(totals: CampaignCounts, query: Query) -> str:
    if query.words:
        return gettext("Nobody here matches “%(words)s”.") % {"words": query.words}
    if query.segment and totals.recipients:
        return gettext("Nobody here is in this segment.")
    return str(SHOWS["all" if not totals.recipients else query.show].empty_text)


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


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) < 19
    return int(text) if is_number else None


def _position(text: str | None) -> tuple[str, int] | None:
    value, separator, pixel_id = (text or "").replace("\x00", "").rpartition("~")
    if not separator or not pixel_id.isdecimal() or len(pixel_id) > 18:
        return None
    return value, int(pixel_id)


def _value(query: Query, text: str) -> Any:
    """The sort column's value from the URL; none if it is no such value."""
    if query.column.endswith("open_count"):
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


def _tabs(
    totals: CampaignCounts, listed: Listed | None, query: Query, keep: Mapping[str, str]
) -> list[Tab]:
    """Each with the number of rows that it leads to."""
    counts: dict[str, int] = {}
    if listed:
        counts = {
            "all": totals.recipients,
            "opened": listed.opened,
            "machines": listed.machines,
            "prefetched": listed.prefetched,
            "scanned": listed.scanned,
            "unclear": listed.unclear,
            "unopened": listed.unopened,
            "bounced": totals.bounces,
        }
    return [
        Tab(
            str(show.label),
            # A search counts nothing: that would read every match.
            counts.get(name),
            query.url(keep, show=name, sort=""),
            name == query.show,
        )
        for name, show in SHOWS.items()
        if name == query.show or name not in KINDS or counts.get(name, 1)
    ]


def _columns(query: Query, keep: Mapping[str, str]) -> list[Column]:
    return [_column(query, keep, key, str(label)) for key, label in COLUMNS]


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
