"""The zip around a workbook: what could explode is refused before anything is unpacked."""

from __future__ import annotations

import struct
import zipfile
from typing import BinaryIO, cast

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.xlsx.parser import DAMAGED

# A million rows of ten columns stay below; a bomb does not.
MOST_UNPACKED = 2 << 30
MOST_RATIO = 150  # spreadsheets of repeated texts reach 50
RATIO_COUNTS_FROM = 32 << 20  # unpacked bytes: a small file may be as dense as it likes
MOST_PARTS = 2_000
END = b"PK\x05\x06"
END_RECORD = struct.Struct("<4s4H2LH")


def open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """Every part is no larger unpacked than its entry says: zipfile itself holds it to that."""
    _refuse_long_directory(stream)
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise UnreadableFileError(DAMAGED) from error
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise UnreadableFileError("The workbook is protected by a password. Save it without one.")
    unpacked = sum(part.file_size for part in parts)
    # Parts that claim each other's bytes would look less dense than they are.
    if sum(part.compress_size for part in parts) > stream.seek(0, 2):
        raise UnreadableFileError(DAMAGED)
    if unpacked > MOST_UNPACKED:
        raise UnreadableFileError(
            "The workbook would unpack to %(size)s MB; at most %(most)s MB are read. Save the list "
            "as CSV.",
            size=unpacked >> 20,
            most=MOST_UNPACKED >> 20,
        )
    return archive


def opened(archive: zipfile.ZipFile, path: str, *, most: int = MOST_UNPACKED) -> BinaryIO | None:
    """One part to be read; none if the workbook has none of this name.

    Each is judged by itself: beside a picture, which nothing makes smaller, a bomb is not dense.
    """
    try:
        part = archive.getinfo(path)
    except KeyError:
        return None
    if part.file_size > most:
        raise UnreadableFileError("The workbook's part %(path)s is far too large.", path=path)
    packed = max(1, part.compress_size)
    if part.file_size > RATIO_COUNTS_FROM and part.file_size > MOST_RATIO * packed:
        raise UnreadableFileError(
            "The workbook would unpack to %(times)s times its size: no list of recipients does. "
            "Save the list as CSV.",
            times=part.file_size // packed,
        )
    try:
        return cast("BinaryIO", archive.open(part))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnreadableFileError(DAMAGED) from error


def _refuse_long_directory(stream: BinaryIO) -> None:
    """zipfile reads the list of parts at once; a workbook has some dozens of them."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - END_RECORD.size - 65_535))
    tail = stream.read()
    stream.seek(0)
    place = tail.rfind(END)
    if place < 0 or len(tail) - place < END_RECORD.size:
        raise UnreadableFileError("The file is an Excel workbook that was cut off.")
    _, _, _, _, parts, directory, _, _ = END_RECORD.unpack_from(tail, place)
    if parts > MOST_PARTS or directory > MOST_PARTS * 500:
        raise UnreadableFileError(
            "The file holds %(parts)s parts or more: this is no workbook that Excel has saved.",
            parts=parts,
        )
