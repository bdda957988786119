"""What the check of a mail says: each finding with its weight, its place and what to do."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate

AROUND = 60
MOST_MARKED = 300


class Level(StrEnum):
    """How much it matters: a fault loses opens, a warning may, a note is good to know."""

    FAULT = "fault"
    WARNING = "warning"
    OK = "ok"
    NOTE = "note"

    @property
    def weight(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the decoded HTML: line from 1, byte offset from 0 in UTF-8, and the text there."""

    part: str
    line: int
    byte: int
    before: str
    marked: str
    after: str


@dataclass(frozen=True, slots=True)
class Finding:
    """``sentence`` says what was found, ``advice`` what to do about it, if anything."""

    id: str
    level: Level
    sentence: str
    advice: str = ""
    place: Place | None = None


@dataclass(slots=True)
class Source:
    """The decoded text of one HTML part, which knows lines and bytes of its characters."""

    text: str
    name: str = "HTML"
    _line_starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        ends = accumulate(len(line) + 1 for line in self.text.split("\n"))
        # Behind the last line no other one begins.
        self._line_starts = [0, *ends][:-1]

    @property
    def size(self) -> int:
        return self.byte_of(len(self.text))

    def byte_of(self, position: int) -> int:
        return len(self.text[:position].encode("utf-8", "replace"))

    def place(self, start: int, end: int) -> Place:
        cut = min(end, start + MOST_MARKED)
        return Place(
            self.name,
            bisect_right(self._line_starts, start),
            self.byte_of(start),
            self.text[max(0, start - AROUND) : start],
            self.text[start:cut] + ("…" if cut < end else ""),
            self.text[end : end + AROUND],
        )
