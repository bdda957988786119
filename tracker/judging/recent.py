"""What opened lately, judged again: bursts, fan-outs and people's rulings show only afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection

from tracker.judging.again import JudgeAgain, Outcome
from tracker.judging.bursts import NETWORKS, SUSPECTS, WITHIN
from tracker.judging.fan_outs import WINDOW, find_fan_outs, id_bounds, store
from tracker.judging.rulings import Rulings
from tracker.models import Open

PIXELS = 500

# Pixels that several addresses fetched; whether these are a burst is decided with all opens.
SEVERAL_ADDRESSES = f"""
SELECT pixel_id FROM tracker_open
WHERE id >= %s AND opened_at >= %s AND ip IS NOT NULL
    AND verdict IN ({", ".join(str(verdict) for verdict in sorted(SUSPECTS))})
GROUP BY pixel_id HAVING count(DISTINCT ip) >= {NETWORKS}
"""


def judge_recent(since: datetime, now: datetime) -> Outcome:
    """Everything recorded between these moments, with what it may complete before them."""
    found = find_fan_outs(since - WINDOW, now)
    store(found)
    pixel_ids = set(pixels_in_bursts(since - WITHIN))
    for fan_out in found:
        pixel_ids.update(
            Open.objects.filter(
                id__gte=id_bounds(fan_out.starts_at, now)[0],
                ip=fan_out.ip,
                opened_at__gte=fan_out.starts_at,
                opened_at__lt=fan_out.ends_at,
                verdict__in=SUSPECTS,
            ).values_list("pixel_id", flat=True)
        )
    pixel_ids.update(ruled_pixels(since))
    outcome = Outcome()
    judge = JudgeAgain()
    ordered = sorted(pixel_ids)
    for start in range(0, len(ordered), PIXELS):
        outcome.add(judge.pixels(ordered[start : start + PIXELS]))
    return outcome


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
