"""All of history, or one campaign's, judged again: in steps, and from where it was left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from campaigns.models import Campaign
from tracker.judging.again import JudgeAgain
from tracker.judging.changes import Outcome
from tracker.judging.fan_outs import find_fan_outs, store
from tracker.judging.process import stamp_of
from tracker.models import FanOut, QuarterHourCounts, Rejudging, Ruling, UniqueOpen
from tracker.quarters import QUARTER
from tracker.verdicts import RULES_VERSION

# One step, and so one transaction: hits on its pixels wait for milliseconds, not seconds.
PIXELS = 500
OPENS = 2_000
# Of history, in one go, when fan-outs are looked for.
LOOKED_THROUGH = timedelta(hours=6)

Told = Callable[[Outcome], None]


def rejudge(
    campaign: Campaign | None = None, *, is_dry_run: bool = False, told: Told | None = None
) -> tuple[Outcome, Rejudging | None]:
    """What changed in this walk, and the walk itself; a dry run writes nothing and has none.

    Counts agree with the opens after every step. A walk that was cut short goes on where it
    stood; ``told`` hears the sum after each step.
    """
    fan_outs = fan_outs_in(campaign)
    walk = None
    if not is_dry_run:
        walk = unfinished(campaign)
        keep_fan_outs(campaign, fan_outs)
    judge = JudgeAgain(is_dry_run=is_dry_run, fan_outs=fan_outs if is_dry_run else ())
    total = Outcome()
    for pixel_ids in steps(campaign, walk.last_pixel_id if walk else 0):
        outcome = judge.pixels(pixel_ids)
        total.add(outcome)
        if walk is not None:
            walk.last_pixel_id = pixel_ids[-1]
            walk.judged += outcome.judged
            walk.changed += outcome.changed
            walk.save()
        if told is not None:
            told(total)
    if walk is not None:
        walk.finished_at = timezone.now()
        walk.save()
    return total, walk


def fan_outs_in(
    campaign: Campaign | None, looked: Callable[[], None] = lambda: None
) -> list[FanOut]:
    """``looked`` is called after every few hours of history that were looked through."""
    found: dict[tuple[str, datetime], FanOut] = {}
    for begin, end in spans(campaign):
        while begin < end:
            until = min(begin + LOOKED_THROUGH, end)
            # The windows of two such stretches overlap.
            found |= {(one.ip, one.starts_at): one for one in find_fan_outs(begin, until)}
            looked()
            begin = until
    return list(found.values())


def keep_fan_outs(campaign: Campaign | None, fan_outs: Sequence[FanOut]) -> None:
    with transaction.atomic():
        if campaign is None:
            # Found by rules that may be other ones now.
            FanOut.objects.all().delete()
        store(fan_outs)


def unfinished(campaign: Campaign | None) -> Rejudging:
    """The walk that was cut short, if nothing has changed that verdicts depend on; or a new one."""
    same = {"campaign": campaign, "rules_version": RULES_VERSION, "basis": basis()}
    walk = Rejudging.objects.filter(**same, finished_at=None).last()
    return walk or Rejudging.objects.create(**same)


def basis() -> str:
    """Another text whenever a ruling was made or taken back, or a list of networks replaced."""
    held = Ruling.objects.filter(taken_back_at=None)
    rulings = held.aggregate(last=Max("pk"), rulings=Count("pk"))
    stamp = stamp_of(Path(settings.NETWORKS_DIR))
    return sha256(repr((rulings, stamp)).encode()).hexdigest()


def opened_pixels(campaign: Campaign | None) -> QuerySet[UniqueOpen]:
    pixels = UniqueOpen.objects.order_by("pk")
    return pixels.filter(campaign=campaign) if campaign else pixels


def steps(campaign: Campaign | None, after: int) -> Iterator[list[int]]:
    """Groups of pixels in the order of their ids; one with very many opens is a step alone."""
    while some := list(
        opened_pixels(campaign).filter(pk__gt=after).values_list("pk", "open_count")[:PIXELS]
    ):
        step: list[int] = []
        opens = 0
        for pixel_id, open_count in some:
            if step and opens + open_count > OPENS:
                break
            step.append(pixel_id)
            opens += open_count
        yield step
        after = step[-1]


def spans(campaign: Campaign | None) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of time in which there were opens: whole quarters, joined where they touch."""
    quarters = QuarterHourCounts.objects.all()
    if campaign is not None:
        quarters = quarters.filter(campaign=campaign)
    begin = end = None
    starts = quarters.filter(opens__gt=0).order_by("starts_at").values_list("starts_at", flat=True)
    for start in starts.distinct().iterator():
        if end is not None and begin is not None and start > end + timedelta(minutes=10):
            yield begin, end
            begin = None
        begin = begin or start
        end = start + QUARTER
    if begin is not None and end is not None:
        yield begin, end
