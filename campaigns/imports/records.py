"""What every format becomes: records of cells with the number of their line, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from campaigns.imports.reasons import Reason

# Called between two blocks of a file; raises if nobody waits for it any longer.
Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What somebody has said of a file that it does not say itself, or says wrongly."""

    # Without one, the first line is a recipient, whatever it looks like.
    has_header: bool = True
    # Python's name of it; empty for what the file's beginning tells.
    encoding: str = ""


AS_IT_IS = Reading()


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is no record, why, and what could be read of it."""

    line: int
    reason: str
    cells: list[str]

    @property
    def length(self) -> int:
        return sum(map(len, self.cells))


@dataclass(slots=True)
class Batch:
    """``rows[i]`` stands in line ``lines[i]``; ``last`` is the last line that this batch covers."""

    lines: Sequence[int]
    rows: list[list[str]]
    last: int
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A file as it is read: its header, and the batches below it, which can be read once."""

    header_line: int  # 0: there is none, and the columns have got names
    header: list[str]
    batches: Iterator[Batch]
    # How it was read, and what of it was not, for whoever imports it.
    notes: list[Reason]
