"""Whether tracking works, in one line, and what has been opened today: from counts alone, without
those of simulations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.cache import cache
from django.db.models import F, Max, Min, Q, Sum
from django.utils.translation import gettext

from tracker.models import CampaignCounts, QuarterHourCounts, UniqueOpen
from tracker.quarters import QUARTER, quarter_of
from tracker.reports.clock import start_of
from tracker.reports.spans import ago, in_words
from tracker.spool import Spool

# Shorter silences are never worth a word.
LEAST_SILENCE = timedelta(hours=1)
# What is usual is learnt from these days, if opens came over at least one of them.
LEARNT_FROM = timedelta(days=7)
LEAST_LEARNT = timedelta(days=1)
LONGEST_KEPT = 300  # seconds for which a process remembers the longest silence
LONGEST_KEY = "tracker.reports.pulse.longest_silence"


class State(StrEnum):
    WORKS = "works"
    QUIET = "quiet"
    UNUSUAL = "unusual"
    SPOOLED = "spooled"
    REFUSED = "refused"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Pulse:
    """``version`` changes whenever anything that the line or today's opens say has changed."""

    state: State
    sentence: str
    version: str

    @property
    def is_warning(self) -> bool:
        return self.state in (State.UNUSUAL, State.SPOOLED, State.REFUSED)


@dataclass(frozen=True, slots=True)
class Today:
    opens: int
    human_opens: int
    time_zone: str


def pulse_at(now: datetime) -> Pulse:
    """One query over the campaigns' counts; during a long silence now and then a second one."""
    sums = CampaignCounts.objects.filter(is_simulation=False).aggregate(
        last=Max("last_opened_at"),
        opens=Sum("opens"),
        human=Sum(F("human_client_opens") + F("image_proxy_on_open_opens")),
        sent=Min("campaign__sent_at", filter=Q(campaign__archived_at=None)),
    )
    state, sentence = _line(sums["last"], sums["sent"], now)
    midnight = start_of(now, "day", _zone())
    version = f"{sums['opens']} {sums['human']} {midnight.isoformat()} {state} {sentence}"
    return Pulse(state, sentence, version)


def today_at(now: datetime) -> Today:
    """One query: the quarters since midnight in TIME_ZONE, of campaigns opened since then."""
    midnight = start_of(now, "day", _zone())
    opened = CampaignCounts.objects.filter(last_opened_at__gte=midnight, is_simulation=False)
    sums = QuarterHourCounts.objects.filter(
        # An index knows a campaign's quarters, none knows all of a day.
        campaign__in=opened.values("campaign_id"),
        starts_at__gte=midnight,
    ).aggregate(opens=Sum("opens"), human=Sum("human_opens"))
    return Today(sums["opens"] or 0, sums["human"] or 0, settings.TIME_ZONE)


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def _line(last: datetime | None, first_sent: datetime | None, now: datetime) -> tuple[State, str]:
    waiting = Spool(Path(settings.SPOOL_DIR)).waiting()
    if waiting.files:
        return State.SPOOLED, gettext(
            "Hits wait in the spool: the database was away. They are counted as soon as they are "
            "replayed."
        )
    if waiting.refused_bytes:
        return State.REFUSED, gettext(
            "Some hits were refused by the database and set aside in the spool’s folder; a person "
            "has to look at them."
        )
    if last is None:
        return _before_the_first_hit(first_sent, now)
    silence = now - last
    words = {"ago": ago(silence), "span": in_words(silence)}
    if silence < LEAST_SILENCE:
        return State.WORKS, gettext("Tracking works: last hit %(ago)s.") % words
    longest = _longest_silence(now)
    if longest is not None and silence > longest:
        return State.UNUSUAL, gettext(
            "No hit for %(span)s; that is unusual. The longest silence of the last seven days was "
            "%(longest)s."
        ) % {**words, "longest": in_words(longest)}
    if longest is None:
        return State.QUIET, gettext("Last hit %(ago)s.") % words
    return State.QUIET, (
        gettext("Last hit %(ago)s; so long a silence is nothing unusual here.") % words
    )


def _before_the_first_hit(sent_at: datetime | None, now: datetime) -> tuple[State, str]:
    """One query at most, over next to nothing: nobody has opened."""
    if sent_at is not None and now - sent_at >= LEAST_SILENCE:
        return State.UNUSUAL, gettext(
            "Not one hit, though the first mail was sent %(ago)s. That campaign’s report names the "
            "likely reasons."
        ) % {"ago": ago(now - sent_at)}
    tested = UniqueOpen.objects.filter(is_test=True).aggregate(last=Max("last_opened_at"))["last"]
    if tested is not None:
        return State.WORKS, gettext(
            "Tracking works: a test pixel was seen %(ago)s. No recipient has opened yet."
        ) % {"ago": ago(now - tested)}
    return State.NONE, gettext("No hit yet. The first one appears here within seconds.")


def _longest_silence(now: datetime) -> timedelta | None:
    """Of the last days; none if there is too little to learn from. Remembered for minutes."""
    found: tuple[timedelta | None] | None = cache.get(LONGEST_KEY)
    if found is None:
        found = (longest_gap(_quarters_with_opens(now)),)
        cache.set(LONGEST_KEY, found, LONGEST_KEPT)
    return found[0]


def _quarters_with_opens(now: datetime) -> Sequence[datetime]:
    begin = quarter_of(now - LEARNT_FROM)
    opened = CampaignCounts.objects.filter(last_opened_at__gte=begin, is_simulation=False)
    return list(
        QuarterHourCounts.objects.filter(
            campaign__in=opened.values("campaign_id"), starts_at__gte=begin, opens__gt=0
        )
        .order_by("starts_at")
        .values_list("starts_at", flat=True)
        .distinct()
    )


def longest_gap(quarters: Sequence[datetime]) -> timedelta | None:
    """The longest time between two quarters with opens, at most a quarter too long."""
    if not quarters or quarters[-1] + QUARTER - quarters[0] < LEAST_LEARNT:
        return None
    return max((later - earlier for earlier, later in pairwise(quarters)), default=None)
