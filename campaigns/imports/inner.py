"""Lists whose every line stands in a single cell, as some programs save a CSV once more."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from django.utils.translation import gettext_noop

from campaigns.imports.addresses import key_if_ordinary
from campaigns.imports.columns import may_name_addresses, names_addresses
from campaigns.imports.reasons import Reason, because
from campaigns.imports.records import Batch, Fault

AGAIN = {
    ",": gettext_noop("Each line stands in one cell: it was split again at its commas."),
    ";": gettext_noop("Each line stands in one cell: it was split again at its semicolons."),
    "\t": gettext_noop("Each line stands in one cell: it was split again at its tabs."),
    "|": gettext_noop("Each line stands in one cell: it was split again at its vertical bars."),
}
MISMATCHED = because("the quotes in this line do not match")


def inner_delimiter(rows: Sequence[Sequence[str]]) -> str:
    """What separates the cells within the cells; empty where rows are what they seem."""
    filled = [[cell for cell in cells if cell.strip()] for cells in rows]
    filled = [cells for cells in filled if cells]
    if not filled or max(map(len, filled)) > 1:
        return ""
    for (text,) in filled:
        tried = {one: cells_of(text, one) or [] for one in AGAIN}
        found = [one for one in AGAIN if len(tried[one]) > 1 and _is_first_line(tried[one])]
        if found:
            return max(found, key=lambda one: len(tried[one]))
        if "@" in text:
            break
    return ""


def note_on(delimiter: str) -> list[Reason]:
    return [Reason(AGAIN[delimiter], {})] if delimiter else []


def opened_up(batches: Iterator[Batch], delimiter: str) -> Iterator[Batch]:
    for batch in batches:
        made = Batch([], [], batch.last, list(batch.faults))
        assert isinstance(made.lines, list)
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            (text, *more) = [cell for cell in cells if cell.strip()] or [""]
            inner = cells if more else cells_of(text, delimiter)
            if inner is None:
                made.faults.append(Fault(line, MISMATCHED, [text]))
            else:
                made.lines.append(line)
                made.rows.append(inner)
        yield made


def cells_of(line: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _is_first_line(cells: Sequence[str]) -> bool:
    return (
        names_addresses(cells)
        or may_name_addresses(cells)
        or any(key_if_ordinary(cell.strip()) for cell in cells)
    )
