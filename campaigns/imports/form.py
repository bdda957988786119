"""How the cells of a text file are written: what separates them, and how quotes are meant."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# Lines that are looked at before a space in front of a quote is believed to mean nothing.
LOOKED_AT = 200
ESCAPED_QUOTE = '\\"'


class Form(NamedTuple):
    delimiter: str
    # “"Ann", "Rome"”: the space belongs to no cell, and the quote is one.
    skips_spaces: bool = False

    def reader(self, lines: Iterable[str], **more: Any) -> Any:
        return csv.reader(
            lines, delimiter=self.delimiter, skipinitialspace=self.skips_spaces, strict=True, **more
        )

    def cells_of(self, line: str) -> list[str] | None:
        try:
            return next(self.reader([line]), [])
        except csv.Error:
            return self.escaped([line])

    def loosely(self, line: str) -> list[str]:
        """The cells as far as they can be told, also where quotes do not match."""
        return next(
            csv.reader([line], delimiter=self.delimiter, skipinitialspace=self.skips_spaces), []
        )

    def escaped(self, lines: Sequence[str]) -> list[str] | None:
        """One record with its quotes as MySQL writes them; none if it is no such record."""
        if not any(ESCAPED_QUOTE in line for line in lines):
            return None
        try:
            (cells,) = self.reader(lines, escapechar="\\")
        except (csv.Error, ValueError):
            return None
        return list(cells)


def form_of(lines: Sequence[str], delimiter: str) -> Form:
    plain, skipping = Form(delimiter), Form(delimiter, skips_spaces=True)
    some = lines[:LOOKED_AT]
    if not any(f'{delimiter} "' in line for line in some):
        return plain
    return skipping if _evenness(some, skipping) >= _evenness(some, plain) else plain


def _evenness(lines: Sequence[str], form: Form) -> tuple[int, int]:
    """How many lines can be read so, and how few widths they have."""
    widths = [len(cells) for line in lines if (cells := form.cells_of(line))]
    return len(widths), -len(set(widths))
