"""One sheet's cells become rows, a block of XML at a time."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import BinaryIO

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.xlsx.dates import as_date, as_number
from campaigns.imports.xlsx.parser import parse
from campaigns.imports.xlsx.shared_strings import LONGEST, SharedStrings, unescaped

# Excel's own sheets end at 16,384 columns; a list of recipients long before.
MOST_COLUMNS = 1_000
MOST_ROWS = 1_048_576

Numbered = tuple[int, list[str]]


class SheetReader:
    """Gathers the rows of one block; ``rows`` are taken between two blocks."""

    def __init__(self, strings: SharedStrings, date_styles: Container[int]) -> None:
        self._strings = strings
        self._date_styles = date_styles
        self._row = 0
        self._cells: list[str] = []
        self._column = -1
        self._type = ""
        self._style = 0
        self._is_value = False
        self._is_phonetic = False
        self._value: list[str] = []
        self._length = 0
        self.rows: list[Numbered] = []

    def read(self, part: BinaryIO) -> Iterator[list[Numbered]]:
        for _ in parse(part, start=self._start, end=self._end, text=self._text):
            if self.rows:
                yield self.rows
                self.rows = []

    def _start(self, name: str, given: dict[str, str]) -> None:
        if name == "c":
            place = given.get("r")
            self._column = column_of(place) if place else self._column + 1
            if self._column >= MOST_COLUMNS:
                raise UnreadableFileError(
                    "Row %(row)s has more than %(most)s columns: this is no list of recipients.",
                    row=self._row,
                    most=MOST_COLUMNS,
                )
            self._type = given.get("t", "n")
            self._style = int(given.get("s") or 0)
            self._value = []
            self._length = 0
        elif name in ("v", "t"):
            self._is_value = not self._is_phonetic
        elif name == "row":
            number = given.get("r")
            self._row = int(number) if number else self._row + 1
            if not 0 < self._row <= MOST_ROWS:
                raise UnreadableFileError(
                    "The workbook names a row %(row)s, which no spreadsheet has.", row=self._row
                )
            self._column = -1
            self._cells = []
        elif name == "rPh":
            self._is_phonetic = True

    def _text(self, data: str) -> None:
        if self._is_value:
            self._length += len(data)
            if self._length > LONGEST:
                raise UnreadableFileError(
                    "A cell of row %(row)s is longer than %(most)s characters.",
                    row=self._row,
                    most=LONGEST,
                )
            self._value.append(data)

    def _end(self, name: str) -> None:
        if name in ("v", "t"):
            self._is_value = False
        elif name == "c":
            text = self._shown("".join(self._value))
            if text:
                missing = self._column - len(self._cells)
                if missing > 0:
                    self._cells.extend([""] * missing)
                self._cells[self._column :] = [text]
        elif name == "row":
            if self._cells:
                self.rows.append((self._row, self._cells))
        elif name == "rPh":
            self._is_phonetic = False

    def _shown(self, value: str) -> str:
        if self._type == "s":
            return self._strings[int(value)] if value.isdecimal() else ""
        if not value:
            return ""
        if self._type == "n":
            return as_date(value) if self._style in self._date_styles else as_number(value)
        if self._type == "e":
            return ""  # “#N/A” and the like are nobody's name
        if self._type == "b":
            return "TRUE" if value == "1" else "FALSE"
        return unescaped(value)


def column_of(place: str) -> int:
    """A1 is 0, AA7 is 26."""
    column = 0
    for letter in place:
        if not "A" <= letter <= "Z":
            break
        column = column * 26 + ord(letter) - 64
        if column > MOST_COLUMNS:
            break
    return column - 1
