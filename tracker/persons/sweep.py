"""Whatever an erasure may have missed is made good: a chore of the schedule.

Another request may have read the recipient a moment before they were erased, and whoever was erased
by a version that left pixels identified has pixels that are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from campaigns.models import Recipient, Tombstone
from campaigns.remains import clear_remains
from tracker.consent.policy import said_by_recipients
from tracker.judging.fan_outs import id_bounds
from tracker.models import Open, Pixel, PixelQuerySet, PixelTracking
from tracker.persons.erasure import CHANGED
from tracker.persons.evidence import make_anonymous, portions, stop_linking
from tracker.persons.stub import emptied
from tracker.persons.waiting import spool_here

logger = logging.getLogger("tracker.persons")

# Whatever hits were brought late, by whomever: everything is looked at that often.
EVERYTHING_EVERY = timedelta(hours=1)
# Whoever still read the old rows when somebody was erased has ended by then.
LATELY = timedelta(hours=3)


class Sweep:
    """Remembers until when opens were looked at; the first run looks at all."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._complete_at: datetime | None = None

    def sweep(self) -> int:
        """Returns how many opens lost their evidence."""
        if not Recipient.objects.erased().exists():
            return 0
        settle_stragglers()
        now = timezone.now()
        since, complete_at = self._since, self._complete_at
        if since is None or complete_at is None or complete_at < now - EVERYTHING_EVERY:
            changed = sweep_all()
            clear_remains(CHANGED if _was_somebody_erased(now - LATELY) else ())
            self._complete_at = now
        else:
            changed = stop_linking(_lately_opened(since))
        forget_set_aside()
        self._since = now
        if changed:
            logger.info("%d opens of erased people lost address and user agent", changed)
        return changed


def sweep_all() -> int:
    """Every erased person's opens, and what somebody may have written into their rows since."""
    settle_stragglers()
    changed = sum(stop_linking(some) for some in portions(_erased_pixels()))
    filled = Recipient.objects.erased().exclude(**emptied())
    for pk in list(filled.values_list("pk", flat=True)):
        Recipient.objects.erased().filter(pk=pk).update(**emptied())
    return changed


def settle_stragglers() -> int:
    """No erased person's pixel is identified, nor in a rate without having been sent to; how many
    were."""
    late = _of_erased().filter(tracking=PixelTracking.IDENTIFIED) | _of_erased().passed_over()
    pixels = list(late.order_by("pk").values_list("pk", "recipient"))
    for some in portions(pixels):
        with transaction.atomic():
            said_by_recipients({recipient for _, recipient in some})
            make_anonymous([pixel for pixel, _ in some])
    return len(pixels)


def forget_set_aside() -> int:
    """Hits that the database refused lie in a file of each machine."""
    spool = spool_here()
    pixels = {hit.pixel_id for hit in spool.refused()}
    if not pixels:
        return 0
    erased: set[int] = set()
    for some in portions(sorted(pixels)):
        found = _of_erased().filter(pk__in=[pixel for pixel in some if abs(pixel) < 2**63])
        erased.update(found.values_list("pk", flat=True))
    return spool.forget_refused(erased) if erased else 0


def _was_somebody_erased(since: datetime) -> bool:
    return Tombstone.objects.filter(erased_at__gte=since).exists()


def _of_erased() -> PixelQuerySet:
    return Pixel.objects.filter(recipient__erased_at__isnull=False)


def _erased_pixels() -> Iterator[int]:
    return _of_erased().order_by("pk").values_list("pk", flat=True).iterator()


def _lately_opened(since: datetime) -> list[int]:
    first, _ = id_bounds(since, since)
    recent = Open.objects.filter(pk__gte=first, pixel__recipient__erased_at__isnull=False)
    with_evidence = recent.exclude(ip=None, user_agent=None)
    return list(with_evidence.values_list("pixel", flat=True).distinct())
