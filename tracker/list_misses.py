"""How often list snippets named nobody, kept by day and told on the campaign's pages."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import connections
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.utils import timezone

from campaigns.models import Campaign
from tracker.list_hits import Unnamed
from tracker.misses import MISSES, Kind, Misses
from tracker.models import ListMisses

logger = logging.getLogger("tracker.list_misses")

EVERY = 5.0  # seconds
SHOWN_DAYS = 7
KEPT_DAYS = 30


def keep_misses(misses: Misses = MISSES) -> int:
    """Add what this process has counted to what is stored; returns how many."""
    counts = misses.take()
    try:
        _add(counts)
    except Exception:
        misses.give_back(counts)
        raise
    return counts.total()


def _add(counts: Mapping[Kind, int]) -> None:
    if not counts:
        return
    today = timezone.now().date()
    known = set(
        Campaign.objects.filter(pk__in={campaign_id for campaign_id, _ in counts}).values_list(
            "pk", flat=True
        )
    )
    # In one order: two processes that keep theirs at once do not wait for each other in a circle.
    for (campaign_id, why), number in sorted(counts.items()):
        if campaign_id not in known:
            continue  # signed, and gone since
        row, is_new = ListMisses.objects.get_or_create(
            campaign_id=campaign_id, day=today, why=why.value, defaults={"number": number}
        )
        if not is_new:
            ListMisses.objects.filter(pk=row.pk).update(number=F("number") + number)
    ListMisses.objects.filter(day__lt=today - timedelta(days=KEPT_DAYS)).delete()


class MissKeeper:
    """A thread that keeps what its process has counted, every few seconds and at the end.

    While the database is away the counts wait in memory; a process that is killed takes its last
    seconds of them along. They are a hint, not a figure of a report.
    """

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._is_over = threading.Event()
        # A daemon: a database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="misses", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(2)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._is_over.wait(self._every)
            try:
                keep_misses()
            except Exception as error:
                logger.debug("not kept yet: %s", error)
            finally:
                connections.close_all()


@dataclass(frozen=True, slots=True)
class Missed:
    """Loads of a campaign's list snippet in the last ``days`` that count for nobody."""

    unresolved: int
    unmatched: int
    days: int = SHOWN_DAYS

    def __bool__(self) -> bool:
        return bool(self.unresolved or self.unmatched)


def with_missed(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """For ``missed_of``, in the query that reads the campaign anyway."""
    since = timezone.now().date() - timedelta(days=SHOWN_DAYS - 1)

    def lately(why: Unnamed) -> Subquery:
        rows = ListMisses.objects.filter(campaign=OuterRef("pk"), day__gte=since, why=why.value)
        return Subquery(rows.values("campaign").annotate(sum=Sum("number")).values("sum"))

    return campaigns.annotate(
        unresolved_lately=lately(Unnamed.UNRESOLVED), unmatched_lately=lately(Unnamed.UNMATCHED)
    )


def missed_of(campaign: Campaign) -> Missed:
    """Of one that was read ``with_missed``."""
    unresolved, unmatched = (
        int(getattr(campaign, f"{why.value}_lately") or 0)
        for why in (Unnamed.UNRESOLVED, Unnamed.UNMATCHED)
    )
    return Missed(unresolved, unmatched)
