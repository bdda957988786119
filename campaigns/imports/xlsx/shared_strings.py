"""The texts of a workbook, which its cells name by number: kept in a file, not in memory."""

from __future__ import annotations

import os
import re
import struct
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.records import Tick
from campaigns.imports.xlsx.parser import MOST_EMPTY, nothing_in_it, parse

# What a cell of Excel holds.
LONGEST = 32_767
PLACE = struct.Struct("<QL")
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class SharedStrings:
    """Asked by number, and read as far as was asked: a header needs the first few only.

    The files have no name and go with the process.
    """

    def __init__(self, part: BinaryIO | None, tick: Tick) -> None:
        self._texts = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as this object
        self._places = tempfile.TemporaryFile()  # noqa: SIM115
        self.count = 0
        self._tick = tick
        self._offset = 0
        self._empty = 0
        self._gathered: list[str] = []
        self._length = 0
        # Inside <t>, but not inside <rPh>, which tells how to pronounce it.
        self._is_text = self._is_phonetic = False
        self._blocks: Iterator[None] = iter(())
        if part is not None:
            self._blocks = parse(part, start=self._start, end=self._end, text=self._text)

    def __getitem__(self, number: int) -> str:
        if number >= self.count:
            self._read_up_to(number)
        if number >= self.count:
            return ""
        place = os.pread(self._places.fileno(), PLACE.size, number * PLACE.size)
        offset, length = PLACE.unpack(place)
        return os.pread(self._texts.fileno(), length, offset).decode()

    def __del__(self) -> None:
        self._texts.close()
        self._places.close()

    def _read_up_to(self, number: int) -> None:
        for _ in self._blocks:
            self._tick()
            if number < self.count:
                break
        self._texts.flush()
        self._places.flush()

    def _start(self, name: str, given: dict[str, str]) -> None:
        self._empty += 1
        if self._empty > MOST_EMPTY:
            raise nothing_in_it()
        if name == "t":
            self._is_text = not self._is_phonetic
        elif name == "si":
            self._gathered, self._length = [], 0
        elif name == "rPh":
            self._is_phonetic = True

    def _text(self, data: str) -> None:
        if self._is_text:
            self._empty = 0
            self._length += len(data)
            if self._length > LONGEST:
                raise UnreadableFileError(
                    "A cell of the workbook is longer than %(most)s characters.", most=LONGEST
                )
            self._gathered.append(data)

    def _end(self, name: str) -> None:
        if name == "t":
            self._is_text = False
        elif name == "rPh":
            self._is_phonetic = False
        elif name == "si":
            content = unescaped("".join(self._gathered)).encode("utf-8", "replace")
            self._texts.write(content)
            self._places.write(PLACE.pack(self._offset, len(content)))
            self._offset += len(content)
            self.count += 1


def unescaped(text: str) -> str:
    """Characters that XML cannot hold are written as _x000D_; half a character stays a “?”."""
    if "_x" not in text:
        return text
    text = ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return text.encode("utf-8", "replace").decode()
