"""A workbook's first visible sheet of addresses, as a table: header, then batches of rows."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from campaigns.imports.columns import names_addresses
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.header import (
    SEARCHED,
    has_column_of_addresses,
    head_of,
    holds_recipient,
    notes_on,
)
from campaigns.imports.inner import inner_delimiter, note_on, opened_up
from campaigns.imports.reasons import Reason, because
from campaigns.imports.records import Batch, Reading, Table, Tick
from campaigns.imports.xlsx.archive import open_archive, opened
from campaigns.imports.xlsx.dates import Shown, shown_by
from campaigns.imports.xlsx.parser import Start, parse
from campaigns.imports.xlsx.shared_strings import SharedStrings
from campaigns.imports.xlsx.sheet import SheetReader

# Parts that describe others: small in every real workbook.
MOST_OF_SMALL_PART = 16 << 20
MAIN = "xl/workbook.xml"
# Looked at for a list.
MOST_SHEETS = 50


def open_workbook(stream: BinaryIO, tick: Tick, reading: Reading) -> Table:
    archive = open_archive(stream)
    if MAIN not in archive.namelist():
        raise _no_workbook(archive)
    names = [name for name, _ in _sheets(archive)]
    sheet = _list_among(_opened(archive, tick), names)
    first, batches = sheet.first, sheet.batches
    notes = _notes_on_sheets(sheet.name, [name for name in names if name != sheet.name])
    if inner := inner_delimiter(first.rows):
        batches = opened_up(chain([first], batches), inner)
        first = next(batches)
    head = head_of(first.rows, has_header=reading.has_header)
    notes += [*note_on(inner), *notes_on(first.lines, head)]
    number = first.lines[head.place] if head.place >= 0 else 0
    below = Batch(first.lines[head.begin :], first.rows[head.begin :], first.last)
    return Table(number, head.cells, chain([below], batches), notes)


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    first: Batch
    batches: Iterator[Batch]


def _opened(archive: zipfile.ZipFile, tick: Tick) -> Iterator[Sheet]:
    """Those that a person sees, one after the other, each as far as its first rows."""
    strings = SharedStrings(opened(archive, "xl/sharedStrings.xml"), tick)
    styles = _styles(archive)
    for name, path in _sheets(archive)[:MOST_SHEETS]:
        part = opened(archive, path)
        if part is None:
            raise UnreadableFileError(
                "The workbook's sheet “%(sheet)s” is missing from the file.", sheet=name
            )
        batches = SheetReader(strings, styles, tick).read(part)
        yield Sheet(name, _first_rows(batches), batches)


def _list_among(sheets: Iterator[Sheet], names: list[str]) -> Sheet:
    """The first that has a column of addresses; else one that may have one; else the only one."""
    seen = []
    for sheet in sheets:
        if has_column_of_addresses(sheet.first.rows) or inner_delimiter(sheet.first.rows):
            return sheet
        seen.append(sheet)
    for sheet in seen:
        if any(names_addresses(cells) or holds_recipient(cells) for cells in sheet.first.rows):
            return sheet
    if len(names) > 1:
        raise UnreadableFileError(
            "No sheet of the workbook names a column “email” or holds addresses in its first "
            "lines: %(sheets)s.",
            sheets=_joined(names),
        )
    if not seen[0].first.rows:
        raise UnreadableFileError(
            "The workbook's first sheet, “%(sheet)s”, is empty.", sheet=names[0]
        )
    return seen[0]


def _joined(names: list[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)[:200]


def _first_rows(batches: Iterator[Batch]) -> Batch:
    """Enough of them to find the header, without empty ones."""
    lines: list[int] = []
    rows: list[list[str]] = []
    last = 0
    for batch in batches:
        last = batch.last
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            if any(map(str.strip, cells)):
                lines.append(line)
                rows.append(cells)
        if len(rows) >= 2 * SEARCHED:
            break
    return Batch(lines, rows, last)


def _notes_on_sheets(name: str, others: list[str]) -> list[Reason]:
    notes = [because("An Excel workbook, sheet “%(sheet)s”.", sheet=name)]
    if others:
        notes.append(
            because(
                "Other sheets of the workbook are not read: %(sheets)s.",
                sheets=_joined(others),
            )
        )
    return notes


def _no_workbook(archive: zipfile.ZipFile) -> UnreadableFileError:
    """What else comes as a zip."""
    names = archive.namelist()
    if "xl/workbook.bin" in names:
        return UnreadableFileError(
            "The file is a binary Excel workbook (.xlsb). Save it as an Excel workbook (.xlsx) or "
            "as CSV."
        )
    if "content.xml" in names:
        return UnreadableFileError(
            "The file is a spreadsheet in the OpenDocument format (.ods). Save it as an Excel "
            "workbook (.xlsx) or as CSV."
        )
    if any(name.endswith((".iwa", "Index.zip")) for name in names):
        return UnreadableFileError(
            "The file comes from Numbers. Export it as an Excel workbook (.xlsx) or as CSV."
        )
    return UnreadableFileError(
        "The file is a zip, but no Excel workbook (.xlsx). Save the list as XLSX or CSV."
    )


def _sheets(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Name and path of each sheet that a person sees."""
    sheets: list[tuple[str, str, str]] = []
    targets: dict[str, str] = {}

    def sheet(name: str, given: dict[str, str]) -> None:
        if name == "sheet" and len(sheets) < 1_000:
            key = next((value for at, value in given.items() if at.endswith(":id")), "")
            sheets.append((given.get("state", "visible"), given.get("name", "")[:100], key))

    def relation(name: str, given: dict[str, str]) -> None:
        if name == "Relationship" and len(targets) < 10_000:
            targets[given.get("Id", "")] = given.get("Target", "")

    _walk(archive, MAIN, sheet)
    _walk(archive, "xl/_rels/workbook.xml.rels", relation)
    visible = [sheet for sheet in sheets if sheet[0] == "visible"] or sheets
    if not visible:
        raise UnreadableFileError("The workbook has no sheet.")
    return [
        (name, posixpath.normpath(posixpath.join("xl", target)).lstrip("/"))
        for _, name, key in visible
        for target in [targets.get(key, "worksheets/sheet1.xml")]
    ]


def _styles(archive: zipfile.ZipFile) -> dict[int, Shown]:
    """How numbers are shown, by the numbers of the cell styles; others as they are."""
    codes: dict[int, str] = {}
    styles: dict[int, Shown] = {}
    is_of_cells = False
    place = 0

    def start(name: str, given: dict[str, str]) -> None:
        nonlocal is_of_cells, place
        if name == "numFmt":
            codes[_whole(given.get("numFmtId"))] = given.get("formatCode", "")
        elif name in ("cellXfs", "cellStyleXfs"):
            is_of_cells = name == "cellXfs"
        elif name == "xf" and is_of_cells:
            number = _whole(given.get("numFmtId"))
            if shown := shown_by(number, codes.get(number)):
                styles[place] = shown
            place += 1

    _walk(archive, "xl/styles.xml", start)
    return styles


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _walk(archive: zipfile.ZipFile, path: str, start: Start) -> None:
    part = opened(archive, path, most=MOST_OF_SMALL_PART)
    if part is not None:
        for _ in parse(part, start=start):
            pass
