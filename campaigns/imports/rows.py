"""Each record is judged: a recipient to stage, or a rejected line with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from campaigns.imports.addresses import (
    INVISIBLE,
    fault_of,
    has_text_mark,
    is_address,
    key_if_ordinary,
    taken_out,
)
from campaigns.imports.columns import Columns, is_unnamed, others_with_addresses
from campaigns.imports.header import holds_recipient
from campaigns.imports.meant import meant_by_text
from campaigns.imports.reasons import because
from campaigns.imports.records import Batch, Fault
from campaigns.imports.slips import Slips
from campaigns.models import email_key

NAME_LENGTH = 200
# Number and reason, in front of a rejected line.
OWN_COLUMNS = 2
# What a spreadsheet takes for the beginning of a formula, some also in the width of Chinese signs.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")

# line, key, address as written, name, attributes as JSON
Row = tuple[int, str, str, str, str]
# A file's end under DOS is nothing, either.
NOTHING = INVISIBLE + "\x1a"
SEVERAL = because(
    "the line holds several addresses: write one address a line, or a header that names each column"
)
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(slots=True)
class Judged:
    """What became of one batch; every record is in ``rows`` or in ``rejected``."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[Fault] = field(default_factory=list)
    # line, key, what was probably meant
    slips: list[tuple[int, str, str]] = field(default_factory=list)
    # Rows whose address stood behind an apostrophe that was left out.
    marked: int = 0


class Judge:
    """Knows the columns; is given one batch after the other."""

    def __init__(self, columns: Columns, header: Sequence[str]) -> None:
        self._columns = columns
        self._header = [cell for cell in header if cell]
        self._width = len(header)
        self._suggestion = Slips().suggestion
        self._name: Callable[[list[str]], str]
        if len(columns.names) == 1:
            self._name = partial(_whole_name, at=columns.names[0])
        else:
            self._name = partial(_joined_name, places=columns.names)
        self._attributes = tuple(columns.attributes.items())
        self._names = list(header)
        self._name_of_email = header[columns.email] if columns.email < len(header) else ""
        self._others = others_with_addresses(header, columns.email)
        self._unnamed = [at for at in columns.attributes if is_unnamed(header, at)]

    def judge(self, batch: Batch, *, after: int = 0) -> Judged:
        """Passes over lines up to ``after``, and empty ones."""
        judged = Judged()
        batch = self._prepared(batch, judged, after)
        # Looked up once: the loop below runs a million times.
        at = self._columns.email
        name_of, attributes, suggestion = self._name, self._attributes, self._suggestion
        add = judged.rows.append
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            if line <= after:
                continue
            email = cells[at].strip() if at < len(cells) else ""
            name = name_of(cells)
            more = _attributes(cells, attributes) if attributes else "{}"
            key = key_if_ordinary(email)
            if not key or len(name) > NAME_LENGTH or "\x00" in name or "\\u0000" in more:
                # Somebody has to look closer.
                key, email, name, reason = self._look_at(cells, email, name, more)
                if reason:
                    judged.rejected.append(Fault(line, reason, cells))
                if not key:
                    continue
                judged.marked += has_text_mark(cells[at])
            add((line, key, email, name, more))
            if meant := suggestion(key):
                judged.slips.append((line, key, meant))
        return judged

    def _prepared(self, batch: Batch, judged: Judged, after: int) -> Batch:
        """What only some batches need, so that the lines of the others are not asked one by one."""
        if batch.faults:
            judged.rejected += (fault for fault in batch.faults if fault.line > after)
        if max(map(len, batch.rows), default=0) > self._width:
            batch = self._without_wide(batch, judged, after)
        if self._unnamed:
            batch = self._without_several(batch, judged, after)
        if self._columns.is_mended:
            rows = [[as_it_was(cell) for cell in cells] for cells in batch.rows]
            batch = Batch(batch.lines, rows, batch.last)
        return batch

    def _look_at(
        self, cells: list[str], email: str, name: str, more: str
    ) -> tuple[str, str, str, str]:
        """Key, address and name; without a key the reason, or nothing if the line is empty."""
        if not any(cell.strip(NOTHING) for cell in cells):
            return "", "", "", ""
        email, before = taken_out(email)
        name = name or before
        if reason := _fault(email, name, more):
            if self._is_header(cells):
                reason = because("this line is the header again")
            elif not email:
                reason = self._why_empty(cells, reason)
            elif meant := meant_by_text(email):
                reason = because(
                    "%(reason)s. Did you mean “%(meant)s”?", reason=reason, meant=meant
                )
            return "", email, name, reason
        return email_key(email), email, name, ""

    def _why_empty(self, cells: list[str], reason: str) -> str:
        """Two columns of addresses, and this line has one in the other: which one is to be used is
        not for us to say."""
        for at in self._others:
            if at < len(cells) and is_address(cells[at]):
                return because(
                    "there is no address in the column “%(column)s”, but one in “%(other)s”",
                    column=self._name_of_email,
                    other=self._names[at],
                )
        return reason

    def _without_wide(self, batch: Batch, judged: Judged, after: int) -> Batch:
        """Where a line has more cells than the header, who knows which cell is what?"""
        lines, rows = [], []
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            if len(cells) > self._width and any(map(str.strip, cells[self._width :])):
                if line > after:
                    judged.rejected.append(Fault(line, self._why_wide(cells), cells))
                continue
            lines.append(line)
            rows.append(cells)
        return Batch(lines, rows, batch.last)

    def _without_several(self, batch: Batch, judged: Judged, after: int) -> Batch:
        """Nobody becomes an attribute of their neighbour because a list has no header."""
        lines, rows = [], []
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            if any(at < len(cells) and holds_recipient([cells[at]]) for at in self._unnamed):
                if line > after:
                    judged.rejected.append(Fault(line, SEVERAL, cells))
                continue
            lines.append(line)
            rows.append(cells)
        return Batch(lines, rows, batch.last)

    def _why_wide(self, cells: list[str]) -> str:
        if self._is_address_list(cells):
            return SEVERAL
        own = OWN_COLUMNS if self._columns.is_mended else 0
        return because(
            "the line has %(cells)s cells and the header %(columns)s: name every column, and put a "
            "cell with the separator in it in quotation marks",
            cells=len(cells) - own,
            columns=self._width - own,
        )

    def _is_address_list(self, cells: list[str]) -> bool:
        return any("@" in cell for cell in cells[self._width :])

    def _is_header(self, cells: list[str]) -> bool:
        """Lists that were joined have it in their middle, too."""
        return [cell.strip() for cell in cells if cell.strip()] == self._header


