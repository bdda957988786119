"""Where the header is: in the first line, below a title, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.imports.addresses import INVISIBLE, is_address
from campaigns.imports.columns import (
    MOST_COLUMNS,
    column_name,
    may_name_addresses,
    names_addresses,
)
from campaigns.imports.reasons import Reason, because

# Lines with something in them that may be a title.
SEARCHED = 10


def place_of_header(rows: Sequence[Sequence[str]]) -> int:
    """Among the first rows that are not empty; the first one if nothing says which it is."""
    above = _before_addresses(rows[:SEARCHED])
    for names in (names_addresses, may_name_addresses):
        for place, cells in enumerate(above):
            if names(cells):
                return place
    if names_addresses(rows[len(above)] if len(above) < len(rows) else ()):
        return len(above)
    return _fullest_above(rows, above)


def _before_addresses(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Up to what may be a recipient: nobody is passed over."""
    above: list[Sequence[str]] = []
    for cells in rows:
        if any("@" in cell for cell in cells):
            break
        above.append(cells)
    return above


def _fullest_above(rows: Sequence[Sequence[str]], above: Sequence[Sequence[str]]) -> int:
    """Below a title, whatever its language: the fullest row that names the addresses' column."""
    at = _place_of_address(rows[len(above)]) if len(above) < len(rows) else -1
    named = [
        place for place, cells in enumerate(above) if 0 <= at < len(cells) and cells[at].strip()
    ]
    return max(named, key=lambda place: len(list(filter(str.strip, above[place]))), default=0)


def is_headless(cells: Sequence[str]) -> bool:
    """A header names no address: then this is the first recipient."""
    return not names_addresses(cells) and _place_of_address(cells) >= 0


def made_up_header(cells: Sequence[str]) -> list[str]:
    """“email” for the first column with an address, numbers for the others."""
    at = _place_of_address(cells)
    return ["email" if place == at else column_name(place) for place in range(len(cells))]


def as_header(cells: Sequence[str]) -> list[str]:
    """Without what nobody sees; empty cells at its end count where columns are few."""
    header = [cell.strip(INVISIBLE) for cell in cells]
    while len(header) > MOST_COLUMNS and not header[-1]:
        header.pop()
    return header


def notes_on(lines: Sequence[int], place: int, *, has_header: bool) -> list[Reason]:
    """What became of the lines above ``place``, and of a header that is not there."""
    if not has_header:
        return [because("The file has no header line: its columns have got names.")]
    if place:
        return [
            because(
                "Line %(line)s is the header; what stands above it was passed over.",
                line=lines[place],
            )
        ]
    return []


def _place_of_address(cells: Sequence[str]) -> int:
    for place, cell in enumerate(cells):
        if is_address(cell):
            return place
    return -1
