"""What opened lately, judged again: bursts, fan-outs and people's rulings show only afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from time import monotonic

from django.db import connection
from django.db.models import QuerySet

from tracker.judging.again import BURST, BY_HAND, FAN_OUT, JudgeAgain
from tracker.judging.bursts import NETWORKS, SUSPECTS, WITHIN
from tracker.judging.changes import Outcome
from tracker.judging.fan_outs import WINDOW, find_fan_outs, id_bounds, store
from tracker.judging.rulings import Rulings
from tracker.models import FanOut, Open


def numbers(some: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(some))


PIXELS = 500
# A hit may have waited so long for its group to be committed; later ones come through the spool,
# which says so.
COMMITTED_WITHIN = timedelta(minutes=1)
# Judged by a pattern or a person already, and yet part of what makes a pattern.
PART_OF_PATTERNS = [rule.number for rule in (BURST, FAN_OUT, BY_HAND)]

# Pixels that several addresses fetched, some of them not judged by a pattern yet; whether these
# are a burst is decided with all opens around them.
SEVERAL_ADDRESSES = f"""
SELECT pixel_id FROM tracker_open
WHERE id >= %s AND opened_at >= %s AND ip IS NOT NULL
    AND (verdict IN ({numbers(SUSPECTS)}) OR rule IN ({numbers(PART_OF_PATTERNS)}))
GROUP BY pixel_id
HAVING count(DISTINCT ip) >= {NETWORKS}
    AND count(*) FILTER (WHERE verdict IN ({numbers(SUSPECTS)})) > 0
"""


# Pixels, each with the moment from which on something new may be about its opens.
Starts = dict[int, datetime]


def judge_recent(since: datetime, now: datetime) -> Outcome:
    """Everything recorded between these moments, with what it may complete before them."""
    return judge_pixels(recent_pixels(since, now))[0]


def recent_pixels(since: datetime, now: datetime) -> Starts:
    """Those about which what was recorded between these moments may say something new."""
    found = find_fan_outs(since - WINDOW, now)
    store(found)
    begin = since - WITHIN - COMMITTED_WITHIN
    starts = dict.fromkeys([*pixels_in_bursts(since - WITHIN), *ruled_pixels(since)], begin)
    for fan_out in found:
        for pixel_id in pixels_fanned_out(fan_out, now):
            starts[pixel_id] = min(fan_out.starts_at, starts.get(pixel_id, fan_out.starts_at))
    return starts


def judge_pixels(starts: Starts, *, within: float | None = None) -> tuple[Outcome, Starts]:
    """What came of it, and what is left for the next time when ``within`` seconds were over."""
    until = None if within is None else monotonic() + within
    outcome = Outcome()
    judge = JudgeAgain()
    ordered = sorted(starts)
    for start in range(0, len(ordered), PIXELS):
        if until is not None and start and monotonic() > until:
            return outcome, {pixel_id: starts[pixel_id] for pixel_id in ordered[start:]}
        outcome.add(judge.pixels(ordered[start : start + PIXELS], since=starts))
    return outcome, {}


def pixels_fanned_out(fan_out: FanOut, now: datetime) -> QuerySet[Open, int]:
    return Open.objects.filter(
        id__gte=id_bounds(fan_out.starts_at, now)[0],
        ip=fan_out.ip,
        opened_at__gte=fan_out.starts_at,
        opened_at__lt=fan_out.ends_at,
        verdict__in=SUSPECTS,
    ).values_list("pixel_id", flat=True)


def pixels_in_bursts(since: datetime) -> list[int]:
    first = Open._meta.pk.get_db_prep_value(id_bounds(since, since)[0], connection)
    moment = connection.ops.adapt_datetimefield_value(since)
    with connection.cursor() as cursor:
        cursor.execute(SEVERAL_ADDRESSES, [first, moment])
        return [pixel_id for (pixel_id,) in cursor.fetchall()]


def ruled_pixels(since: datetime) -> Iterator[int]:
    """Of the opens since then that a person has decided about beforehand."""
    rulings = Rulings.of_now()
    if not rulings:
        return
    recent = Open.objects.filter(
        id__gte=id_bounds(since, since)[0], opened_at__gte=since - timedelta(seconds=1)
    )
    for open_id, pixel_id, ip, agent_id in recent.values_list(
        "id", "pixel_id", "ip", "user_agent_id"
    ).iterator():
        if rulings.about(open_id, ip, agent_id) is not None:
            yield pixel_id
