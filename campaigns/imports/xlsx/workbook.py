"""A workbook's first visible sheet, as a table: header, then batches of rows."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.header import (
    SEARCHED,
    as_header,
    is_headless,
    made_up_header,
    notes_on,
    place_of_header,
)
from campaigns.imports.inner import inner_delimiter, note_on, opened_up
from campaigns.imports.reasons import Reason, because
from campaigns.imports.records import Batch, Table, Tick
from campaigns.imports.xlsx.archive import open_archive, opened
from campaigns.imports.xlsx.dates import is_date_format
from campaigns.imports.xlsx.parser import Start, parse
from campaigns.imports.xlsx.shared_strings import SharedStrings
from campaigns.imports.xlsx.sheet import SheetReader

# Parts that describe others: small in every real workbook.
MOST_OF_SMALL_PART = 16 << 20
MAIN = "xl/workbook.xml"


def open_workbook(stream: BinaryIO, tick: Tick) -> Table:
    archive = open_archive(stream)
    if MAIN not in archive.namelist():
        raise _no_workbook(archive)
    (name, path), others = _sheets(archive)
    strings = SharedStrings(opened(archive, "xl/sharedStrings.xml"), tick)
    sheet = opened(archive, path)
    if sheet is None:
        raise UnreadableFileError(
            "The workbook's sheet “%(sheet)s” is missing from the file.", sheet=name
        )
    batches = SheetReader(strings, _date_styles(archive), tick).read(sheet)
    first = _first_rows(batches)
    if not first.rows:
        raise UnreadableFileError("The workbook's first sheet, “%(sheet)s”, is empty.", sheet=name)
    notes = _notes_on_sheets(name, others)
    if inner := inner_delimiter(first.rows):
        batches = opened_up(chain([first], batches), inner)
        first = next(batches)
    return _below_header(first, batches, [*notes, *note_on(inner)])


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


def _below_header(first: Batch, batches: Iterator[Batch], notes: list[Reason]) -> Table:
    place = place_of_header(first.rows)
    cells, number, begin = first.rows[place], 0, 0
    if is_headless(cells):
        header = made_up_header(cells)
    else:
        header, number, begin = as_header(cells), first.lines[place], place + 1
    notes += notes_on(first.lines, place, has_header=number > 0)
    below = Batch(first.lines[begin:], first.rows[begin:], first.last)
    return Table(number, header, chain([below], batches), notes)


def _notes_on_sheets(name: str, others: list[str]) -> list[Reason]:
    notes = [because("An Excel workbook, sheet “%(sheet)s”.", sheet=name)]
    if others:
        notes.append(
            because(
                "Other sheets of the workbook are not read: %(sheets)s.",
                sheets=", ".join(f"“{other}”" for other in others)[:200],
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


def _sheets(archive: zipfile.ZipFile) -> tuple[tuple[str, str], list[str]]:
    """Name and path of the first sheet that a person sees, and the names of the others."""
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
    _, name, key = visible[0]
    target = targets.get(key, "worksheets/sheet1.xml")
    path = posixpath.normpath(posixpath.join("xl", target)).lstrip("/")
    return (name, path), [other for _, other, _ in visible[1:]]


def _date_styles(archive: zipfile.ZipFile) -> set[int]:
    """The numbers of the cell styles that show a date."""
    codes: dict[int, str] = {}
    styles: set[int] = set()
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
            if is_date_format(number, codes.get(number)):
                styles.add(place)
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
