"""Which encoding a text file has: told by its beginning, or by somebody; and what it is called."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from django.utils.translation import gettext_noop

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.reasons import Reason
from campaigns.imports.records import Tick

# Read as bytes, since a line feed is a line feed; lines that are no UTF-8 are Windows-1252.
UTF8 = ("utf-8", "utf-8-sig")
# Looked through for letters that tell Windows-1252 from UTF-8.
LOOKED_AT = 8 << 20
BLOCK = 1 << 20
WINDOWS = "Windows-1252"
MIXED = gettext_noop("UTF-8, in some lines Windows-1252")


def encoding_of(stream: BinaryIO) -> str:
    """As far as the beginning tells: by the mark, or by the zeros of UTF-16 without a mark."""
    stream.seek(0)
    start = stream.read(64)
    stream.seek(0)
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnreadableFileError("The file is saved as UTF-32. Save it as UTF-8.")
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = start[::2].strip(b"\0"), start[1::2].strip(b"\0")
    if even and not odd and len(start) > 2:
        return "utf-16-le"
    if odd and not even and len(start) > 2:
        return "utf-16-be"
    return "utf-8"


def name_of(encoding: str, stream: BinaryIO, tick: Tick) -> str:
    """As it is said to people."""
    if encoding != "utf-8":
        return encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be").upper()
    has_utf8, has_others = _letters_in(stream, tick)
    if not has_others:
        return "UTF-8"
    return Reason(MIXED, {}) if has_utf8 else WINDOWS


def _letters_in(stream: BinaryIO, tick: Tick) -> tuple[bool, bool]:
    """Whether there are letters in UTF-8, and whether there are others; those of ASCII are both."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    has_utf8 = has_others = False
    stream.seek(0)
    while stream.tell() < LOOKED_AT and (block := stream.read(BLOCK)):
        tick()
        text = decoder.decode(block)
        if text.isascii():
            continue
        letters = set(text)
        has_others |= any("\udc80" <= letter <= "\udcff" for letter in letters)
        has_utf8 |= any("\x7f" < letter < "\ud800" or letter > "\udfff" for letter in letters)
    return has_utf8, has_others


def known_encoding(name: str) -> str:
    """Python's own name of a text encoding; raises UnreadableFileError for any other."""
    try:
        # Some, of domain names for example, replace nothing that they cannot read.
        b"ab".decode(name, "replace")
    except (LookupError, ValueError):
        raise UnreadableFileError(
            "Python knows no text encoding “%(name)s”. Try utf-8, cp1252, iso-8859-2 or mac-roman.",
            name=name,
        ) from None
    return codecs.lookup(name).name
