"""CSV, TSV and their relatives: lines become records; a fault stays with its own line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from django.utils.translation import gettext_noop

from campaigns.imports.columns import may_name_addresses, names_addresses
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.form import Form, form_of
from campaigns.imports.header import (
    SEARCHED,
    as_header,
    is_headless,
    made_up_header,
    notes_on,
    place_of_header,
)
from campaigns.imports.inner import MISMATCHED, cells_of, inner_delimiter, note_on, opened_up
from campaigns.imports.lines import (
    LINE_LENGTH,
    SHOWN_OF_LONG_LINE,
    Block,
    encoding_of,
    read_lines,
)
from campaigns.imports.reasons import Reason, because
from campaigns.imports.records import Batch, Fault, Table, Tick

DELIMITERS = {
    ",": gettext_noop("Text with commas between the cells, %(encoding)s."),
    ";": gettext_noop("Text with semicolons between the cells, %(encoding)s."),
    "\t": gettext_noop("Text with tabs between the cells, %(encoding)s."),
    "|": gettext_noop("Text with vertical bars between the cells, %(encoding)s."),
}
# A quoted cell may hold line breaks, but a quote that nobody closed must not eat the file.
LINES_IN_RECORD = 20
LONG = because(
    "the line is longer than %(most)s bytes: only its first %(kept)s characters are kept",
    most=LINE_LENGTH,
    kept=SHOWN_OF_LONG_LINE,
)
UNCLOSED = because("a quote is opened and never closed")
EMPTY = because("its cells are empty")
ENCODINGS = {"utf-8": because("UTF-8 or Windows-1252"), "utf-8-sig": "UTF-8"}
# A person waits until the header is found.
SEARCHED_BYTES = 8 << 20
SEPARATOR = "sep="  # Excel's own first line

Numbered = tuple[int, str]


def open_delimited(stream: BinaryIO, tick: Tick) -> Table:
    """Reads up to the header; raises UnreadableFileError where there is none."""
    encoding = encoding_of(stream)
    blocks = _ticking(read_lines(stream), tick)
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
            return _below_header(chain([rest], blocks), number, delimiter, encoding)
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
            if "@" in line:
                break
    first = next((line for line in lines[:SEARCHED] if "@" in line), lines[0])
    every = lines[:SEARCHED]
    return max(
        DELIMITERS, key=lambda one: (_width(first, one), sum(_width(line, one) for line in every))
    )


def _width(line: str, delimiter: str) -> int:
    return len(cells_of(line, delimiter) or ())


def _below_header(blocks: Iterator[Block], number: int, delimiter: str, encoding: str) -> Table:
    head = next(blocks)
    batches = _batches(chain([head], blocks), form_of(head.lines, delimiter))
    first = next(batch for batch in batches if batch.rows or batch.faults)
    if first.faults and (not first.rows or first.faults[0].line < first.lines[0]):
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
    place = place_of_header([first.rows[at] for at in filled])
    cells, begin = first.rows[filled[place]], filled[place] + 1
    if is_headless(cells):
        header, header_line, begin = made_up_header(cells), 0, 0
    else:
        header, header_line = as_header(cells), lines[place]
    faults = [fault for fault in first.faults if fault.line > header_line]
    below = Batch(first.lines[begin:], first.rows[begin:], first.last, faults)
    notes = [Reason(DELIMITERS[delimiter], {"encoding": ENCODINGS.get(encoding, "UTF-16")})]
    notes += [*note_on(inner), *notes_on(lines, place, has_header=header_line > 0)]
    return Table(header_line, header, chain([below], batches), notes)


def _batches(blocks: Iterator[Block], form: Form) -> Iterator[Batch]:
    """A block at once where each line is a record; else line by line."""
    open_lines: list[Numbered] = []
    for block in blocks:
        last = block.last
        if block.blank:
            batch = Batch([], [], last)
            _give_up(open_lines, form, batch)
            open_lines = []
            yield batch
            continue
        rows = None if open_lines or block.long else _one_row_a_line(block.lines, form)
        if rows is not None:
            yield Batch(range(block.first, last + 1), rows, last)
            continue
        batch = Batch([], [], last)
        for place, line in enumerate(block.lines):
            number = block.first + place
            if number in block.long:
                _give_up(open_lines, form, batch)
                open_lines = []
                batch.faults.append(Fault(number, LONG, [line]))
            else:
                open_lines = _take(open_lines, (number, line), form, batch)
        if open_lines:
            # A resumed import begins behind ``last``: with the record that is still open.
            batch.last = open_lines[0][0] - 1
        yield batch
    if open_lines:
        batch = Batch([], [], open_lines[-1][0])
        _give_up(open_lines, form, batch)
        yield batch


def _one_row_a_line(lines: list[str], form: Form) -> list[list[str]] | None:
    try:
        rows = list(form.reader(lines))
    except csv.Error:
        return None
    # Each record takes one line or more.
    return rows if len(rows) == len(lines) else None


def _take(open_lines: list[Numbered], line: Numbered, form: Form, batch: Batch) -> list[Numbered]:
    """The lines that are still open after this one."""
    open_lines = [*open_lines, line]
    texts = [f"{text}\n" for _, text in open_lines]
    try:
        (cells,) = form.reader(texts)
    except (csv.Error, ValueError) as error:
        if str(error) == "unexpected end of data" and len(open_lines) < LINES_IN_RECORD:
            return open_lines
        if (escaped := form.escaped(texts)) is None:
            _give_up(open_lines, form, batch)
        else:
            _add(batch, open_lines[0][0], escaped)
        return []
    _add(batch, open_lines[0][0], cells)
    return []


def _give_up(open_lines: list[Numbered], form: Form, batch: Batch) -> None:
    """The line that opened the quote is at fault; those after it stand for themselves."""
    for number, line in open_lines:
        cells = form.cells_of(line)
        if cells is None:
            is_open = line.count('"') % 2 == 1
            reason = UNCLOSED if is_open else MISMATCHED
            batch.faults.append(Fault(number, reason, line.split(form.delimiter)))
        else:
            _add(batch, number, cells)


def _add(batch: Batch, number: int, cells: list[str]) -> None:
    assert isinstance(batch.lines, list)
    batch.lines.append(number)
    batch.rows.append(cells)
