"""The last step before the comparison's page: curves become the geometry of one chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from tracker.language import decimal
from tracker.reports.axes import Tick
from tracker.reports.curves import Curve
from tracker.templatetags.glimpse import percent

# In the units of the plot's viewBox; the page stretches it, and puts text where it belongs.
HEIGHT = 340.0
TOP = 16.0
BOTTOM = 300.0
LEFT = 56.0
RIGHT = 740.0
LINE = 19.0  # as high as a label
LABEL_LENGTH = 22
MOST_STEPS = 5
HOUR_STEPS = {24: 3, 72: 12, 168: 24, 720: 120}


@dataclass(frozen=True, slots=True)
class Line:
    """``path`` goes up to the label at its end; a leader joins the two where they had to part."""

    number: int
    path: str
    label: str
    title: str
    end_x: float
    end_y: float
    label_y: float


@dataclass(frozen=True, slots=True)
class CurveChart:
    lines: list[Line]
    x_ticks: list[Tick]
    narrow_x_ticks: list[Tick]
    y_ticks: list[Tick]
    description: str
    height: float = HEIGHT
    top: float = TOP
    bottom: float = BOTTOM
    left: float = LEFT
    right: float = RIGHT


def chart_of(curves: Sequence[Curve], *, reach: int) -> CurveChart | None:
    """None if no campaign has a curve yet."""
    drawn = [curve for curve in curves if curve.shares]
    if not drawn:
        return None
    step, top_value = _scale(max(curve.shares[-1] for curve in drawn))
    ends = [_y(curve.shares[-1], top_value) for curve in drawn]
    lines = [
        _line(curve, reach, top_value, label_y)
        for curve, label_y in zip(drawn, apart(ends), strict=True)
    ]
    decimals = 0 if step >= 0.01 else 1
    return CurveChart(
        lines,
        x_ticks=[
            Tick(_x(hours, reach), _hours(hours), is_major=hours % 24 == 0)
            for hours in range(0, reach + 1, HOUR_STEPS[reach])
        ],
        narrow_x_ticks=[
            Tick(_x(hours, reach), _hours(hours), is_major=hours % 24 == 0)
            for hours in range(0, reach + 1, 2 * HOUR_STEPS[reach])
        ],
        y_ticks=[
            Tick(_y(place * step, top_value), decimal(100 * place * step, decimals), place == 0)
            for place in range(round(top_value / step) + 1)
        ],
        description=" ".join(line.title for line in lines),
    )


def apart(places: Sequence[float]) -> list[float]:
    """Where labels go so that none covers another: as near to these places as that allows."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    # Less the room of the labels above it, no place may come before the one above it: those that
    # do are pooled, and stand around their mean.
    pools: list[tuple[float, int]] = []
    for rank, index in enumerate(order):
        mean, size = places[index] - rank * LINE, 1
        while pools and pools[-1][0] > mean:
            above, many = pools.pop()
            mean, size = (above * many + mean * size) / (many + size), many + size
        pools.append((mean, size))
    lowest = BOTTOM - (len(places) - 1) * LINE
    means = [min(max(mean, TOP), lowest) for mean, size in pools for _ in range(size)]
    found = [0.0] * len(places)
    for rank, index in enumerate(order):
        found[index] = means[rank] + rank * LINE
    return found


def _line(curve: Curve, reach: int, top_value: float, label_y: float) -> Line:
    points = [(_x(0, reach), _y(0, top_value))]
    points += [
        (_x(hours, reach), _y(share, top_value)) for hours, share in enumerate(curve.shares, 1)
    ]
    name = curve.row.label
    short = name if len(name) <= LABEL_LENGTH else f"{name[: LABEL_LENGTH - 1].rstrip()}…"
    return Line(
        curve.number,
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points),
        short,
        gettext("%(number)s: %(name)s, %(share)s after %(time)s.")
        % {
            "number": curve.number,
            "name": name,
            "share": percent(curve.shares[-1]),
            "time": _hours(len(curve.shares)),
        },
        *points[-1],
        label_y,
    )


def _scale(highest: float) -> tuple[float, float]:
    """The smallest round step that needs few lines, and the value at the top, at most the whole."""
    steps = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
    step = next((step for step in steps if highest <= step * MOST_STEPS), 1.0)
    lines = max(1, -(-round(highest / step * 1e6) // 1_000_000))
    return step, step * lines


def _x(hours: float, reach: int) -> float:
    return LEFT + (RIGHT - LEFT) * hours / reach


def _y(share: float, top_value: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share / top_value


def _hours(hours: int) -> str:
    if hours < 24 or hours % 24:
        return gettext("%(hours)s h") % {"hours": hours}
    return gettext("%(days)s d") % {"days": hours // 24}
