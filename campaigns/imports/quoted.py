"""Records over several lines: a quoted cell is read whole, and nobody inside it is a recipient."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from itertools import islice

from campaigns.imports.addresses import key_if_ordinary
from campaigns.imports.form import Form
from campaigns.imports.inner import MISMATCHED
from campaigns.imports.lines import LINE_LENGTH, SHOWN_OF_LONG_LINE
from campaigns.imports.reasons import because
from campaigns.imports.records import Batch, Fault

# Of one record; a cell of Excel holds 32,767, and Python's csv reads no longer ones.
RECORD_LENGTH = 131_072  # characters
SHOWN_OF_RECORD = 4_000
# Quotes of one line at which a cell may end, where quotes do not match.
TRIED_ENDS = 20
CLOSING = r'(?<!\\)"'
LONG = because(
    "the line is longer than %(most)s bytes: only its first %(kept)s characters are kept",
    most=LINE_LENGTH,
    kept=SHOWN_OF_LONG_LINE,
)
UNCLOSED = because("a quote is opened and never closed")


@dataclass(slots=True)
class Open:
    """The lines of a record so far; ``is_cut``: they are too many to be kept, ``is_long``: the
    first one is itself."""

    first: int
    lines: list[str]
    last: int
    is_cut: bool = False
    is_long: bool = False
    # A quote stands where none may: csv's rules no longer tell where the cell ends.
    is_broken: bool = False
    length: int = field(init=False)

    def __post_init__(self) -> None:
        self.length = len(self.lines[0])

    def add(self, line: str) -> None:
        self.last += 1
        self.length += len(line) + 1
        if not self.is_cut:
            self.lines.append(line)

    def cut(self) -> None:
        shown = "\n".join(self.lines)[:SHOWN_OF_RECORD]
        self.lines, self.is_cut = shown.split("\n"), True


class Records:
    """Is given line after line, and hands records and faults to the batch of the moment.

    What csv reads is a record. Where a quote is never closed, either somebody has mistyped it, and
    the lines below are records as all others are; or it is a cell that was cut off, and whoever is
    named in it is a stranger. They stand for themselves only if all of them look like the list.
    """

    def __init__(self, form: Form, width: int) -> None:
        self._form = form
        self._width = width
        self._open: Open | None = None

    @property
    def first_open(self) -> int:
        """The number of the line in which a record has begun; 0 if none is open."""
        return self._open.first if self._open else 0

    def take(self, number: int, line: str, batch: Batch) -> None:
        if self._open is None:
            self._begin(number, line, batch)
            return
        if '"' in line:
            has_ended = self._ends_in(self._open, line)
            if has_ended is None:
                self.give_up(batch)
                self._begin(number, line, batch)
                return
            self._open.add(line)
            if has_ended:
                self._end(self._open, batch)
                return
        else:
            self._open.add(line)
        self._bound(batch)

    def take_blank(self, count: int, batch: Batch) -> None:
        """A run of empty lines; within quotes they belong to the cell."""
        record = self._open
        if record is None:
            return
        if not record.is_cut:
            record.lines += [""] * min(count, RECORD_LENGTH)
        record.last += count
        record.length += count
        self._bound(batch)

    def take_long(self, number: int, line: str, batch: Batch, *, is_odd: bool) -> None:
        """A line that was cut; with an odd number of quotes it opens a cell, or ends one."""
        record = self._open
        if record is None:
            if is_odd:
                self._open = Open(number, [line], number, is_long=True)
            else:
                batch.faults.append(Fault(number, LONG, [line]))
            return
        record.add(line)
        record.cut()
        if is_odd:
            self._end(record, batch)

    def give_up(self, batch: Batch) -> None:
        """The quote is not closed before the file ends, or before a line that is like the list."""
        record, self._open = self._open, None
        if record is None:
            return
        if not record.is_cut and self._is_list(record.lines[1:]):
            self._each_for_itself(record, batch)
        else:
            self._reject(record, MISMATCHED if record.is_broken else UNCLOSED, batch)

    def _begin(self, number: int, line: str, batch: Batch) -> None:
        try:
            (cells,) = self._form.reader([f"{line}\n"])
        except (csv.Error, ValueError) as error:
            if str(error) == "unexpected end of data":
                self._open = Open(number, [line], number)
            elif self._may_go_on(line):
                self._open = Open(number, [line], number, is_broken=True)
            else:
                self._add_alone(number, line, batch)
            return
        _add(batch, number, cells)

    def _may_go_on(self, line: str) -> bool:
        """Its quotes do not match, and one more may have been opened than closed."""
        is_odd = line.count('"') % 2 == 1 and not re.search(rf"{CLOSING}\s*\Z", line)
        return is_odd and self._form.escaped([line]) is None

    def _ends_in(self, record: Open, line: str) -> bool | None:
        """None: no, this line is like the list, and it was the quote that is wrong."""
        if not record.is_broken:
            try:
                # Within quotes, as if the cell had begun here.
                list(self._form.reader([f'"{line}\n']))
            except csv.Error as error:
                if str(error) == "unexpected end of data":
                    return False
            else:
                return True
        if self._begins_anew(line):
            return None
        record.is_broken = True
        return self._may_end(record, line)

    def _begins_anew(self, line: str) -> bool:
        cells = self._form.loosely(line)
        return len(cells) == self._width and any(key_if_ordinary(cell.strip()) for cell in cells)

    def _may_end(self, record: Open, line: str) -> bool:
        """At a quote behind which the cells follow that the record lacks."""
        lacking = max(0, self._width - len(self._form.loosely(record.lines[0])))
        ends = re.finditer(rf"{CLOSING}(?={re.escape(self._form.delimiter)}|\Z)", line)
        rests = (line[end.end() + 1 :] if end.end() < len(line) else None for end in ends)
        return any(
            (0 if rest is None else len(self._form.cells_of(rest) or ("",))) == lacking
            for rest in islice(rests, TRIED_ENDS)
        )

    def _end(self, record: Open, batch: Batch) -> None:
        if record.is_cut or record.is_long or record.length > RECORD_LENGTH:
            self._open = None
            self._reject(record, UNCLOSED, batch, is_closed=True)
            return
        texts = [f"{line}\n" for line in record.lines]
        if not record.is_broken:
            (cells,) = self._form.reader(texts)
        elif (cells := self._form.escaped(texts)) is None:
            self.give_up(batch)
            return
        self._open = None
        _add(batch, record.first, cells)

    def _bound(self, batch: Batch) -> None:
        record = self._open
        if record is None or record.is_cut or record.length <= RECORD_LENGTH:
            return
        if any(record.lines[1:]) and self._is_list(record.lines[1:]):
            self._open = None
            self._each_for_itself(record, batch)
        else:
            record.cut()

    def _is_list(self, lines: list[str]) -> bool:
        """Each as wide as the header, and most of them with an address."""
        lines = [line for line in lines if line]
        if 2 * sum("@" in line for line in lines) < len(lines):
            return False
        return all(len(self._form.cells_of(line) or ()) == self._width for line in lines)

    def _each_for_itself(self, record: Open, batch: Batch) -> None:
        for number, line in enumerate(record.lines, record.first):
            if record.is_long and number == record.first:
                batch.faults.append(Fault(number, LONG, [line]))
            else:
                self._add_alone(number, line, batch)

    def _add_alone(self, number: int, line: str, batch: Batch) -> None:
        if (cells := self._form.cells_of(line)) is not None:
            _add(batch, number, cells)
        else:
            reason = UNCLOSED if line.count('"') % 2 else MISMATCHED
            batch.faults.append(Fault(number, reason, line.split(self._form.delimiter)))

    def _reject(self, record: Open, reason: str, batch: Batch, *, is_closed: bool = False) -> None:
        """As one: no part of it is anybody's line."""
        if record.is_long:
            reason = LONG
        if is_closed:
            reason = because(
                "a quoted cell makes one record of this line and all up to line %(last)s, longer "
                "than %(most)s characters",
                last=record.last,
                most=RECORD_LENGTH,
            )
        elif record.last > record.first:
            reason = because(
                "%(reason)s; the lines below, up to line %(last)s, may belong to the same cell "
                "and are rejected with this one",
                reason=reason,
                last=record.last,
            )
        first, *more = record.lines
        cells = first.split(self._form.delimiter)
        cells[-1] = "\n".join([cells[-1], *more])
        batch.faults.append(Fault(record.first, reason, cells))


def _add(batch: Batch, number: int, cells: list[str]) -> None:
    assert isinstance(batch.lines, list)
    batch.lines.append(number)
    batch.rows.append(cells)
