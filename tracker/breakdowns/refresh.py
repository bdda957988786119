"""Stored breakdowns kept up with the counts by the schedule inside `serve`, and read by pages."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from time import monotonic

from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from campaigns.models import Campaign
from tracker.breakdowns.adding_up import breakdowns_of
from tracker.breakdowns.by_attribute import Attribute, attributes_of
from tracker.end_marks import end_marks_of
from tracker.models import Breakdown, Breakdowns, CampaignCounts, EndMarks

logger = logging.getLogger("tracker.breakdowns")

# The schedule adds up one campaign no more often than this, and the longer it took, the later
# again: never more than a twentieth of the time for one campaign.
EVERY = timedelta(minutes=1)
REST = 20.0
# One run of the schedule begins no further campaign after so many seconds: judging comes first.
BUDGET = 5.0
MOST_AT_ONCE = 200
# Up to so many recipients, whoever opens the page after an open waits for the latest sums.
SMALL = 5_000


def up_to_date(
    campaign: Campaign, counts: CampaignCounts
) -> tuple[datetime | None, bool, list[Breakdown]]:
    """For a page, which never writes: when the lines were added up, whether they have seen these
    counts, and the lines. No moment while a large campaign waits for its first time.

    One query where the stored ones serve, two where a small campaign's counts changed since; one
    more each unless ``breakdowns`` and ``end_marks`` were selected along.
    """
    stored = stored_of(campaign)
    is_fresh = stored is not None and stored.has_seen(counts, end_marks_of(campaign))
    if counts.recipients <= SMALL and not is_fresh:
        return timezone.now(), True, breakdowns_of(campaign)
    if stored is None:
        return None, False, []
    return stored.computed_at, is_fresh, list(Breakdown.objects.filter(campaign=campaign))


def attributes_up_to_date(campaign: Campaign, counts: CampaignCounts) -> list[Attribute]:
    """The same of attributes: no query where the stored ones serve, one where a small campaign's
    counts changed since. ``breakdowns`` and ``end_marks`` are selected along."""
    stored = stored_of(campaign)
    is_fresh = stored is not None and stored.has_seen(counts, end_marks_of(campaign))
    if stored is not None and stored.attributes is not None and is_fresh:
        return list(stored.attributes)
    if counts.recipients <= SMALL:
        return attributes_of(campaign)
    return list(stored.attributes or ()) if stored else []


def stored_of(campaign: Campaign) -> Breakdowns | None:
    try:
        return campaign.breakdowns
    except Breakdowns.DoesNotExist:
        return None


def refresh_due(*, budget: float = BUDGET) -> int:
    """Add up the campaigns whose counts changed, those that waited longest first; how many."""
    until = monotonic() + budget
    done = 0
    # A list: SQLite lets nobody write who is still reading.
    for campaign in list(due(timezone.now())[:MOST_AT_ONCE]):
        if monotonic() > until:
            break
        try:
            refresh(campaign)
        except Exception as error:
            # One campaign must not keep the others from their turn.
            logger.warning("breakdowns of campaign %d were not added up: %s", campaign.pk, error)
        done += 1
    return done


def due(now: datetime) -> QuerySet[Campaign]:
    changed = Q(breakdowns=None) | Q(breakdowns__attributes__isnull=True)
    for name in Breakdowns.SEEN:
        changed |= ~Q(**{f"breakdowns__{name}": F(f"counts__{name}")})
    changed |= ~Q(breakdowns__end_changes=Coalesce("end_marks__changes", Value(0)))
    return (
        Campaign.objects.filter(changed, counts__recipients__gt=0)
        .filter(Q(breakdowns=None) | Q(breakdowns__next_at__lte=now))
        .select_related("counts")
        .order_by(F("breakdowns__computed_at").asc(nulls_first=True), "-pk")
    )


def refresh(campaign: Campaign) -> tuple[Breakdowns, list[Breakdown]]:
    """Add up and store. What comes while it runs is seen by the next one: the counts are read
    before the opens, so that what is stored never looks newer than it is."""
    computed_at, started = timezone.now(), monotonic()
    counts = CampaignCounts.objects.get(campaign=campaign)
    end_marks = EndMarks.objects.filter(campaign=campaign).first()
    rows = breakdowns_of(campaign)
    attributes = attributes_of(campaign)
    took = monotonic() - started
    stored = Breakdowns(
        campaign=campaign,
        computed_at=computed_at,
        took=took,
        attributes=attributes,
        end_changes=end_marks.changes if end_marks else 0,
        next_at=timezone.now() + max(EVERY, REST * timedelta(seconds=took)),
        **{name: getattr(counts, name) for name in Breakdowns.SEEN},
    )
    store(stored, rows)
    return stored, rows


def store(stored: Breakdowns, rows: list[Breakdown]) -> None:
    """In place of the campaign's rows, unless another process was later than this one."""
    with transaction.atomic():
        # Whoever holds the counts' row would keep hits waiting; this one only breakdowns use.
        Breakdowns.objects.bulk_create([stored], ignore_conflicts=True)
        before = Breakdowns.objects.select_for_update().get(campaign=stored.campaign_id)
        if before.computed_at > stored.computed_at:
            return
        stored.save(force_update=True)
        Breakdown.objects.filter(campaign=stored.campaign_id).delete()
        Breakdown.objects.bulk_create(rows)
