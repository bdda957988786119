"""A ruling about a network or an agent reaches all earlier opens that it is about, step by step."""

from __future__ import annotations

from array import array
from ipaddress import ip_address, ip_network
from itertools import islice
from time import monotonic

from django.db import connection
from django.utils import timezone

from tracker.judging.again import JudgeAgain
from tracker.judging.changes import Outcome
from tracker.models import Open, Ruling

PIXELS = 500

IN_NETWORK = "SELECT DISTINCT pixel_id FROM tracker_open WHERE ip <<= %s::inet ORDER BY pixel_id"


def spread_rulings(*, within: float = 20.0) -> Outcome:
    """Judge again what rulings are about that were made or taken back and have not spread yet.

    Stops after ``within`` seconds, and goes on with the next run: a ruling has spread when a run
    was through with it, and judging an open twice changes nothing.
    """
    until = monotonic() + within
    outcome = Outcome()
    for ruling in Ruling.objects.filter(spread_at=None).order_by("pk"):
        pixels = iter(pixels_about(ruling))
        judge = JudgeAgain()
        while some := list(islice(pixels, PIXELS)):
            outcome.add(judge.pixels(some))
            if monotonic() > until and (rest := next(pixels, None)) is not None:
                _go_on_after(ruling, rest)
                return outcome
        _has_spread(ruling)
    return outcome


def pixels_about(ruling: Ruling) -> array[int]:
    """Ids of the pixels with an open that it is about, in order; no index helps, all are read."""
    after = ruling.spread_to
    if ruling.user_agent_id is not None:
        opens = Open.objects.filter(user_agent=ruling.user_agent_id, pixel__gte=after)
        return array("q", opens.order_by("pixel").values_list("pixel", flat=True).distinct())
    if ruling.open_id is not None:
        opens = Open.objects.filter(pk=ruling.open_id)
        return array("q", opens.values_list("pixel", flat=True))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(IN_NETWORK, [ruling.network])
            return array("q", (pixel for (pixel,) in cursor.fetchall() if pixel >= after))
    network = ip_network(ruling.network)
    found = Open.objects.filter(pixel__gte=after).exclude(ip=None).order_by("pixel")
    rows = found.values_list("pixel", "ip").distinct().iterator()
    pixels = {pixel for pixel, ip in rows if ip_address(ip or "") in network}
    return array("q", sorted(pixels))


def _go_on_after(ruling: Ruling, pixel_id: int) -> None:
    Ruling.objects.filter(pk=ruling.pk).update(spread_to=pixel_id)


def _has_spread(ruling: Ruling) -> None:
    same = Ruling.objects.filter(pk=ruling.pk, taken_back_at=ruling.taken_back_at)
    if ruling.taken_back_at is not None:
        same.delete()
    else:
        # Not if it was taken back meanwhile.
        same.update(spread_at=timezone.now(), spread_to=0)
