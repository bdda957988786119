"""Which format a file has, told by its first bytes and not by its name."""

from __future__ import annotations

from typing import BinaryIO

from django.utils.translation import gettext_noop

from campaigns.imports.delimited import open_delimited
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.reasons import Reason
from campaigns.imports.records import AS_IT_IS, Reading, Table, Tick
from campaigns.imports.xlsx import open_workbook

ZIP = b"PK\x03\x04"
OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OTHERS = {
    b"%PDF": gettext_noop("The file is a PDF document."),
    b"\x89PNG": gettext_noop("The file is a picture."),
    b"\xff\xd8\xff": gettext_noop("The file is a picture."),
    b"GIF8": gettext_noop("The file is a picture."),
    b"\x1f\x8b": gettext_noop("The file is compressed (gzip): unpack it first."),
    b"7z\xbc\xaf": gettext_noop("The file is compressed (7z): unpack it first."),
    b"Rar!": gettext_noop("The file is compressed (RAR): unpack it first."),
    b"SQLite format 3": gettext_noop("The file is a database."),
    b"{\\rtf": gettext_noop("The file is a text document (RTF)."),
}
# Of text files, after blanks and whatever the letter case.
TEXTS = {
    b"<?xml": gettext_noop("The file is XML, which some programs save as .xls."),
    b"<": gettext_noop("The file is a web page (HTML), which some programs save as .xls."),
    b"begin:vcard": gettext_noop("The file holds contacts (vCard)."),
    b"{": gettext_noop("The file is JSON."),
    b"[": gettext_noop("The file is JSON."),
}
MARKS = b"\xef\xbb\xbf \t\r\n"


def open_table(stream: BinaryIO, tick: Tick = lambda: None, reading: Reading = AS_IT_IS) -> Table:
    """Reads up to the header; raises UnreadableFileError with what to do instead."""
    stream.seek(0)
    start = stream.read(64)
    stream.seek(0)
    if start.startswith(ZIP):
        return open_workbook(stream, tick, reading)
    if start.startswith(OLD_EXCEL):
        raise UnreadableFileError(
            "The file is in Excel's old format (.xls) or protected by a password. Save it as an "
            "Excel workbook (.xlsx) without a password, or as CSV."
        )
    text = start.lstrip(MARKS).lower()
    for signature, what in (*OTHERS.items(), *TEXTS.items()):
        if (text if signature in TEXTS else start).startswith(signature):
            raise UnreadableFileError(
                "%(what)s It should be CSV or an Excel workbook (.xlsx): open it in a spreadsheet "
                "program and save it as one of these.",
                what=Reason(what, {}),
            )
    return open_delimited(stream, tick, reading)
