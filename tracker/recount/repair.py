"""Counts set to what the opens say, while hits go on being recorded."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet

from campaigns.models import Campaign
from tracker.models import (
    CampaignCounts,
    Horizon,
    Open,
    Pixel,
    PixelTracking,
    QuarterHourCounts,
    RemovedOpens,
    UniqueOpen,
)
from tracker.quarters import quarter_of
from tracker.recount.verify import VERDICT_COUNTS, Verification
from tracker.verdicts import LEAST_HUMAN, Verdict

# As tracker.recount.verify has it in SQL: recipients that are off, and what is left of their opens.
DELIVERED_TO = Q(sent_at__isnull=False, bounced_at__isnull=True)
UNTRACKED = DELIVERED_TO & Q(tracking=PixelTracking.OFF)
ANONYMOUS = DELIVERED_TO & Q(tracking=PixelTracking.ANONYMOUS)
SET_APART = Q(pixel__is_stand_in=True, pixel__tracking=PixelTracking.OFF)


def repair(verification: Verification) -> None:
    """Set what drifted to what the opens say, while hits go on being recorded."""
    campaign_ids = {*verification.drifted_campaigns, *verification.drifted_quarters}
    for pixel_id in verification.drifted_pixels:
        pixel = Pixel.objects.get(pk=pixel_id)
        _recount_pixel(pixel)
        campaign_ids.add(pixel.campaign_id)
    for campaign_id in sorted(campaign_ids):
        _recount_campaign(Campaign.everything.get(pk=campaign_id))


@transaction.atomic
def _recount_pixel(pixel: Pixel) -> None:
    """With its unique open locked, no hit on the pixel is between its open and its count."""
    opens = Open.objects.filter(pixel=pixel)
    # Locked before the opens are looked at: no hit comes between.
    held = UniqueOpen.objects.select_for_update().filter(pixel=pixel).first()
    last = opens.order_by("opened_at", "pk").last()
    kept_from = Horizon.now().opens_kept_from
    if held is not None and kept_from is not None and held.first_opened_at < kept_from:
        _raise_to_what_remains(held, opens, kept_from)
        return
    if last is None:
        if held is not None:
            held.delete()
        return
    UniqueOpen.objects.get_or_create(
        pixel=pixel,
        defaults={
            "campaign_id": pixel.campaign_id,
            "is_test": pixel.is_test,
            "open_count": 1,
            "first_opened_at": last.opened_at,
            "last_opened_at": last.opened_at,
            "verdict": last.verdict,
            "last_user_agent_id": last.user_agent_id,
            "last_ip": last.ip,
        },
    )
    stored = UniqueOpen.objects.select_for_update().get(pixel=pixel)
    recount = _state_of(opens)
    for name, value in recount.items():
        setattr(stored, name, value)
    stored.save(update_fields=list(recount))


def _state_of(opens: QuerySet[Open]) -> dict[str, Any]:
    return opens.aggregate(
        open_count=Count("pk"),
        human_open_count=Count("pk", filter=Q(verdict__gte=LEAST_HUMAN)),
        first_opened_at=Min("opened_at"),
        last_opened_at=Max("opened_at"),
        first_human_opened_at=Min("opened_at", filter=Q(verdict__gte=LEAST_HUMAN)),
        verdict=Max("verdict"),
    )


def _raise_to_what_remains(stored: UniqueOpen, opens: QuerySet[Open], kept_from: datetime) -> None:
    """Some of its opens are removed: what is left is the least that can be said."""
    left = _state_of(opens)
    if not left["open_count"]:
        return
    stored.open_count = max(stored.open_count, left["open_count"])
    stored.human_open_count = max(stored.human_open_count, left["human_open_count"])
    stored.first_opened_at = min(stored.first_opened_at, left["first_opened_at"])
    if stored.last_opened_at >= kept_from:
        stored.last_opened_at = left["last_opened_at"]
    stored.last_opened_at = max(stored.last_opened_at, left["last_opened_at"])
    stored.verdict = max(stored.verdict, left["verdict"])
    moments = (stored.first_human_opened_at, left["first_human_opened_at"])
    stored.first_human_opened_at = min(filter(None, moments), default=None)
    stored.save()


@transaction.atomic
def _recount_campaign(campaign: Campaign) -> None:
    """With the counts row locked, no writer is between its opens and its counts here."""
    CampaignCounts.objects.get_or_create(campaign=campaign)
    counts = CampaignCounts.objects.select_for_update().get(campaign=campaign)
    all_pixels = Pixel.objects.of_recipients().filter(campaign=campaign)
    recount = all_pixels.aggregate(
        recipients=Count("pk"),
        sent=Count("sent_at"),
        bounces=Count("bounced_at"),
        untracked=Count("pk", filter=UNTRACKED),
        anonymous=Count("pk", filter=ANONYMOUS),
    )
    for name, value in recount.items():
        setattr(counts, name, value)
    opens = Open.objects.filter(pixel__campaign=campaign, pixel__is_test=False)
    stored = UniqueOpen.objects.filter(campaign=campaign, is_test=False)
    verdicts = opens.aggregate(
        **{name: Count("pk", filter=Q(verdict=one.number)) for name, one in VERDICT_COUNTS.items()}
    )
    unique = stored.aggregate(
        unique_opens=Count("pk"),
        unique_untracked_opens=Count("pk", filter=SET_APART),
        last_opened_at=Max("last_opened_at"),
        unique_human_opens=Count("pk", filter=Q(verdict__gte=LEAST_HUMAN) & ~SET_APART),
        unique_unknown_opens=Count("pk", filter=Q(verdict=Verdict.UNKNOWN.number) & ~SET_APART),
        unique_prefetch_opens=Count(
            "pk", filter=Q(verdict=Verdict.PRIVACY_PREFETCH.number) & ~SET_APART
        ),
    )
    removed = RemovedOpens.objects.filter(campaign=campaign).values(*VERDICT_COUNTS).first() or {}
    verdicts = {name: count + removed.get(name, 0) for name, count in verdicts.items()}
    for name, value in (verdicts | unique).items():
        setattr(counts, name, value)
    counts.opens = sum(verdicts.values())
    counts.save()
    _recount_quarters(campaign, opens, stored)


def _recount_quarters(
    campaign: Campaign, opens: QuerySet[Open], stored: QuerySet[UniqueOpen]
) -> None:
    """Of quarters whose opens are removed, only what the unique opens say."""
    quarters = _quarters(opens, stored)
    before = QuarterHourCounts.objects.filter(campaign=campaign)
    kept_from = Horizon.now().opens_kept_from
    if kept_from is not None:
        for old in before.filter(starts_at__lt=kept_from):
            quarters[old.starts_at]["opens"] = old.opens
            quarters[old.starts_at]["human_opens"] = old.human_opens
    before.delete()
    QuarterHourCounts.objects.bulk_create(
        QuarterHourCounts(campaign=campaign, starts_at=starts_at, **quarter)
        for starts_at, quarter in quarters.items()
    )


def _quarters(opens: QuerySet[Open], stored: QuerySet[UniqueOpen]) -> dict[datetime, Counter[str]]:
    quarters: dict[datetime, Counter[str]] = defaultdict(Counter)
    for opened_at, verdict in opens.values_list("opened_at", "verdict").iterator():
        quarter = quarters[quarter_of(opened_at)]
        quarter["opens"] += 1
        quarter["human_opens"] += verdict >= LEAST_HUMAN
    for first in stored.values_list("first_opened_at", flat=True).iterator():
        quarters[quarter_of(first)]["unique_opens"] += 1
    counted = stored.filter(~SET_APART, first_human_opened_at__isnull=False)
    for first_human in counted.values_list("first_human_opened_at", flat=True).iterator():
        assert first_human is not None, "the filter leaves those out"
        quarters[quarter_of(first_human)]["unique_human_opens"] += 1
    return quarters
