"""How long people take to open: the share of all openers reached so and so long after sending."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils.translation import gettext, gettext_lazy

from tracker.quarters import QUARTER
from tracker.rates import rate

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 604_800
LONGEST = 13 * WEEK  # counted one by one; whoever opens later is one of "later"
QUARTER_SECONDS = int(QUARTER.total_seconds())
# Fewer openers make a curve of chance.
LEAST_OPENERS = 30
MARKS = (
    (HOUR, gettext_lazy("1 hour")),
    (DAY, gettext_lazy("1 day")),
    (WEEK, gettext_lazy("1 week")),
)
TABLE = (
    (15 * MINUTE, gettext_lazy("15 minutes")),
    (30 * MINUTE, gettext_lazy("30 minutes")),
    (HOUR, gettext_lazy("1 hour")),
    (2 * HOUR, gettext_lazy("2 hours")),
    (4 * HOUR, gettext_lazy("4 hours")),
    (8 * HOUR, gettext_lazy("8 hours")),
    (12 * HOUR, gettext_lazy("12 hours")),
    (DAY, gettext_lazy("1 day")),
    (2 * DAY, gettext_lazy("2 days")),
    (3 * DAY, gettext_lazy("3 days")),
    (WEEK, gettext_lazy("1 week")),
    (2 * WEEK, gettext_lazy("2 weeks")),
    (4 * WEEK, gettext_lazy("4 weeks")),
    (8 * WEEK, gettext_lazy("8 weeks")),
    (LONGEST, gettext_lazy("13 weeks")),
)


@dataclass(frozen=True, slots=True)
class Reached:
    """So many of the openers so far had opened after this long; ``is_over`` when it has passed."""

    seconds: int
    label: str
    openers: float
    share: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class TimeToOpen:
    """First opens by people, in the order of their quarters; each once.

    ``steps`` are (seconds after sending, openers by then), from zero, rising. Between two of them
    the openers are taken to come evenly. ``before`` opened before the moment marked as sending.
    """

    openers: int
    before: int
    steps: list[tuple[int, int]]
    elapsed: int

    @property
    def is_thin(self) -> bool:
        return self.openers < LEAST_OPENERS

    @property
    def later(self) -> int:
        """Who opened after the longest time that is told apart."""
        return self.openers - self.steps[-1][1]

    @property
    def lasts(self) -> int:
        """When the last of those counted one by one had opened."""
        return self.steps[-1][0]

    def openers_after(self, seconds: float) -> float:
        if seconds >= self.lasts:
            return self.steps[-1][1]
        i = bisect_left(self.steps, (seconds, -1))
        if i == 0:
            return self.steps[0][1]
        (t0, n0), (t1, n1) = self.steps[i - 1], self.steps[i]
        return n0 + (n1 - n0) * (seconds - t0) / (t1 - t0)

    def share_after(self, seconds: float) -> float:
        return self.openers_after(seconds) / self.openers

    @property
    def median(self) -> float | None:
        """Seconds until half of all openers had opened; 0 if they had before it was sent."""
        half = self.openers / 2
        if self.steps[0][1] >= half:
            return 0.0
        for (t0, n0), (t1, n1) in pairwise(self.steps):
            if n1 >= half:
                return t0 + (t1 - t0) * (half - n0) / (n1 - n0)
        return None

    @property
    def marks(self) -> list[Reached]:
        return [self._reached(seconds, str(label)) for seconds, label in MARKS]

    @property
    def table(self) -> list[Reached]:
        """Until everybody counted had opened, and not into the time to come."""
        rows = []
        for seconds, label in TABLE:
            rows.append(self._reached(seconds, str(label)))
            if seconds >= min(self.lasts, self.elapsed):
                break
        return [row for row in rows if row.is_over]

    def _reached(self, seconds: int, label: str) -> Reached:
        openers = self.openers_after(seconds)
        return Reached(seconds, label, openers, openers / self.openers, seconds <= self.elapsed)


def time_to_open(
    quarters: Iterable[tuple[datetime, int]],
    *,
    sent_at: datetime,
    before: int,
    openers: int,
    now: datetime,
) -> TimeToOpen | None:
    """``quarters`` are (start, first opens by people), ascending, that end after ``sent_at``.

    ``openers`` are all of them, those ``before`` too; none where no person has opened. Nobody has
    taken longer than there was time: the quarter that is not over ends ``now``.
    """
    steps = [(0, before)]
    elapsed = max(int((now - sent_at).total_seconds()), 0)
    for starts_at, people in quarters:
        ends = int((starts_at + QUARTER - sent_at).total_seconds())
        if people and 0 < ends <= LONGEST:
            begins = max(ends - QUARTER_SECONDS, 0)
            ends = min(ends, max(elapsed, 1))
            last, come = steps[-1]
            if ends <= last:
                # A quarter that has not begun, by this clock.
                steps[-1] = (last, come + people)
                continue
            if last < begins < ends:
                steps.append((begins, come))
            steps.append((ends, come + people))
    # A quarter may have been counted after the totals were read.
    openers = max(openers, steps[-1][1])
    return TimeToOpen(openers, before, steps, elapsed) if openers else None


def time_to_open_rows(found: TimeToOpen | None) -> Iterator[tuple[str, str, str]]:
    """For a file: one row where a quarter with openers ends."""
    yield ("minutes_after_sending", "openers", "share_of_openers")
    if found is None:
        return
    last = -1
    for seconds, people in found.steps:
        if people != last:
            share = rate(people, found.openers)
            yield (f"{seconds / 60:.2f}".removesuffix(".00"), str(people), f"{share:.6f}")
        last = people


def in_words(seconds: float) -> str:
    """A length of time as people say it, no finer than quarters of an hour can tell; rounded down,
    so that it is never longer than what has passed."""
    minutes = int(seconds // 60)
    if not minutes:
        return gettext("less than 1 min")
    if minutes < 60:
        return gettext("%(minutes)s min") % {"minutes": minutes}
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        pattern = gettext("%(hours)s h %(minutes)s min") if rest else gettext("%(hours)s h")
        return pattern % {"hours": hours, "minutes": rest}
    days, rest = divmod(minutes // 60, 24)
    if days >= 14 or not rest:
        return gettext("%(days)s days") % {"days": days}
    return gettext("%(days)s days %(hours)s h") % {"days": days, "hours": rest}
