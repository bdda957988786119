"""A new campaign for everybody in a saved segment, whatever campaigns they were in."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from campaigns.audit import Action, kind_of, record
from campaigns.models import AuditEntry, Campaign
from tracker.models import Segment
from tracker.pixels import add_pixels_for, ensure_test_pixel
from tracker.segments.resend import NobodyLeftError, Resend
from tracker.segments.saved import recipients_of

# A form that is sent twice is known again among so many.
ENTRIES_READ = 100


@transaction.atomic
def start_once(
    segment: Segment, new: Campaign, *, by: AbstractBaseUser | AnonymousUser, form_id: str
) -> Resend:
    """Save it with these recipients; a form that is sent twice, even at once, makes one campaign.

    Who must not be written to is left out.
    """
    # Whoever sends the same form meanwhile waits here.
    list(Segment.objects.select_for_update(no_key=True).filter(pk=segment.pk).values_list("pk"))
    if earlier := _made_by(segment, form_id):
        return Resend(earlier, earlier.counts.recipients, is_new=False)
    new.save()
    ensure_test_pixel(new)
    recipients = add_pixels_for(new, recipients_of(segment))
    if not recipients:
        raise NobodyLeftError(0)
    record(Action.CAMPAIGN_CREATED, new, by, segment=segment.pk, recipients=recipients)
    record(Action.SEGMENT_USED, segment, by, campaign=new.pk, form=form_id)
    return Resend(new, recipients)


def _made_by(segment: Segment, form_id: str) -> Campaign | None:
    entries = AuditEntry.objects.about(kind_of(segment), segment.pk)
    for entry in entries.filter(action=Action.SEGMENT_USED).order_by("-pk")[:ENTRIES_READ]:
        if entry.details.get("form") == form_id:
            return Campaign.objects.select_related("counts").get(pk=entry.details["campaign"])
    return None
