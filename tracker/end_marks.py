"""Whether a campaign's mails carry an end mark beside the pixel: chosen before they go out."""

from __future__ import annotations

from django.db import transaction

from campaigns.models import Campaign
from tracker.models import CampaignCounts, EndLoad, EndMarks


class AlreadySentError(Exception):
    """The mail is out: part of it would have an end mark and part of it none."""


@transaction.atomic
def switch_end_marks(campaign: Campaign, *, is_on: bool) -> bool:
    """Whether anything changed; raises AlreadySentError once a recipient is marked as sent."""
    # Whoever marks as sent holds this row too.
    CampaignCounts.objects.get_or_create(campaign=campaign)
    counts = CampaignCounts.objects.select_for_update().get(campaign=campaign)
    if has_end_marks(campaign) == is_on:
        return False
    if counts.sent or campaign.sent_at is not None:
        raise AlreadySentError(AlreadySentError.__doc__)
    if is_on:
        EndMarks.objects.create(campaign=campaign)
    else:
        # What a test has left; nothing else can have come.
        EndLoad.objects.filter(pixel__campaign=campaign).delete()
        EndMarks.objects.filter(campaign=campaign).delete()
    return True


def has_end_marks(campaign: Campaign) -> bool:
    return EndMarks.objects.filter(campaign=campaign).exists()


def end_marks_of(campaign: Campaign) -> EndMarks | None:
    """None where the campaign has none. No query where ``end_marks`` was selected along."""
    try:
        return campaign.end_marks
    except EndMarks.DoesNotExist:
        return None
