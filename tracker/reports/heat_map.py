"""When people open: their opens by weekday and hour of the campaign's own clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, sqrt
from zoneinfo import ZoneInfo

from django.utils import dates
from django.utils.translation import gettext, ngettext

from tracker.language import count
from tracker.quarters import QUARTER, quarter_of
from tracker.templatetags.glimpse import percent

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = range(24)
# A cell of fewer opens may be chance: it stays pale, however empty the others are.
LEAST_IN_CELL = 5
# A map of fewer opens says nothing of when people open.
LEAST_OPENS = 100
SHADES = 5
# Two of each hour, so that also one that the clocks left out has been there once.
ALL_HOURS = timedelta(days=15)
# In the units of the plot's viewBox; the page stretches it, and puts text where it belongs.
LEFT, TOP, CELL, GAP = 44.0, 4.0, 20.0, 2.0
WIDTH, HEIGHT = LEFT + 24 * CELL, TOP + 7 * CELL + 22.0


@dataclass(frozen=True, slots=True)
class Cell:
    """``shade`` 0 is empty, 5 the fullest, 1 where ``is_thin``. Where an hour is ``is_ahead`` the
    campaign has not been through it yet, so that nothing is known of it.

    By the root of the opens: the hour of sending towers above all others.
    """

    weekday: str
    hour: int
    opens: int
    share: float
    shade: int
    x: float
    y: float
    is_ahead: bool = False

    @property
    def is_thin(self) -> bool:
        return 0 < self.opens < LEAST_IN_CELL

    @property
    def look(self) -> str:
        """Its classes; together with ``place`` written here, since a page has 168 of them."""
        shade = "ahead" if self.is_ahead else self.shade
        return f"heat heat-{shade} heat-thin" if self.is_thin else f"heat heat-{shade}"

    @property
    def place(self) -> str:
        return f"{self.x:.0f} {self.y:.0f}"

    @property
    def label(self) -> str:
        words = {"time": f"{self.day_name}, {self.hour:02}:00–{(self.hour + 1) % 24:02}:00"}
        if self.is_ahead:
            return gettext("%(time)s: not lived through yet") % words
        if not self.opens:
            return gettext("%(time)s: no opens by people") % words
        words |= {"opens": count(self.opens), "share": percent(self.share)}
        pattern = ngettext(
            "%(time)s: %(opens)s open by people, %(share)s of all",
            "%(time)s: %(opens)s opens by people, %(share)s of all",
            self.opens,
        )
        return pattern % words

    @property
    def day_name(self) -> str:
        """In the reader's language; ``weekday`` stands in files, which have one."""
        return str(dates.WEEKDAYS[WEEKDAYS.index(self.weekday)])

    @property
    def day_short(self) -> str:
        return str(dates.WEEKDAYS_ABBR[WEEKDAYS.index(self.weekday)])


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Rows are weekdays from Monday; ``first`` and ``last`` are the quarters counted."""

    rows: Sequence[Sequence[Cell]]
    opens: int
    first: datetime
    last: datetime
    left: float = LEFT
    right: float = WIDTH
    height: float = HEIGHT
    cell: float = CELL - GAP

    @property
    def is_thin(self) -> bool:
        return self.opens < LEAST_OPENS

    @property
    def is_young(self) -> bool:
        return any(cell.is_ahead for row in self.rows for cell in row)

    @property
    def fullest(self) -> Cell:
        return max((cell for row in self.rows for cell in row), key=lambda cell: cell.opens)

    @property
    def hours(self) -> list[list[Cell]]:
        """The same by hour, for a table that is higher than wide."""
        return [list(cells) for cells in zip(*self.rows, strict=True)]

    @property
    def hour_labels(self) -> list[tuple[float, str]]:
        return [(cell.x, f"{cell.hour:02}") for cell in self.rows[0][::3]]

    @property
    def weekday_labels(self) -> list[tuple[float, str]]:
        return [(row[0].y + self.cell / 2, row[0].day_short) for row in self.rows]


def heat_map(
    quarters: Iterable[tuple[datetime, int]],
    zone: ZoneInfo,
    *,
    since: datetime,
    now: datetime,
) -> HeatMap | None:
    """``quarters`` are (start, opens by people), ascending; none where no person has opened.
    ``since``: when it could be opened first."""
    counts = [[0 for _ in HOURS] for _ in WEEKDAYS]
    seen: list[datetime] = []
    for starts_at, opens in quarters:
        if opens:
            local = starts_at.astimezone(zone)
            counts[local.weekday()][local.hour] += opens
            seen.append(local)
    if not seen:
        return None
    total = sum(map(sum, counts))
    most = max(map(max, counts))
    lived = hours_lived(since, now, zone)
    rows = [
        [
            _cell(day, hour, counts[day][hour], total, most, is_lived=(day, hour) in lived)
            for hour in HOURS
        ]
        for day in range(len(WEEKDAYS))
    ]
    return HeatMap(rows, total, seen[0], seen[-1])


def hours_lived(since: datetime, now: datetime, zone: ZoneInfo) -> set[tuple[int, int]]:
    """(weekday, hour) of which at least some minutes have passed in between."""
    if now - since >= ALL_HOURS:
        return {(day, hour) for day in range(len(WEEKDAYS)) for hour in HOURS}
    lived = set()
    # Quarters of an hour, because in some zones the hours begin at one.
    moment = quarter_of(since).astimezone(UTC)
    while moment <= now:
        local = moment.astimezone(zone)
        lived.add((local.weekday(), local.hour))
        moment += QUARTER
    return lived


def heat_map_rows(found: HeatMap | None) -> Iterator[tuple[str, str, str]]:
    """For a file: one row a cell, empty ones too; no figure where nothing can be known yet."""
    yield ("weekday", "hour", "human_opens")
    for row in found.rows if found else ():
        for cell in row:
            yield (cell.weekday, str(cell.hour), "" if cell.is_ahead else str(cell.opens))


def _cell(day: int, hour: int, opens: int, total: int, most: int, *, is_lived: bool) -> Cell:
    shade = ceil(SHADES * sqrt(opens / most))
    return Cell(
        WEEKDAYS[day],
        hour,
        opens,
        opens / total,
        1 if 0 < opens < LEAST_IN_CELL else shade,
        LEFT + hour * CELL,
        TOP + day * CELL,
        is_ahead=not (is_lived or opens),
    )
