"""The last step before the page: a series of opens becomes the geometry of a bar chart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from django.utils.translation import gettext, gettext_lazy, ngettext
from django_stubs_ext import StrPromise

from tracker.language import count, when
from tracker.quarters import QUARTER
from tracker.reports.axes import (
    Tick,
    day_starts,
    narrow_time_ticks,
    room_for,
    time_ticks,
    value_step,
)
from tracker.reports.clock import By
from tracker.reports.series import Point

# What the bars count: opens by people alone, or all of them, of which the lower part are people's
# or first ones. A burst of machines would hide the people, so all is not what is shown first.
Split = Literal["people", "all", "first"]

# In the units of the plot's viewBox; the page stretches it, and puts text where it belongs.
WIDTH = 960.0
TOP = 24.0
BOTTOM = 244.0
HEIGHT = 280.0
RIGHT = 948.0
WIDEST_BAR = 40.0
ROOM_FOR_SENT = 60.0
TITLES: dict[By, StrPromise] = {
    "quarter": gettext_lazy("Opens by quarter of an hour"),
    "hour": gettext_lazy("Opens by hour"),
    "day": gettext_lazy("Opens by day"),
    "week": gettext_lazy("Opens by week"),
    "month": gettext_lazy("Opens by month"),
}
TITLES_OF_PEOPLE: dict[By, StrPromise] = {
    "quarter": gettext_lazy("Opens by people, by quarter of an hour"),
    "hour": gettext_lazy("Opens by people, by hour"),
    "day": gettext_lazy("Opens by people, by day"),
    "week": gettext_lazy("Opens by people, by week"),
    "month": gettext_lazy("Opens by people, by month"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """The lower part is what the reader asks about; ``slot_*`` is all the room it stands in."""

    point: Point
    label: str
    slot_x: float
    slot_width: float
    x: float
    width: float
    lower: int
    upper: int
    lower_y: float
    lower_height: float
    upper_y: float
    upper_height: float


@dataclass(frozen=True, slots=True)
class Sent:
    x: float
    anchor: Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Chart:
    by: By
    split: Split
    left: float
    bars: Sequence[Bar]
    y_ticks: Sequence[Tick]
    x_ticks: Sequence[Tick]
    narrow_x_ticks: Sequence[Tick]
    day_starts: Sequence[float]
    sent: Sent | None
    width: float = WIDTH
    height: float = HEIGHT
    top: float = TOP
    bottom: float = BOTTOM
    right: float = RIGHT

    @property
    def title(self) -> str:
        return str((TITLES_OF_PEOPLE if self.split == "people" else TITLES)[self.by])

    @property
    def starts_at(self) -> datetime:
        return self.bars[0].point.starts_at

    @property
    def last_starts_at(self) -> datetime:
        return self.bars[-1].point.starts_at

    @property
    def highest(self) -> Bar:
        return max(self.bars, key=lambda bar: bar.lower + bar.upper)


def lay_out(
    points: Sequence[Point],
    *,
    by: By,
    ends_at: datetime,
    sent_at: datetime | None = None,
    split: Split = "all",
) -> Chart:
    """``points`` are consecutive up to ``ends_at``, zeros included, and at least one."""
    highest = max(sum(_parts(point, split)) for point in points)
    step = value_step(highest)
    top_value = step * max(2, -(-highest // step))
    left = room_for(top_value)
    slot = (RIGHT - left) / len(points)
    starts = [point.starts_at for point in points]
    return Chart(
        by=by,
        split=split,
        left=left,
        bars=[
            _bar(point, left + slot * i, slot, top_value, by, split)
            for i, point in enumerate(points)
        ],
        y_ticks=[
            Tick(_y(value, top_value), count(value), is_major=value == 0)
            for value in range(0, top_value + 1, step)
        ],
        x_ticks=time_ticks(starts, by, left, slot),
        narrow_x_ticks=narrow_time_ticks(starts, by, left, slot),
        day_starts=day_starts(starts, by, left, slot),
        sent=_sent([*starts, ends_at], sent_at, left, slot),
    )


def _parts(point: Point, split: Split) -> tuple[int, int]:
    if split == "first":
        return point.unique_opens, point.repeats
    if split == "people":
        return point.unique_human_opens, point.human_repeats
    return point.human_opens, point.others


def _y(value: int, top_value: int) -> float:
    return BOTTOM - (BOTTOM - TOP) * value / top_value


def _bar(point: Point, slot_x: float, slot: float, top_value: int, by: By, split: Split) -> Bar:
    lower, upper = _parts(point, split)
    width = bar_width(slot)
    lower_y = _y(lower, top_value)
    upper_y = _y(lower + upper, top_value)
    return Bar(
        point=point,
        label=_bar_label(point, by, split),
        slot_x=slot_x,
        slot_width=slot,
        x=slot_x + (slot - width) / 2,
        width=width,
        lower=lower,
        upper=upper,
        lower_y=lower_y,
        lower_height=BOTTOM - lower_y,
        upper_y=upper_y,
        upper_height=lower_y - upper_y,
    )


def bar_width(slot: float) -> float:
    return min(slot * 0.84, WIDEST_BAR)


def _bar_label(point: Point, by: By, split: Split) -> str:
    words = {"time": name_of(point.starts_at, by), "opens": count(point.opens)}
    if split == "people":
        return _label_of_people(point, words)
    if not point.opens:
        return gettext("%(time)s: no opens") % words
    if split == "first":
        words |= {"first": count(point.unique_opens), "repeated": count(point.repeats)}
        pattern = ngettext(
            "%(time)s: %(opens)s open, %(first)s first, %(repeated)s repeated",
            "%(time)s: %(opens)s opens, %(first)s first, %(repeated)s repeated",
            point.opens,
        )
    else:
        words |= {"human": count(point.human_opens), "others": count(point.others)}
        pattern = ngettext(
            "%(time)s: %(opens)s open, %(human)s by people, %(others)s by machines or unclear",
            "%(time)s: %(opens)s opens, %(human)s by people, %(others)s by machines or unclear",
            point.opens,
        )
    return pattern % words


def _label_of_people(point: Point, words: dict[str, str]) -> str:
    if not point.human_opens:
        return gettext("%(time)s: no opens by people") % words
    words |= {
        "opens": count(point.human_opens),
        "first": count(point.unique_human_opens),
        "repeated": count(point.human_repeats),
    }
    pattern = ngettext(
        "%(time)s: %(opens)s open by people, %(first)s first, %(repeated)s repeated",
        "%(time)s: %(opens)s opens by people, %(first)s first, %(repeated)s repeated",
        point.human_opens,
    )
    return pattern % words


def name_of(start: datetime, by: By) -> str:
    """A stretch of time in words, as short as it is unmistakable next to its neighbours."""
    names: dict[By, Callable[[], str]] = {
        "quarter": lambda: _quarter_name(start),
        "hour": lambda: when(start, "DAY_OF_WEEK_TIME"),
        "day": lambda: when(start, "DAY_OF_WEEK"),
        "week": lambda: gettext("week from %(day)s") % {"day": when(start, "DAY_OF_WEEK_YEAR")},
        "month": lambda: when(start, "LONG_MONTH_YEAR"),
    }
    return names[by]()


def _quarter_name(start: datetime) -> str:
    end = (start.astimezone(UTC) + QUARTER).astimezone(start.tzinfo)
    return f"{when(start, 'DAY_OF_WEEK_TIME')}–{when(end, 'CLOCK')}"


def _sent(
    edges: Sequence[datetime], sent_at: datetime | None, left: float, slot: float
) -> Sent | None:
    """Where the bar of its stretch begins: what that bar counts came after the sending. None
    outside the chart."""
    if sent_at is None:
        return None
    # As moments: an aware comparison within one zone would ignore the offset.
    moments = [edge.timestamp() for edge in edges]
    moment = sent_at.timestamp()
    if not moments[0] <= moment < moments[-1]:
        return None
    i = bisect_right(moments, moment) - 1
    within = slot * (moment - moments[i]) / (moments[i + 1] - moments[i])
    x = left + slot * i + min(within, (slot - bar_width(slot)) / 2)
    if x + ROOM_FOR_SENT > RIGHT:
        return Sent(x, "end")
    return Sent(x, "start")
