"""Opens leave their recipient: they become the stand-in's, without address and agent."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import Error, transaction
from django.utils import timezone

from tracker.consent.in_flight import wait_for_writers
from tracker.consent.sums import Sums
from tracker.models import (
    EndLoad,
    Horizon,
    Open,
    PendingMove,
    Pixel,
    PixelTracking,
    UniqueOpen,
)
from tracker.stand_ins import configured_stand_ins
from tracker.verdicts import Verdict

logger = logging.getLogger("tracker.consent")

# Marks a row that is there to be locked only; no verdict has this number.
MADE_HERE = 32_767

STEP = 500
# What nobody has finished by then (a crash, a writer that hangs) the schedule does.
LATE = timedelta(seconds=30)


def finish(pixel_ids: Sequence[int]) -> None:
    """After the choice was committed. What cannot be done now is done by the schedule."""
    try:
        if wait_for_writers():
            move(pixel_ids)
            return
        logger.warning(
            "a group of hits takes long to be written: the opens of %d pixels leave their "
            "recipients later",
            len(pixel_ids),
        )
    except Error as error:
        # The choice is committed: whoever made it is not told that it failed.
        logger.warning("opens of %d pixels leave later: %s", len(pixel_ids), error)


def make_up() -> int:
    """Moves that were promised and not made; how many pixels they were about."""
    late = PendingMove.objects.filter(since__lt=timezone.now() - LATE).order_by("pk")
    pixel_ids = list(late.values_list("pk", flat=True)[: 10 * STEP])
    if pixel_ids and wait_for_writers():
        for start in range(0, len(pixel_ids), STEP):
            move(pixel_ids[start : start + STEP])
    return len(pixel_ids)


@transaction.atomic
def move(pixel_ids: Sequence[int]) -> None:
    """What was recorded of these pixels, if they are not identified, becomes their stand-ins'.

    No writer may still be at it with what the pixels allowed before.
    """
    # Nobody judges or removes opens meanwhile.
    Horizon.held()
    own = {pixel_id: configured_stand_ins().of(pixel_id) for pixel_id in pixel_ids}
    _add_stand_ins(own)
    pixels = lock_pixels([*own, *own.values()])
    leaving = [one for one in pixel_ids if one in pixels and pixels[one].tracking]
    _remove_end_loads(leaving)
    uniques = _lock_unique_opens([pixels[own[one]] for one in leaving if own[one] in pixels])
    left = UniqueOpen.objects.select_for_update().filter(pk__in=leaving).order_by("pk")
    uniques |= {unique.pk: unique for unique in left}
    apart = PendingMove.objects.filter(pk__in=leaving, is_kept_apart=True)
    kept_apart = set(apart.values_list("pk", flat=True))
    sums = Sums()
    for pixel_id in leaving:
        stand_in = pixels.get(own[pixel_id])
        is_off = pixels[pixel_id].tracking == PixelTracking.OFF
        if pixel_id in kept_apart and not is_off:
            _strip(pixel_id)
        elif stand_in is not None:
            assert stand_in.campaign_id == pixels[pixel_id].campaign_id, "two stand-ins are one"
            _move_one(stand_in, uniques.get(pixel_id), uniques.get(stand_in.pk), is_off, sums)
    sums.apply()
    PendingMove.objects.filter(pk__in=pixel_ids).delete()


def _remove_end_loads(pixel_ids: Sequence[int]) -> None:
    """They are counted of nobody but those whose opens are their own. Locked as writers do."""
    left = EndLoad.objects.select_for_update().filter(pk__in=pixel_ids).order_by("pk")
    EndLoad.objects.filter(pk__in=list(left.values_list("pk", flat=True))).delete()


def _strip(pixel_id: int) -> None:
    """What was recorded stays where it is, and says of nobody who they were."""
    Open.objects.filter(pixel=pixel_id).update(ip=None, user_agent=None)
    UniqueOpen.objects.filter(pk=pixel_id).update(last_ip=None, last_user_agent=None)


def lock_pixels(pixel_ids: Iterable[int]) -> dict[int, Pixel]:
    """Those of them that there are."""
    pixels = Pixel.objects.select_for_update(no_key=True).filter(pk__in=list(pixel_ids))
    return {pixel.pk: pixel for pixel in pixels.order_by("pk")}


def _add_stand_ins(own: dict[int, int]) -> None:
    """For those that have opens to leave behind; in the order of their ids, as writers do."""
    opened = Pixel.objects.filter(pk__in=own, tracking__gt=0, unique_open__isnull=False)
    rows = [
        Pixel(pk=own[pixel_id], campaign_id=campaign_id, is_stand_in=True)
        for pixel_id, campaign_id in opened.values_list("pk", "campaign")
    ]
    Pixel.objects.bulk_create(sorted(rows, key=lambda row: row.pk), ignore_conflicts=True)


def _lock_unique_opens(stand_ins: Sequence[Pixel]) -> dict[int, UniqueOpen]:
    """Of stand-ins; a hit that comes now waits until we are through, also the first one.

    So a row is made where there is none, in one pass in the order of the ids: locking some and
    making others would be a second order.
    """
    now = timezone.now()
    rows = [
        UniqueOpen(
            pixel=one,
            campaign_id=one.campaign_id,
            is_test=False,
            open_count=1,
            first_opened_at=now,
            last_opened_at=now,
            verdict=Verdict.UNKNOWN.number,
            previous_verdict=MADE_HERE,
        )
        for one in sorted(stand_ins, key=lambda one: one.pk)
    ]
    UniqueOpen.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["pixel"], update_fields=["campaign"]
    )
    found = {one.pk: one for one in UniqueOpen.objects.filter(pk__in=[row.pk for row in rows])}
    made = [pixel_id for pixel_id, one in found.items() if one.previous_verdict == MADE_HERE]
    UniqueOpen.objects.filter(pk__in=made).delete()
    return {pixel_id: one for pixel_id, one in found.items() if pixel_id not in made}


def _move_one(
    stand_in: Pixel,
    left: UniqueOpen | None,
    held: UniqueOpen | None,
    is_off: bool,
    sums: Sums,
) -> None:
    """``left`` is what was recorded of the recipient, ``held`` what the stand-in has already."""
    was_off = stand_in.tracking == PixelTracking.OFF
    if left is not None:
        sums.take(left, is_set_apart=False)
    if held is not None:
        sums.take(held, is_set_apart=was_off)
    if is_off != was_off:
        tracking = PixelTracking.OFF if is_off else PixelTracking.IDENTIFIED
        Pixel.objects.filter(pk=stand_in.pk).update(tracking=tracking)
    if left is not None:
        Open.objects.filter(pixel=left.pk).update(pixel=stand_in.pk, ip=None, user_agent=None)
        UniqueOpen.objects.filter(pk=left.pk).delete()
        held = _joined(stand_in, left, held)
        held.save()
    if held is not None:
        sums.add(held, is_set_apart=is_off)


def _joined(stand_in: Pixel, left: UniqueOpen, held: UniqueOpen | None) -> UniqueOpen:
    both = [left] if held is None else [left, held]
    humans = [one.first_human_opened_at for one in both]
    return UniqueOpen(
        pixel=stand_in,
        campaign_id=stand_in.campaign_id,
        is_test=False,
        open_count=sum(one.open_count for one in both),
        human_open_count=sum(one.human_open_count for one in both),
        first_opened_at=min(one.first_opened_at for one in both),
        last_opened_at=max(one.last_opened_at for one in both),
        verdict=max(one.verdict for one in both),
        first_human_opened_at=_earliest(humans),
    )


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
