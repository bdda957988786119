"""Where the header is: in the first line, below a title, or nowhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from campaigns.imports.addresses import INVISIBLE, is_address
from campaigns.imports.columns import (
    MOST_COLUMNS,
    column_name,
    may_name_addresses,
    names_addresses,
    names_people,
)
from campaigns.imports.reasons import Reason, because

# Lines with something in them that may be a title.
SEARCHED = 10
# “anna.example.com”, where an @-sign has been forgotten.
_like_address = re.compile(
    r"[\w.+-]+\.(?:[a-z]{2}|com|org|net|info|biz|edu|gov)", re.IGNORECASE
).fullmatch


@dataclass(frozen=True, slots=True)
class Head:
    """What the columns are called, and the first row of the list among those that were given."""

    cells: list[str]
    begin: int
    # The header's own place; -1 if there is none, and the columns have got names.
    place: int


def head_of(rows: Sequence[Sequence[str]], *, has_header: bool = True) -> Head:
    """Of the first rows that are not empty."""
    place = _place_of_header(rows) if has_header else -1
    if place < 0 or _is_headless(rows, place):
        return Head(_made_up_header(rows), 0, -1)
    return Head(as_header(rows[place]), place + 1, place)


def _place_of_header(rows: Sequence[Sequence[str]]) -> int:
    """The first one if nothing says which it is."""
    above = _before_recipients(rows[:SEARCHED])
    for names in (names_addresses, may_name_addresses):
        for place, cells in enumerate(above):
            if names(cells):
                return place
    if names_addresses(rows[len(above)] if len(above) < len(rows) else ()):
        return len(above)
    return _fullest_above(rows, above)


def holds_recipient(cells: Sequence[str]) -> bool:
    """One or more addresses, right or wrong, and nothing else in a cell; a title's sentence has
    words, too."""
    return any("@" in cell and (_only_addresses(cell) or is_address(cell)) for cell in cells)


def _only_addresses(cell: str) -> bool:
    return all("@" in word for word in re.split(r"[\s;,]+", cell.strip(" \t;,")))


def _before_recipients(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Nobody is passed over."""
    return list(takewhile(lambda cells: not holds_recipient(cells), rows))


def _fullest_above(rows: Sequence[Sequence[str]], above: Sequence[Sequence[str]]) -> int:
    """Below a title, whatever its language: the fullest row that names the addresses' column."""
    at = _place_of_address(rows[len(above)]) if len(above) < len(rows) else -1
    named = [
        place for place, cells in enumerate(above) if 0 <= at < len(cells) and cells[at].strip()
    ]
    return max(named, key=lambda place: len(list(filter(str.strip, above[place]))), default=0)


def _is_headless(rows: Sequence[Sequence[str]], place: int) -> bool:
    """A header names its columns. What stands above addresses and is empty there, or like one of
    them, is a recipient, whose line can be mended."""
    cells = rows[place]
    at, row = _first_address(rows)
    if at < 0 or names_addresses(cells):
        return False
    cell = cells[at].strip() if at < len(cells) else ""
    if _like_address(cell):
        return True
    if may_name_addresses(cells):
        return False
    return row == place or holds_recipient(cells) or (not cell and not names_people(cells))


def _first_address(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Column and row of the first one; -1 and -1 if there is none."""
    found = ((_place_of_address(cells), row) for row, cells in enumerate(rows))
    return next(((at, row) for at, row in found if at >= 0), (-1, -1))


def _made_up_header(rows: Sequence[Sequence[str]]) -> list[str]:
    """“email” for the first column with an address, numbers for the others."""
    at, row = _first_address(rows)
    width = max(len(rows[0]), len(rows[row]))
    return ["email" if place == at else column_name(place) for place in range(width)]


def has_column_of_addresses(rows: Sequence[Sequence[str]]) -> bool:
    """Two addresses in one column, or one below its name; a cover sheet's own stands alone."""
    named: set[int] = set()
    for cells in rows:
        for at, cell in enumerate(cells):
            is_one = is_address(cell)
            if is_one and at in named:
                return True
            if is_one or names_addresses([cell]):
                named.add(at)
    return False


def as_header(cells: Sequence[str]) -> list[str]:
    """Without what nobody sees; empty cells at its end count where columns are few."""
    header = [cell.strip(INVISIBLE) for cell in cells]
    while len(header) > MOST_COLUMNS and not header[-1]:
        header.pop()
    return header


def notes_on(lines: Sequence[int], head: Head) -> list[Reason]:
    """Which line is the header, and what became of those above it."""
    if head.place < 0:
        return [because("The file has no header line: its columns have got names.")]
    line = lines[head.place]
    if head.place:
        return [
            because("Line %(line)s is the header; what stands above it was passed over.", line=line)
        ]
    return [because("Line %(line)s is the header.", line=line)]


def _place_of_address(cells: Sequence[str]) -> int:
    for place, cell in enumerate(cells):
        if is_address(cell):
            return place
    return -1
