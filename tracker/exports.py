"""Files to take away: a campaign's snippets and its people as CSV, row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet

from campaigns.models import Campaign
from tracker.models import Pixel, PixelQuerySet
from tracker.reports.totals import report_of
from tracker.snippets import pixel_url, snippet
from tracker.verdicts import Verdict

SNIPPET_HEADER = ("email", "name", "pixel_url", "snippet")
PEOPLE_HEADER = (
    "email",
    "name",
    "status",
    "sent_at",
    "bounced_at",
    "first_opened_at",
    "last_opened_at",
    "first_human_opened_at",
    "verdict",
    "opens",
    "last_ip",
    "client",
    "user_agent",
)
# What a spreadsheet takes for the beginning of a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
PIXELS_READ = 2_000


def harmless(cell: str) -> str:
    """The cell, after an apostrophe where a spreadsheet would run it as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def snippet_rows(campaign: Campaign) -> Iterator[Sequence[str]]:
    yield SNIPPET_HEADER
    for pixel in _walk(_pixels(campaign).select_related("recipient")):
        assert pixel.recipient is not None
        yield (
            harmless(pixel.recipient.email),
            harmless(pixel.recipient.name),
            pixel_url(pixel.pk),
            snippet(pixel.pk),
        )


def people_rows(campaign: Campaign) -> Iterator[Sequence[str]]:
    """One row a recipient; moments in UTC, ISO 8601."""
    yield PEOPLE_HEADER
    for pixel in _walk(_pixels(campaign).with_state()):
        assert pixel.recipient is not None
        opened = pixel.opened
        agent = opened.last_user_agent.text if opened and opened.last_user_agent else ""
        yield (
            harmless(pixel.recipient.email),
            harmless(pixel.recipient.name),
            pixel.status,
            _moment(pixel.sent_at),
            _moment(pixel.bounced_at),
            _moment(opened.first_opened_at if opened else None),
            _moment(opened.last_opened_at if opened else None),
            _moment(opened.first_human_opened_at if opened else None),
            Verdict.of_number(opened.verdict).value if opened else "",
            str(opened.open_count if opened else 0),
            (opened.last_ip if opened else None) or "",
            harmless(opened.client if opened else ""),
            harmless(agent),
        )


def campaign_rows(campaigns: Iterable[Campaign]) -> Iterator[Sequence[str]]:
    """One row a campaign, in the words of ``report --json``; rates are fractions or empty."""
    header: list[str] = []
    for campaign in campaigns:
        row: dict[str, object] = {}
        for name, value in report_of(campaign).items():
            if name == "by_verdict":
                row.update({f"{verdict}_opens": count for verdict, count in value.items()})
            elif name == "estimated_open_rate_interval":
                low, high = value or (None, None)
                row |= {"estimated_open_rate_low": low, "estimated_open_rate_high": high}
            else:
                row[name] = value
        if not header:
            header = list(row)
            yield header
        yield [harmless("" if value is None else str(value)) for value in row.values()]


def csv_blocks(rows: Iterable[Sequence[str]], *, rows_a_block: int = 500) -> Iterator[str]:
    """The rows as CSV text, some at a time: memory does not grow with the file."""
    rows = iter(rows)
    while some := list(islice(rows, rows_a_block)):
        text = io.StringIO()
        csv.writer(text).writerows(some)
        yield text.getvalue()


def write_csv(rows: Iterable[Sequence[str]], write: Callable[[str], object]) -> int:
    """Hand the CSV text to ``write``; how many rows without the header."""
    count = -1

    def counted() -> Iterator[Sequence[str]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    for block in csv_blocks(counted()):
        write(block)
    return count


def _pixels(campaign: Campaign) -> PixelQuerySet:
    return Pixel.objects.of_recipients().filter(campaign=campaign).order_by("recipient_id")


def _walk(pixels: QuerySet[Pixel]) -> Iterator[Pixel]:
    """All of them by key, a group a query: no cursor stays open while a client reads slowly."""
    last = 0
    while some := list(pixels.filter(recipient_id__gt=last)[:PIXELS_READ]):
        yield from some
        last = some[-1].recipient_id or 0


def _moment(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
