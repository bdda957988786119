"""The installation's default, taken to the pixels that it counts for."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError

from campaigns.models import Campaign
from tracker.consent.choices import settle_campaign
from tracker.models import AppliedTracking


def is_default_applied() -> bool:
    try:
        applied = AppliedTracking.objects.values_list("default", flat=True).first()
    except DatabaseError:
        return True  # not migrated yet, or away: others say so
    return (applied or "identified") == settings.TRACKING_DEFAULT


def apply_default() -> int:
    """Bring every campaign that does not say to TRACKING_DEFAULT; how many pixels changed.

    Safe to repeat: whatever was left behind, this finds it.
    """
    changed = 0
    for campaign in Campaign.everything.order_by("pk").iterator():
        changed += settle_campaign(campaign)
    AppliedTracking.objects.update_or_create(pk=1, defaults={"default": settings.TRACKING_DEFAULT})
    return changed
