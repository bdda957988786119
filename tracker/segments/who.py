"""Pixels by what came back from them: the choices of a segment as filters."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Exists, OuterRef

from tracker.models import PixelQuerySet, UniqueOpen
from tracker.segments.choice import Who
from tracker.verdicts import LEAST_HUMAN


def not_opened_by_people(pixels: PixelQuerySet) -> PixelQuerySet:
    """Delivered, and no open that is known to be a person's."""
    # Not a join: PostgreSQL knows how many are left, and reads a million in the better order.
    by_people = UniqueOpen.objects.filter(pixel=OuterRef("pk"), verdict__gte=LEAST_HUMAN)
    return pixels.delivered().filter(~Exists(by_people))


BY_WHO: dict[Who, Callable[[PixelQuerySet], PixelQuerySet]] = {
    Who.ALL: lambda pixels: pixels,
    Who.OPENED: PixelQuerySet.opened_by_people,
    Who.NOT_OPENED: not_opened_by_people,
    Who.UNOPENED: PixelQuerySet.unopened,
    Who.MACHINES: PixelQuerySet.opened_by_machines_only,
    Who.PREFETCHED: PixelQuerySet.fetched_in_advance_only,
    Who.SCANNED: PixelQuerySet.opened_by_scanners_and_bots_only,
    Who.UNCLEAR: PixelQuerySet.opened_by_nobody_knows_whom,
}
# Everybody in these has a unique open.
OPENERS = {Who.OPENED, Who.MACHINES, Who.PREFETCHED, Who.SCANNED, Who.UNCLEAR}
