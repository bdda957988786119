"""How many of the copies that people opened were not loaded to their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracker.rates import Interval, clip_rate, wilson_interval

if TYPE_CHECKING:
    from tracker.reports.breakdowns import Line


@dataclass(frozen=True, slots=True)
class Clipping:
    """Of a campaign with end marks: in how many copies that people opened the end was not loaded.

    ``opened`` are people whose opens are linked to them; ``lines`` are the providers that have a
    rate of their own.
    """

    opened: int
    end_loads: int
    lines: Sequence[Line]

    @property
    def clipped(self) -> int:
        return self.opened - self.end_loads

    @property
    def rate(self) -> float | None:
        return clip_rate(self.opened, self.end_loads)

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 %."""
        return None if self.rate is None else wilson_interval(self.clipped, self.opened)


def clipping_of(lines: Sequence[Line]) -> Clipping:
    """Of the providers' lines, which have everybody in them whose opens are linked to them."""
    told = [line for line in lines if line.clip_rate is not None]
    return Clipping(
        sum(line.people for line in lines), sum(line.row.end_loads for line in lines), told
    )
