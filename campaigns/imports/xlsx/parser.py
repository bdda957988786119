"""XML read as a stream of small events; entities, which can explode, are refused."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO
from xml.parsers import expat  # declarations are refused below

from django.utils.translation import gettext_noop

from campaigns.imports.errors import UnreadableFileError

BLOCK = 32 << 10
# A tag or comment without an end would be gathered in memory; so would tags that are never closed.
LONGEST_TOKEN = 1 << 20
DEEPEST = 100
# Elements and bytes in which no cell holds anything: more than a list that somebody has formatted
# down to Excel's last row, and over within seconds.
MOST_EMPTY = 4_000_000
MOST_EMPTY_BYTES = 256 << 20

DAMAGED = gettext_noop(
    "The workbook is damaged. Open it in a spreadsheet program and save it again, or save it as "
    "CSV."
)

_DAMAGE = (
    *(expat.ExpatError, zlib.error, zipfile.BadZipFile, EOFError, OSError),
    # What the handlers make of numbers that are none, and zipfile of what it does not know.
    *(ValueError, ArithmeticError, RuntimeError),
)

Start = Callable[[str, dict[str, str]], Any]


def parse(
    part: BinaryIO,
    *,
    start: Start,
    end: Callable[[str], Any] = lambda name: None,
    text: Callable[[str], Any] | None = None,
) -> Iterator[None]:
    """Calls the handlers and yields after each block, so that what they gathered can be taken.

    Names come without their namespace's prefix.
    """
    depth = 0

    def started(name: str, given: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise UnreadableFileError("The workbook nests its parts deeper than any spreadsheet.")
        start(name.rpartition(":")[2] if ":" in name else name, given)

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name.rpartition(":")[2] if ":" in name else name)

    parser = expat.ParserCreate()
    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.buffer_text = True
    fed = 0
    try:
        while block := part.read(BLOCK):
            parser.Parse(block, False)
            fed += len(block)
            if fed - parser.CurrentByteIndex > LONGEST_TOKEN:
                raise UnreadableFileError("The workbook holds a tag that does not end.")
            yield
        parser.Parse(b"", True)
        yield
    except _DAMAGE as error:
        raise UnreadableFileError(DAMAGED) from error


def nothing_in_it() -> UnreadableFileError:
    return UnreadableFileError(
        "The workbook goes on for long with nothing in its cells. Delete the empty rows below and "
        "between the list, or save it as CSV."
    )


def _refuse(*declaration: Any) -> None:
    raise UnreadableFileError("The workbook declares entities, which no spreadsheet program does.")
