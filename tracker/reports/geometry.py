"""Where the bars, lines and labels of the opens-over-time chart stand; drawn by a template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

By = Literal["hour", "day"]

# Units of the drawing; the page scales it.
WIDTH = 960
HEIGHT = 300
LEFT = 56
RIGHT = 8
TOP = 24
BOTTOM = 34
PLOT_WIDTH = WIDTH - LEFT - RIGHT
PLOT_HEIGHT = HEIGHT - TOP - BOTTOM
BASE = TOP + PLOT_HEIGHT
WIDEST_BAR = 44
# A label needs this much room.
LABEL_WIDTH = 84


@dataclass(frozen=True, slots=True)
class Point:
    """One hour or day: when it begins, in the campaign's zone, and what was opened in it."""

    starts_at: datetime
    opens: int
    unique_opens: int

    @property
    def repeats(self) -> int:
        return self.opens - self.unique_opens


@dataclass(frozen=True, slots=True)
class Bar:
    """First opens from the base line up, repeats on top of them."""

    point: Point
    label: str
    x: float
    width: float
    first_y: float
    first_height: float
    repeat_y: float
    repeat_height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line or a place on the time axis, with its label."""

    position: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template needs; ``sent_x`` is none when the mail was sent elsewhere in time."""

    bars: list[Bar]
    y_ticks: list[Tick]
    x_ticks: list[Tick]
    sent_x: float | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    base: int = BASE
    plot_height: int = PLOT_HEIGHT


def lay_out(points: Sequence[Point], *, by: By, sent_at: datetime | None) -> Chart:
    """The chart of consecutive hours or days, zeros included; at least one point."""
    scale = ticks(max(point.opens for point in points))
    most = scale[-1]
    slot = PLOT_WIDTH / len(points)
    return Chart(
        bars=[_bar(point, index, slot, most, by) for index, point in enumerate(points)],
        y_ticks=[Tick(BASE - PLOT_HEIGHT * value / most, f"{value:,}") for value in scale],
        x_ticks=_time_ticks(points, slot, by),
        sent_x=_sent_x(points, slot, sent_at),
    )


def ticks(most: int) -> list[int]:
    """Three to six round numbers from 0 to at least ``most``, all whole."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * 5 >= most:
                each = step * factor
                count = max(2, -(-most // each))
                return [each * number for number in range(count + 1)]
        step *= 10


def _bar(point: Point, index: int, slot: float, most: int, by: By) -> Bar:
    width = min(WIDEST_BAR, slot * 0.8)
    first_height = PLOT_HEIGHT * point.unique_opens / most
    repeat_height = PLOT_HEIGHT * point.repeats / most
    return Bar(
        point=point,
        label=_full_label(point.starts_at, by),
        x=round(LEFT + slot * index + (slot - width) / 2, 2),
        width=round(width, 2),
        first_y=round(BASE - first_height, 2),
        first_height=round(first_height, 2),
        repeat_y=round(BASE - first_height - repeat_height, 2),
        repeat_height=round(repeat_height, 2),
    )


def _full_label(moment: datetime, by: By) -> str:
    if by == "day":
        return f"{moment:%A} {moment.day} {moment:%B %Y}"
    # The offset tells the two hours apart that one night in autumn has under one name.
    return f"{moment:%a} {moment.day} {moment:%b %H:%M} ({moment:%Z})"


def _time_ticks(points: Sequence[Point], slot: float, by: By) -> list[Tick]:
    every = next(
        number
        for number in ((1, 2, 3, 6, 12, 24) if by == "hour" else (1, 2, 7, 14, 28))
        if slot * number >= LABEL_WIDTH or number >= 24
    )
    found = []
    last_day = None
    for index, point in enumerate(points):
        moment = point.starts_at
        is_round = moment.hour % every == 0 if by == "hour" else index % every == 0
        if not is_round:
            continue
        x = round(LEFT + slot * (index + 0.5), 2)
        if by == "day":
            found.append(Tick(x, f"{moment.day} {moment:%b}"))
        else:
            is_new_day = moment.date() != last_day
            found.append(Tick(x, f"{moment:%a %H:%M}" if is_new_day else f"{moment:%H:%M}"))
            last_day = moment.date()
    return found


def _sent_x(points: Sequence[Point], slot: float, sent_at: datetime | None) -> float | None:
    if sent_at is None:
        return None
    starts = [point.starts_at.astimezone(UTC) for point in points]
    for index, (start, end) in enumerate(pairwise(starts)):
        if start <= sent_at < end:
            return round(LEFT + slot * (index + (sent_at - start) / (end - start)), 2)
    return None
