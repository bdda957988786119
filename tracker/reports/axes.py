"""The axes of a chart over time: round numbers upwards, hours and dates along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise, repeat
from operator import mul

from tracker.language import count, when
from tracker.reports.clock import CLOCK_SPANS, By

CHARACTER = 8.0  # as wide as a digit at most
LABEL_GAP = 12.0
NARROW = 250.0  # as wide as a chart without its labels is on a phone of 360 pixels
AT_THE_EDGE = 22.0  # nearer to it half a label would leave the page
MOST_STEPS = 4
UNIT_MINUTES: dict[By, int] = {"quarter": 15, "hour": 60}
DAY_MINUTES = 24 * 60
# How many bars may stand between two labels.
LABEL_STEPS: dict[By, tuple[int, ...]] = {
    "quarter": (1, 2, 4, 8, 12, 16, 24, 48, 96),
    "hour": (1, 2, 3, 6, 12, 24, 48, 96),
    "day": (1, 2, 7, 14, 28, 56, 91),
    "week": (1, 2, 4, 8, 13, 26),
    "month": (1, 2, 3, 6, 12),
}


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis; ``is_major`` where a day or year begins, or at zero."""

    at: float
    label: str
    is_major: bool


def value_step(highest: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, … that needs no more than four steps."""
    powers = accumulate(repeat(10), mul, initial=1)
    steps = (digit * power for power in powers for digit in (1, 2, 5))
    return next(step for step in steps if highest <= step * MOST_STEPS)


def room_for(number: int) -> float:
    """As wide as the labels of an axis that goes up to this number."""
    return LABEL_GAP + CHARACTER * len(count(number))


def time_ticks(starts: Sequence[datetime], by: By, left: float, slot: float) -> list[Tick]:
    if by in CLOCK_SPANS:
        return _clock_ticks(starts, by, left, slot)
    return _calendar_ticks(starts, by, left, slot)


def narrow_time_ticks(starts: Sequence[datetime], by: By, left: float, slot: float) -> list[Tick]:
    """Those that have room on a phone; what would end beyond the right edge is left out."""
    scale = NARROW / (slot * len(starts))
    found = time_ticks(starts, by, left, slot * scale)
    return [
        Tick(left + (tick.at - left) / scale, tick.label, tick.is_major)
        for tick in found
        if tick.at - left <= NARROW - AT_THE_EDGE
    ]


def day_starts(starts: Sequence[datetime], by: By, left: float, slot: float) -> list[float]:
    """Where a new day begins, left of its first hour."""
    if by not in CLOCK_SPANS:
        return []
    days = [start.date() for start in starts]
    return [left + slot * i for i, (a, b) in enumerate(pairwise(days), start=1) if a != b]


def _clock_ticks(starts: Sequence[datetime], by: By, left: float, slot: float) -> list[Tick]:
    """Round times; the first label of each day names the day."""
    step = _label_step(by, slot, "Wed 00:00")
    minutes = min(step * UNIT_MINUTES[by], DAY_MINUTES)
    ticks: list[Tick] = []
    named = None
    for i, start in enumerate(starts):
        at = left + slot * (i + 0.5)
        is_round = (start.hour * 60 + start.minute) % minutes == 0
        is_wanted = is_round if len(starts) > step else i == 0
        if not is_wanted or (ticks and at - ticks[-1].at < slot * step * 0.9):
            continue
        is_new = start.date() != named
        ticks.append(Tick(at, when(start, "WEEKDAY_TIME" if is_new else "CLOCK"), is_new))
        named = start.date()
    return ticks


def _calendar_ticks(starts: Sequence[datetime], by: By, left: float, slot: float) -> list[Tick]:
    """Every so many from the first; the first label of another year names the year."""
    ticks = []
    year = starts[0].year
    step = _label_step(by, slot, "Sep 2026" if by == "month" else "30 Sep 2026")
    for i in range(0, len(starts), step):
        start = starts[i]
        is_new = start.year != year
        form = "MONTH" if by == "month" else "DAY"
        label = when(start, f"{form}_YEAR" if is_new else form)
        ticks.append(Tick(left + slot * (i + 0.5), label, is_new))
        year = start.year
    return ticks


def _label_step(by: By, slot: float, widest: str) -> int:
    room = CHARACTER * len(widest) + LABEL_GAP
    steps = LABEL_STEPS[by]
    return next((step for step in steps if slot * step >= room), steps[-1])
