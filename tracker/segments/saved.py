"""Who is in a saved segment: recipients, found anew each time."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_

from django.db.models import Exists, OuterRef, QuerySet

from campaigns.models import Recipient, RecipientQuerySet
from tracker.models import Pixel, Segment
from tracker.segments.choice import ImpossibleChoiceError
from tracker.segments.conditions import conditions_of, filter_of
from tracker.sentences import said

# More are offered nowhere to choose from.
MOST_OFFERED = 200


def saved_segment(segment_id: int) -> Segment:
    try:
        return Segment.objects.select_related("campaign").get(pk=segment_id)
    except Segment.DoesNotExist:
        raise ImpossibleChoiceError(said("This saved segment was deleted.")) from None


def segments_offered() -> QuerySet[Segment]:
    return Segment.objects.all()[:MOST_OFFERED]


def recipients_of(segment: Segment) -> RecipientQuerySet:
    """In no order, without who was erased. A segment without conditions is everybody."""
    recipients = Recipient.objects.filter(erased_at=None).order_by()
    if segment.campaign_id is not None:
        of_campaign = Pixel.objects.filter(campaign=segment.campaign_id, recipient=OuterRef("pk"))
        recipients = recipients.filter(Exists(of_campaign))
    filters = [filter_of(condition) for condition in conditions_of(segment.conditions)]
    if filters:
        is_any = segment.joined_by == Segment.JoinedBy.ANY
        recipients = recipients.filter(reduce(or_ if is_any else and_, filters))
    return recipients
