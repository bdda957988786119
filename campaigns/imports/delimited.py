"""CSV, TSV and their relatives: lines become records; a fault stays with its own line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from django.utils.translation import gettext_noop

from campaigns.imports.columns import may_name_addresses, names_addresses
from campaigns.imports.encodings import encoding_of, name_of
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.form import Form, form_of
from campaigns.imports.header import SEARCHED, head_of, holds_recipient, notes_on
from campaigns.imports.inner import cells_of, inner_delimiter, note_on, opened_up
from campaigns.imports.lines import Block, read_lines
from campaigns.imports.quoted import LONG, Records
from campaigns.imports.reasons import Reason, because
from campaigns.imports.records import Batch, Reading, Table, Tick

DELIMITERS = {
    ",": gettext_noop("Text with commas between the cells, %(encoding)s."),
    ";": gettext_noop("Text with semicolons between the cells, %(encoding)s."),
    "\t": gettext_noop("Text with tabs between the cells, %(encoding)s."),
    "|": gettext_noop("Text with vertical bars between the cells, %(encoding)s."),
}
EMPTY = because("its cells are empty")
# A person waits until the header is found.
SEARCHED_BYTES = 8 << 20
SEPARATOR = "sep="  # Excel's own first line


def open_delimited(stream: BinaryIO, tick: Tick, reading: Reading) -> Table:
    """Reads up to the header; raises UnreadableFileError where there is none."""
    encoding = reading.encoding or encoding_of(stream)
    said = name_of(encoding, stream, tick)
    blocks = _ticking(read_lines(stream, encoding), tick)
    delimiter = ""
    for block in blocks:
        for place, line in enumerate(block.lines):
            number = block.first + place
            if number in block.long:
                raise _no_header(number, LONG)
            if line.strip(' "\r').lower().startswith(SEPARATOR):
                delimiter = line.strip(' "\r')[len(SEPARATOR) :][:1]
                continue
            if not line.strip(" \t,;|\ufeff"):
                continue
            rest = Block(number, block.lines[place:], block.long)
            if delimiter not in DELIMITERS:
                delimiter = _delimiter_of(rest.lines)
            form = form_of(rest.lines, delimiter)
            rows = _batches(chain([rest], blocks), form, _width_of_list(rest.lines, form))
            note = Reason(DELIMITERS[delimiter], {"encoding": said})
            return _below_header(rows, number, note, reading)
        if stream.tell() > SEARCHED_BYTES:
            raise UnreadableFileError(
                "The first %(most)s MB of the file are empty: there is no header.",
                most=SEARCHED_BYTES >> 20,
            )
    raise UnreadableFileError("The file is empty: there is not even a header line.")


def _ticking(blocks: Iterator[Block], tick: Tick) -> Iterator[Block]:
    for block in blocks:
        tick()
        yield block


def _no_header(number: int, reason: str) -> UnreadableFileError:
    return UnreadableFileError(
        "Line %(line)s should be the header, but %(reason)s.", line=number, reason=reason
    )


def _delimiter_of(lines: list[str]) -> str:
    """The header's, which may stand below a title; else what the first line has most of."""
    lines = [line for line in lines[: 2 * SEARCHED] if line.strip(" \t,;|")]
    for names in (names_addresses, may_name_addresses):
        for line in lines[:SEARCHED]:
            tried = {one: cells_of(line, one) or [] for one in DELIMITERS}
            named = [one for one in DELIMITERS if names(tried[one])]
            if named:
                return max(named, key=lambda one: len(tried[one]))
            if any(map(holds_recipient, tried.values())):
                break
    first = next((line for line in lines[:SEARCHED] if "@" in line), lines[0])
    every = lines[:SEARCHED]
    return max(
        DELIMITERS, key=lambda one: (_width(first, one), sum(_width(line, one) for line in every))
    )


def _width(line: str, delimiter: str) -> int:
    return len(cells_of(line, delimiter) or ())


def _below_header(batches: Iterator[Batch], number: int, note: Reason, reading: Reading) -> Table:
    first = next(batch for batch in batches if batch.rows or batch.faults)
    is_faulty = first.faults and (not first.rows or first.faults[0].line < first.lines[0])
    if is_faulty and reading.has_header:
        raise _no_header(number, first.faults[0].reason)
    if inner := inner_delimiter(first.rows[: 2 * SEARCHED]):
        batches = opened_up(chain([first], batches), inner)
        first = next(batches)
    filled = [
        at for at, cells in enumerate(first.rows[: 2 * SEARCHED]) if any(map(str.strip, cells))
    ]
    if not filled:
        raise _no_header(number, EMPTY)
    lines = [first.lines[at] for at in filled]
    head = head_of([first.rows[at] for at in filled], has_header=reading.has_header)
    line = lines[head.place] if head.place >= 0 else 0
    begin = filled[head.place] + 1 if line else 0
    faults = [fault for fault in first.faults if fault.line > line]
    below = Batch(first.lines[begin:], first.rows[begin:], first.last, faults)
    notes = [note, *note_on(inner), *notes_on(lines, head)]
    return Table(line, head.cells, chain([below], batches), notes)


def _batches(blocks: Iterator[Block], form: Form, width: int) -> Iterator[Batch]:
    """A block at once where each line is a record; else line by line."""
    records = Records(form, width)
    for block in blocks:
        last = block.last
        is_plain = not records.first_open and not block.long and not block.blank
        rows = _one_row_a_line(block.lines, form) if is_plain else None
        if rows is not None:
            yield Batch(range(block.first, last + 1), rows, last)
            continue
        batch = Batch([], [], last)
        _take(records, block, batch)
        if records.first_open:
            # A resumed import begins behind ``last``: with the record that is still open.
            batch.last = records.first_open - 1
        yield batch
    if records.first_open:
        batch = Batch([], [], last)
        records.give_up(batch)
        yield batch


def _take(records: Records, block: Block, batch: Batch) -> None:
    if block.blank:
        records.take_blank(block.blank, batch)
    for number, line in enumerate(block.lines, block.first):
        if number in block.long:
            records.take_long(number, line, batch, is_odd=block.is_odd)
        else:
            records.take(number, line, batch)


def _width_of_list(lines: list[str], form: Form) -> int:
    """Of the header, as far as the first lines tell, or of the first recipient."""
    read = [cells for line in lines[: 2 * SEARCHED] if (cells := form.loosely(line))]
    tests = (names_addresses, may_name_addresses, _has_at_sign)
    found = (cells for is_it in tests for cells in read[:SEARCHED] if is_it(cells))
    return len(next(found, read[0] if read else ()))


def _has_at_sign(cells: list[str]) -> bool:
    return any("@" in cell for cell in cells)


def _one_row_a_line(lines: list[str], form: Form) -> list[list[str]] | None:
    try:
        rows = list(form.reader(lines))
    except csv.Error:
        return None
    # Each record takes one line or more.
    return rows if len(rows) == len(lines) else None
