"""The geometry of “share of all openers reached after t”: time along, in steps that double."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from typing import Literal

from django.utils.translation import gettext, gettext_lazy

from tracker.reports.axes import NARROW, Tick
from tracker.reports.time_to_open import (
    DAY,
    HOUR,
    MINUTE,
    QUARTER_SECONDS,
    WEEK,
    Reached,
    TimeToOpen,
    in_words,
)

# In the units of the plot's viewBox; the page stretches it, and puts text where it belongs.
WIDTH, HEIGHT = 540.0, 280.0
# Right of it is room for half of the last label, whose words may be long.
LEFT, RIGHT, TOP, BOTTOM = 56.0, 502.0, 24.0, 244.0
SAMPLES = 160
MAJOR = (0, HOUR, DAY, WEEK)
LEAST_GAP = 62.0  # between two labels of the time axis
TICKS = (
    (0, gettext_lazy("sent")),
    (15 * MINUTE, gettext_lazy("15 min")),
    (HOUR, gettext_lazy("1 hour")),
    (4 * HOUR, gettext_lazy("4 hours")),
    (DAY, gettext_lazy("1 day")),
    (3 * DAY, gettext_lazy("3 days")),
    (WEEK, gettext_lazy("1 week")),
    (4 * WEEK, gettext_lazy("4 weeks")),
    (13 * WEEK, gettext_lazy("13 weeks")),
)


@dataclass(frozen=True, slots=True)
class Mark:
    reached: Reached
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Median:
    x: float
    y: float
    text: str
    anchor: Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Curve:
    line: str
    area: str
    marks: Sequence[Mark]
    median: Median | None
    x_ticks: Sequence[Tick]
    narrow_x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


def curve_of(found: TimeToOpen) -> Curve:
    """Drawn until the last open or until now, on an axis of a week at least."""
    last = max(WEEK, found.lasts)
    until = min(max(found.lasts, found.elapsed), last)
    moments = [_seconds_at(i / SAMPLES, last) for i in range(SAMPLES + 1)]
    # Rises are steep near the steps: the samples alone would cut their corners.
    corners = [t for t, _ in found.steps[:SAMPLES]]
    times = sorted({t for t in (*moments, *corners, until) if t <= until})
    places = [(_x(t, last), _y(found.share_after(t))) for t in times]
    line = " ".join(f"{x:.2f},{y:.2f}" for x, y in places)
    edge = f"{places[-1][0]:.2f},{BOTTOM:.2f} {LEFT:.2f},{BOTTOM:.2f}"
    marks = [Mark(one, _x(one.seconds, last), _y(one.share)) for one in found.marks if one.is_over]
    return Curve(
        line,
        f"{line} {edge}",
        marks,
        _median(found, last),
        _x_ticks(last, LEAST_GAP),
        _x_ticks(last, LEAST_GAP * (RIGHT - LEFT) / NARROW),
        [Tick(_y(n / 4), f"{25 * n}", is_major=n == 0) for n in range(5)],
    )


def _scale(seconds: float) -> float:
    """Linear within the first quarter, which is not told apart; then each doubling as wide."""
    return log1p(seconds / QUARTER_SECONDS)


def _x(seconds: float, last: float) -> float:
    return LEFT + (RIGHT - LEFT) * _scale(seconds) / _scale(last)


def _seconds_at(part: float, last: float) -> float:
    """The time at which so much of the axis is over."""
    return float(QUARTER_SECONDS * ((1 + last / QUARTER_SECONDS) ** part - 1))


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _median(found: TimeToOpen, last: float) -> Median | None:
    seconds = found.median
    if not seconds:
        return None
    x = _x(seconds, last)
    text = gettext("half after %(time)s") % {"time": in_words(seconds)}
    if x > (LEFT + RIGHT) / 2:
        return Median(x, _y(0.5), text, "end")
    return Median(x, _y(0.5), text, "start")


def _x_ticks(last: float, gap: float) -> list[Tick]:
    """The marks of an hour, a day and a week first; the others where there is room between."""
    chosen: list[Tick] = []
    for seconds, label in sorted(TICKS, key=lambda tick: tick[0] not in MAJOR):
        at = _x(seconds, last)
        if seconds <= last and all(abs(at - one.at) >= gap for one in chosen):
            chosen.append(Tick(at, str(label), is_major=seconds in MAJOR))
    return sorted(chosen, key=lambda tick: tick.at)
