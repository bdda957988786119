"""A text file's bytes become numbered lines, whatever their encoding, in bounded memory."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from campaigns.imports.encodings import UTF8
from campaigns.imports.errors import UnreadableFileError

# A line of addresses is short. Longer ones are no list of recipients, and must not fill memory.
LINE_LENGTH = 65_536  # bytes
# Where such a line has no end at all, nobody should wait for it.
ENDLESS = 16 << 20
# What is kept of a line that is too long.
SHOWN_OF_LONG_LINE = 200
BLOCK = 128 << 10
# So many empty lines are no part of any record: they are counted and not looked at one by one.
MANY_BLANK = 64
_many_blank = re.compile(rb"\n{%d,}" % MANY_BLANK)


@dataclass(slots=True)
class Block:
    """Some whole lines without their ends; ``long`` are those that were cut.

    Instead of lines it may stand for a run of ``blank`` ones. ``is_odd``: a long line has an odd
    number of quotes, so that a cell begins or ends in it.
    """

    first: int
    lines: list[str]
    long: list[int] = field(default_factory=list)
    blank: int = 0
    is_odd: bool = False

    @property
    def last(self) -> int:
        return self.first + len(self.lines) + self.blank - 1


def read_lines(stream: BinaryIO, encoding: str) -> Iterator[Block]:
    """From the beginning of a seekable file."""
    number = 1
    for lines, quotes in _whole_lines(_utf8_or_windows(stream, encoding)):
        if quotes is not None:
            shown = [_decoded(lines)[:SHOWN_OF_LONG_LINE]]
            block = Block(number, shown, long=[number], is_odd=quotes % 2 == 1)
        elif len(lines) >= MANY_BLANK and not lines.strip(b"\n"):
            block = Block(number, [], blank=len(lines) + 1)
        else:
            block = Block(number, _decoded(lines).split("\n"))
        yield block
        number = block.last + 1


def _utf8_or_windows(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    """Blocks of bytes in which a line feed is a line feed, and line ends are line feeds."""
    ends_in_return = False
    for block in _as_utf8(stream, encoding):
        if ends_in_return:
            block = b"\r" + block
        # Half of a line's end, perhaps.
        ends_in_return = block.endswith(b"\r")
        if ends_in_return:
            block = block[:-1]
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
    if ends_in_return:
        yield b"\n"


def _as_utf8(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    stream.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
    if encoding in UTF8:
        while block := stream.read(BLOCK):
            yield block
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while block := stream.read(BLOCK):
        if text := decoder.decode(block):
            yield text.encode("utf-8", "replace")


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, int | None]]:
    """Whole lines joined by line feeds; or the beginning of one line alone that is too long, and
    how many quotes are in all of it."""
    rest = b""
    length = quotes = 0  # of the line that ``rest`` begins
    for block in blocks:
        end = block.find(b"\n")
        length += len(block) if end < 0 else end
        quotes += block.count(b'"', 0, len(block) if end < 0 else end)
        if length > LINE_LENGTH:
            _refuse_endless(length)
            rest = (rest + block[: SHOWN_OF_LONG_LINE * 4])[: SHOWN_OF_LONG_LINE * 4]
            if end < 0:
                continue
            yield rest.partition(b"\n")[0], quotes
            rest, block = b"", block[end + 1 :]
        whole, feed, begun = (rest + block).rpartition(b"\n")
        if feed:
            for lines in _blanks_apart(whole):
                yield from _split_at_long_lines(lines)
        rest, length, quotes = begun, len(begun), begun.count(b'"')
    # DOS ended files with it, and some programs still do.
    if rest := rest.rstrip(b"\x1a"):
        yield rest, quotes if length > LINE_LENGTH else None


def _blanks_apart(lines: bytes) -> Iterator[bytes]:
    """Long runs of empty lines by themselves, each as its line feeds: one fewer than lines."""
    begin = 0
    for run in _many_blank.finditer(lines) if b"\n" * MANY_BLANK in lines else ():
        if run.start() > begin:
            yield lines[begin : run.start()]
        # The first of them ends the line before, and behind the last one another line begins.
        more = (run.start() == begin) + (run.end() == len(lines))
        yield b"\n" * (len(run[0]) - 2 + more)
        begin = run.end()
    if begin < len(lines) or not begin:
        yield lines[begin:]


def _split_at_long_lines(lines: bytes) -> Iterator[tuple[bytes, int | None]]:
    if not _has_long_line(lines):
        yield lines, None
        return
    waiting: list[bytes] = []
    for line in lines.split(b"\n"):
        if len(line) <= LINE_LENGTH:
            waiting.append(line)
            continue
        if waiting:
            yield b"\n".join(waiting), None
            waiting = []
        yield line[: SHOWN_OF_LONG_LINE * 4], line.count(b'"')
    if waiting:
        yield b"\n".join(waiting), None


def _has_long_line(lines: bytes) -> bool:
    """In a few steps, however many lines there are: each goes as far as a line may reach."""
    begin = 0
    while len(lines) - begin > LINE_LENGTH:
        feed = lines.rfind(b"\n", begin, begin + LINE_LENGTH + 1)
        if feed < 0:
            return True
        begin = feed + 1
    return False


def _refuse_endless(length: int) -> None:
    if length > ENDLESS:
        raise UnreadableFileError(
            "A line of this file is longer than %(most)s MB: this is no list of recipients.",
            most=ENDLESS >> 20,
        )


def _decoded(lines: bytes) -> str:
    """UTF-8; each line that is not, as Windows saves it (exports are joined from both)."""
    try:
        text = lines.decode("utf-8")
    except UnicodeDecodeError:
        text = "\n".join(map(_decoded_line, lines.split(b"\n")))
    # Files that were joined have their marks in the middle.
    return text.replace("\ufeff", "") if "\ufeff" in text else text


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
