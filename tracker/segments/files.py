"""A segment's recipients as a file: CSV for spreadsheets, or JSON lines as the values are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice

from campaigns.models import Campaign
from tracker.exports import csv_blocks, harmless, harmless_address, people_rows
from tracker.pixels import GREATEST_KEY
from tracker.segments.choice import Choice
from tracker.segments.members import members

# Extension and kind of content of each.
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
ROWS_A_BLOCK = 500


def segment_text(
    campaign: Campaign, choice: Choice, form: str, *, after: int = 0, up_to: int = GREATEST_KEY
) -> Iterator[tuple[str, int]]:
    """The file's text in blocks, each with its number of recipients; memory does not grow.

    ``after`` and ``up_to`` are keys of recipients, for who writes it in steps.
    """
    cell, address = (harmless, harmless_address) if form == "csv" else (str, str)
    chosen = members(campaign, choice)
    if (after, up_to) != (0, GREATEST_KEY):
        chosen = chosen.filter(recipient__gt=after, recipient__lte=up_to)
    rows = people_rows(campaign, chosen, cell=cell, address=address)
    header = next(rows)
    if form == "csv" and not after:
        yield next(csv_blocks([header])), 0
    while some := list(islice(rows, ROWS_A_BLOCK)):
        yield next(csv_blocks(some)) if form == "csv" else _json_lines(header, some), len(some)


def _json_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (json.dumps(_values(header, row), ensure_ascii=False) for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _values(header: Sequence[str], row: Sequence[str]) -> dict[str, str | int | None]:
    """Nothing is null, and the numbers of opens are numbers."""
    return {
        name: int(value) if name in ("opens", "human_opens") and value else value or None
        for name, value in zip(header, row, strict=True)
    }
