"""One sheet's cells become rows, a block of XML at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.records import Batch, Tick
from campaigns.imports.xlsx.dates import Shown, as_number
from campaigns.imports.xlsx.parser import (
    BLOCK,
    MOST_EMPTY,
    MOST_EMPTY_BYTES,
    nothing_in_it,
    parse,
)
from campaigns.imports.xlsx.shared_strings import LONGEST, SharedStrings, unescaped

# Excel's own sheets end at 16,384 columns; a list of recipients long before.
MOST_COLUMNS = 1_000
MOST_ROWS = 1_048_576

# Of text in one row; a line of a text file holds less.
LONGEST_ROW = 1 << 18
# What is handed on at once: a cell may name the same long text again and again.
BATCH_ROWS = 500
BATCH_CHARACTERS = 256 << 10
BATCH_BLOCKS = 8


class SheetReader:
    """Gathers rows between two blocks of XML, and hands them on; also that there are none."""

    def __init__(self, strings: SharedStrings, styles: Mapping[int, Shown], tick: Tick) -> None:
        self._strings = strings
        self._tick = tick
        self._styles = styles
        self._row = self._rows_seen = self._cells_seen = self._in_row = 0
        self._empty = self._filled = 0
        self._cells: list[str] = []
        self._column = -1
        self._type = ""
        self._style = 0
        self._is_value = False
        self._is_phonetic = False
        self._value: list[str] = []
        self._length = 0
        self._batch = Batch([], [], 0)
        self._characters = 0

    def read(self, part: BinaryIO) -> Iterator[Batch]:
        blocks = empty_bytes = filled = 0
        for _ in parse(part, start=self._start, end=self._end, text=self._text):
            self._tick()
            blocks += 1
            empty_bytes = empty_bytes + BLOCK if self._filled == filled else 0
            filled = self._filled
            if empty_bytes > MOST_EMPTY_BYTES:
                raise nothing_in_it()
            if blocks >= BATCH_BLOCKS or self._is_full:
                yield self._taken()
                blocks = 0
        yield self._taken()

    @property
    def _is_full(self) -> bool:
        return len(self._batch.rows) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS

    def _taken(self) -> Batch:
        batch, self._characters = self._batch, 0
        self._batch = Batch([], [], batch.last)
        return batch

    def _start(self, name: str, given: dict[str, str]) -> None:
        self._empty += 1
        if self._empty > MOST_EMPTY:
            raise nothing_in_it()
        if name == "c":
            self._cells_seen += 1
            place = given.get("r")
            self._column = column_of(place) if place else self._column + 1
            if max(self._column + 1, self._cells_seen) > MOST_COLUMNS:
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
            # A number names one row only, also where the file gives it to many.
            self._row = max(int(number or 0), self._row + 1)
            self._rows_seen += 1
            if not 0 < max(self._row, self._rows_seen) <= MOST_ROWS:
                raise UnreadableFileError(
                    "The workbook names a row %(row)s, which no spreadsheet has.",
                    row=max(self._row, self._rows_seen),
                )
            self._column = -1
            self._cells_seen = self._in_row = 0
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
            self._end_cell()
        elif name == "row":
            self._batch.last = self._row
            if self._cells:
                assert isinstance(self._batch.lines, list)
                self._batch.lines.append(self._row)
                self._batch.rows.append(self._cells)
        elif name == "rPh":
            self._is_phonetic = False

    def _end_cell(self) -> None:
        text = self._shown("".join(self._value))
        if not text:
            return
        self._empty = 0
        self._filled += 1
        self._characters += len(text)
        self._in_row += len(text)
        if self._in_row > LONGEST_ROW:
            raise UnreadableFileError(
                "Row %(row)s holds more than %(most)s characters: this is no list of recipients.",
                row=self._row,
                most=LONGEST_ROW,
            )
        missing = self._column - len(self._cells)
        if missing > 0:
            self._cells.extend([""] * missing)
        self._cells[self._column : self._column + 1] = [text]

    def _shown(self, value: str) -> str:
        if self._type == "s":
            return self._strings[int(value)] if value.isdecimal() else ""
        if not value:
            return ""
        if self._type == "n":
            return self._styles.get(self._style, as_number)(value)
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
