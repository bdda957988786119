"""A workbook's first visible sheet, as a table: header, then batches of rows."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, cast

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.header import (
    as_header,
    is_headless,
    made_up_header,
    notes_on,
    place_of_header,
)
from campaigns.imports.reasons import Reason, because
from campaigns.imports.records import Batch, Table
from campaigns.imports.xlsx.archive import open_archive
from campaigns.imports.xlsx.dates import is_date_format
from campaigns.imports.xlsx.parser import DAMAGED, Start, parse
from campaigns.imports.xlsx.shared_strings import SharedStrings
from campaigns.imports.xlsx.sheet import Numbered, SheetReader

# Parts that describe others: small in every real workbook.
MOST_OF_SMALL_PART = 16 << 20
MAIN = "xl/workbook.xml"


def open_workbook(stream: BinaryIO) -> Table:
    archive = open_archive(stream)
    if MAIN not in archive.namelist():
        raise _no_workbook(archive)
    (name, path), others = _sheets(archive)
    strings = SharedStrings(_part(archive, "xl/sharedStrings.xml"))
    sheet = _part(archive, path)
    if sheet is None:
        raise UnreadableFileError(
            "The workbook's sheet “%(sheet)s” is missing from the file.", sheet=name
        )
    blocks = SheetReader(strings, _date_styles(archive)).read(sheet)
    for rows in blocks:
        rows = [row for row in rows if any(map(str.strip, row[1]))]
        if rows:
            return _below_header(rows, blocks, _notes_on_sheets(name, others))
    raise UnreadableFileError("The workbook's first sheet, “%(sheet)s”, is empty.", sheet=name)


def _below_header(
    rows: list[Numbered], blocks: Iterator[list[Numbered]], notes: list[Reason]
) -> Table:
    lines, cells = zip(*rows, strict=True)
    place = place_of_header(cells)
    if is_headless(cells[place]):
        header, number, below = made_up_header(cells[place]), 0, rows
    else:
        header, number, below = as_header(cells[place]), lines[place], rows[place + 1 :]
    notes += notes_on(lines, place, has_header=number > 0)
    return Table(number, header, map(_batch, chain([below], blocks)), notes)


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


def _batch(rows: list[Numbered]) -> Batch:
    lines = [number for number, _ in rows]
    return Batch(lines, [cells for _, cells in rows], lines[-1] if lines else 0)


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
    part = _part(archive, path, most=MOST_OF_SMALL_PART)
    if part is not None:
        for _ in parse(part, start=start):
            pass


def _part(archive: zipfile.ZipFile, path: str, most: int | None = None) -> BinaryIO | None:
    try:
        entry = archive.getinfo(path)
    except KeyError:
        return None
    if most is not None and entry.file_size > most:
        raise UnreadableFileError("The workbook's part %(path)s is far too large.", path=path)
    try:
        return cast("BinaryIO", archive.open(entry))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnreadableFileError(DAMAGED) from error
