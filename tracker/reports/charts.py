"""The last step before the page: a series of opens becomes the geometry of a bar chart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise, repeat
from operator import mul
from typing import Literal

By = Literal["hour", "day"]

# In the units of the SVG's viewBox; the page scales them.
WIDTH = 960.0
TOP = 24.0
BOTTOM = 244.0
HEIGHT = 280.0
RIGHT = 948.0
CHARACTER = 8.0  # as wide as a digit at most
LABEL_GAP = 12.0
WIDEST_BAR = 40.0
MOST_STEPS = 4
HOUR_STEPS = (1, 2, 3, 6, 12, 24, 48, 96)
DAY_STEPS = (1, 2, 7, 14, 28, 56, 91)


@dataclass(frozen=True, slots=True)
class Point:
    """One hour or day, named by its beginning in the campaign's time zone."""

    starts_at: datetime
    opens: int
    human_opens: int

    @property
    def others(self) -> int:
        return max(self.opens - self.human_opens, 0)


@dataclass(frozen=True, slots=True)
class Bar:
    """People below, all others on top; ``slot_*`` is all the room that the bar stands in."""

    point: Point
    label: str
    slot_x: float
    slot_width: float
    x: float
    width: float
    human_y: float
    human_height: float
    others_y: float
    others_height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis; ``is_major`` where a day begins or at zero."""

    at: float
    label: str
    is_major: bool


@dataclass(frozen=True, slots=True)
class Sent:
    x: float
    text_x: float
    anchor: Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Chart:
    by: By
    left: float
    bars: Sequence[Bar]
    y_ticks: Sequence[Tick]
    x_ticks: Sequence[Tick]
    day_starts: Sequence[float]
    sent: Sent | None
    width: float = WIDTH
    height: float = HEIGHT
    top: float = TOP
    bottom: float = BOTTOM
    right: float = RIGHT

    @property
    def starts_at(self) -> datetime:
        return self.bars[0].point.starts_at

    @property
    def last_starts_at(self) -> datetime:
        return self.bars[-1].point.starts_at

    @property
    def highest(self) -> Bar:
        return max(self.bars, key=lambda bar: bar.point.opens)


def lay_out(points: Sequence[Point], *, by: By, sent_at: datetime | None) -> Chart:
    """``points`` are consecutive, zeros included, and at least one."""
    step = _y_step(points)
    top_value = step * max(2, -(-_highest(points) // step))
    left = _left(top_value)
    slot = (RIGHT - left) / len(points)
    return Chart(
        by=by,
        left=left,
        bars=[_bar(point, left + slot * i, slot, top_value, by) for i, point in enumerate(points)],
        y_ticks=[
            Tick(_y(value, top_value), f"{value:,}", is_major=value == 0)
            for value in range(0, top_value + 1, step)
        ],
        x_ticks=_hour_ticks(points, left, slot) if by == "hour" else _day_ticks(points, left, slot),
        day_starts=_day_starts(points, left, slot) if by == "hour" else [],
        sent=_sent(points, sent_at, by, left, slot),
    )


def _highest(points: Sequence[Point]) -> int:
    return max(point.human_opens + point.others for point in points)


def _y_step(points: Sequence[Point]) -> int:
    """The smallest of 1, 2, 5, 10, 20, … that needs no more than four steps."""
    highest = _highest(points)
    powers = accumulate(repeat(10), mul, initial=1)
    steps = (digit * power for power in powers for digit in (1, 2, 5))
    return next(step for step in steps if highest <= step * MOST_STEPS)


def _left(top_value: int) -> float:
    return LABEL_GAP + CHARACTER * len(f"{top_value:,}")


def _y(value: int, top_value: int) -> float:
    return BOTTOM - (BOTTOM - TOP) * value / top_value


def _bar(point: Point, slot_x: float, slot: float, top_value: int, by: By) -> Bar:
    width = min(slot * 0.84, WIDEST_BAR)
    human_y = _y(point.human_opens, top_value)
    others_y = _y(point.human_opens + point.others, top_value)
    return Bar(
        point=point,
        label=_bar_label(point, by),
        slot_x=slot_x,
        slot_width=slot,
        x=slot_x + (slot - width) / 2,
        width=width,
        human_y=human_y,
        human_height=BOTTOM - human_y,
        others_y=others_y,
        others_height=human_y - others_y,
    )


def _bar_label(point: Point, by: By) -> str:
    start = point.starts_at
    when = f"{start:%a} {start.day} {start:%b}" + (f", {start:%H:%M}" if by == "hour" else "")
    if not point.opens:
        return f"{when}: no opens"
    opens = "1 open" if point.opens == 1 else f"{point.opens:,} opens"
    return (
        f"{when}: {opens}, {point.human_opens:,} by people, {point.others:,} by machines or unclear"
    )


def _hour_ticks(points: Sequence[Point], left: float, slot: float) -> list[Tick]:
    """Round hours; the first label of each day names the day."""
    step = _label_step(HOUR_STEPS, slot, "Wed 00:00")
    ticks: list[Tick] = []
    named = None
    for i, point in enumerate(points):
        start = point.starts_at
        is_round = start.hour % min(step, 24) == 0 if len(points) > step else i == 0
        if not is_round or (ticks and left + slot * (i + 0.5) - ticks[-1].at < slot * step * 0.9):
            continue
        is_new = start.date() != named
        label = f"{start:%a %H:%M}" if is_new else f"{start:%H:%M}"
        ticks.append(Tick(left + slot * (i + 0.5), label, is_major=is_new))
        named = start.date()
    return ticks


def _day_ticks(points: Sequence[Point], left: float, slot: float) -> list[Tick]:
    """Every so many days from the first; the first label of another year names the year."""
    ticks = []
    year = points[0].starts_at.year
    for i in range(0, len(points), _label_step(DAY_STEPS, slot, "30 Sep 2026")):
        start = points[i].starts_at
        is_new = start.year != year
        label = f"{start.day} {start:%b %Y}" if is_new else f"{start.day} {start:%b}"
        ticks.append(Tick(left + slot * (i + 0.5), label, is_major=is_new))
        year = start.year
    return ticks


def _label_step(steps: Sequence[int], slot: float, widest: str) -> int:
    room = CHARACTER * len(widest) + LABEL_GAP
    return next((step for step in steps if slot * step >= room), steps[-1])


def _day_starts(points: Sequence[Point], left: float, slot: float) -> list[float]:
    """Where a new day begins, left of its first hour."""
    days = [point.starts_at.date() for point in points]
    return [left + slot * i for i, (a, b) in enumerate(pairwise(days), start=1) if a != b]


def _sent(
    points: Sequence[Point], sent_at: datetime | None, by: By, left: float, slot: float
) -> Sent | None:
    """As far into its hour or day as the moment was; none outside the chart."""
    if sent_at is None:
        return None
    # As moments: an aware comparison within one zone would ignore the offset.
    edges = [point.starts_at.timestamp() for point in points]
    last = timedelta(hours=1) if by == "hour" else timedelta(days=1)
    edges.append(edges[-1] + last.total_seconds())
    moment = sent_at.timestamp()
    if not edges[0] <= moment < edges[-1]:
        return None
    i = bisect_right(edges, moment) - 1
    x = left + slot * (i + (moment - edges[i]) / (edges[i + 1] - edges[i]))
    if x + 60 > RIGHT:
        return Sent(x, x - 6, "end")
    return Sent(x, x + 6, "start")