def length_of(row: Row) -> int:
    _, key, email, name, attributes = row
    return len(key) + len(email) + len(name) + len(attributes)


def as_it_was(cell: str) -> str:
    """A cell of a rejected line, which a database keeps without its NULs: still no good one."""
    return unguarded(cell).replace("\ufffd", "\x00")


def unguarded(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from running it as a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:2] in FORMULA_STARTS else cell


def _whole_name(cells: list[str], at: int) -> str:
    return " ".join(cells[at].split()) if at < len(cells) else ""


def _joined_name(cells: list[str], places: tuple[int, ...]) -> str:
    return " ".join(" ".join(cells[place] for place in places if place < len(cells)).split())


def _attributes(cells: list[str], attributes: tuple[tuple[int, str], ...]) -> str:
    """As JSON; an empty cell says nothing, so it is left out."""
    length = len(cells)
    return _as_json(
        {
            name: value
            for place, name in attributes
            if place < length and (value := cells[place].strip())
        }
    )


def _fault(email: str, name: str, more: str) -> str:
    if reason := fault_of(email):
        return reason
    if len(name) > NAME_LENGTH:
        return because("the name is longer than %(most)s characters", most=NAME_LENGTH)
    if "\x00" in name:
        return because("the name holds a NUL character")
    # The text of a backslash and “u0000” is written with two backslashes.
    if "\x00" in "".join(json.loads(more).values()):
        return because("a cell holds a NUL character")
    return ""
