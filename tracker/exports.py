"""Files to take away: a campaign's people and all campaigns as CSV, row by row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet

from campaigns.imports.rows import FORMULA_STARTS
from campaigns.models import Campaign
from tracker.models import Pixel, PixelQuerySet
from tracker.reports.totals import report_of
from tracker.verdicts import Verdict

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
    "human_opens",
    "last_ip",
    "client",
    "user_agent",
)
# What an address may hold beside letters and digits, and what a formula cannot do anything with:
# to call a function takes parentheses, to run or fetch something “|”, “!”, quotes or slashes.
_is_plain_address = re.compile(r"[+-]?[\w.+-]*@[\w.-]+").fullmatch
PIXELS_READ = 2_000


def harmless(cell: str) -> str:
    """The cell, after an apostrophe where a spreadsheet would run it as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def harmless_address(email: str) -> str:
    """The same for an address, which has to stay what it is: somebody mails to it.

    “+49@example.com” and “-ann@example.com” are left alone: made of nothing but letters, digits,
    dots, hyphens, plus signs and an @, they could at most subtract one name from another, and
    with the @ in their middle no spreadsheet reads them as a formula at all. What else an address
    may hold (``=cmd|'/C/calc'!A0@example.com`` is one) gets its apostrophe; nobody has been seen
    with such an address, and JSON lines hold it as it is.
    """
    return email if _is_plain_address(email) else harmless(email)


def people_rows(
    campaign: Campaign,
    pixels: PixelQuerySet | None = None,
    *,
    cell: Callable[[str], str] = harmless,
    address: Callable[[str], str] = harmless_address,
) -> Iterator[Sequence[str]]:
    """One row a recipient, of all or of these pixels; moments in UTC, ISO 8601.

    Whose opens are not linked to them has no number of opens, not even none.
    """
    yield PEOPLE_HEADER
    for pixel in _walk(_pixels(campaign, pixels).with_state()):
        assert pixel.recipient is not None
        opened = pixel.opened
        agent = opened.last_user_agent.text if opened and opened.last_user_agent else ""
        yield (
            address(pixel.recipient.email),
            cell(pixel.recipient.name),
            pixel.status,
            _moment(pixel.sent_at),
            _moment(pixel.bounced_at),
            _moment(opened.first_opened_at if opened else None),
            _moment(opened.last_opened_at if opened else None),
            _moment(opened.first_human_opened_at if opened else None),
            Verdict.of_number(opened.verdict).value if opened else "",
            _count(pixel.open_count),
            _count(pixel.human_open_count),
            (opened.last_ip if opened else None) or "",
            cell(opened.client if opened else ""),
            cell(agent),
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


def _pixels(campaign: Campaign, pixels: PixelQuerySet | None) -> PixelQuerySet:
    if pixels is None:
        pixels = Pixel.objects.of_recipients().filter(campaign=campaign)
    return pixels.order_by("recipient_id")


def _walk(pixels: QuerySet[Pixel]) -> Iterator[Pixel]:
    """All of them by key, a group a query: no cursor stays open while a client reads slowly."""
    last = 0
    while some := list(pixels.filter(recipient_id__gt=last)[:PIXELS_READ]):
        yield from some
        last = some[-1].recipient_id or 0


def _count(number: int | None) -> str:
    return "" if number is None else str(number)


def _moment(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
