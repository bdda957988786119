"""How far work is, how fast it goes and how long it will take, for people."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import ngettext

from tracker.language import count
from tracker.models import Work

# Below that a rate is an accident.
LEAST_SECONDS = 0.5
MINUTE, HOUR = 60, 3_600


def rate_of(done: int, seconds: float) -> int | None:
    """A second; none until it means something."""
    return round(done / seconds) if seconds > LEAST_SECONDS and done else None


def seconds_left(share: float, seconds: float) -> int | None:
    """If the rest takes as long as the first share did."""
    if not share or seconds <= LEAST_SECONDS:
        return None
    return round(seconds * (1 - share) / share)


@dataclass(frozen=True, slots=True)
class WorkProgress:
    """``share`` is none while nobody knows how much there is to do."""

    share: float | None
    done: int
    total: int
    rate: int | None
    seconds_left: int | None

    @classmethod
    def of(cls, work: Work) -> WorkProgress:
        share = min(1.0, work.done / work.total) if work.total else None
        if work.resumed_at is None:
            return cls(share, work.done, work.total, None, None)
        seconds = ((work.finished_at or timezone.now()) - work.resumed_at).total_seconds()
        now_done = work.done - work.resumed_done
        left = None
        if work.total > work.resumed_done and work.state == Work.State.WORKING:
            # Of what this process found to do: what was done before took another's time.
            left = seconds_left(min(1.0, now_done / (work.total - work.resumed_done)), seconds)
        return cls(share, work.done, work.total, rate_of(now_done, seconds), left)

    @property
    def percent(self) -> int | None:
        return None if self.share is None else int(self.share * 100)

    @property
    def time_left(self) -> str:
        return "" if self.seconds_left is None else duration(self.seconds_left)


def duration(seconds: int) -> str:
    """As exact as anybody can know beforehand."""
    if seconds < MINUTE:
        return ngettext("%(number)s second", "%(number)s seconds", seconds) % {
            "number": count(seconds)
        }
    if seconds < 2 * HOUR:
        minutes = round(seconds / MINUTE)
        return ngettext("%(number)s minute", "%(number)s minutes", minutes) % {
            "number": count(minutes)
        }
    hours = round(seconds / HOUR)
    return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": count(hours)}
