"""What counts for a pixel: the recipient's choice, else the campaign's, else the installation's.

Whoever was erased is never identified again: what is not off is anonymous. And off in a campaign
that went out without them: they are in no rate's denominator, so their opens are in no numerator.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from campaigns.models import Recipient
from tracker.models import PixelTracking


def effective(
    of_recipient: str, of_campaign: str, *, is_erased: bool = False, is_passed_over: bool = False
) -> PixelTracking:
    """``is_passed_over``: the campaign is marked as sent, and this pixel is not."""
    if is_erased and is_passed_over:
        return PixelTracking.OFF
    chosen = PixelTracking[(of_recipient or of_campaign or settings.TRACKING_DEFAULT).upper()]
    return max(chosen, PixelTracking.ANONYMOUS) if is_erased else chosen


@dataclass(frozen=True, slots=True)
class Said:
    """What a recipient's own row says; empty: nothing."""

    tracking: str = ""
    is_erased: bool = False

    def in_campaign(self, of_campaign: str) -> PixelTracking:
        return effective(self.tracking, of_campaign, is_erased=self.is_erased)


def said_by_recipients(recipient_ids: Iterable[int]) -> dict[int, Said]:
    """Of each, which nobody changes until the transaction ends."""
    recipients = Recipient.objects.select_for_update(no_key=True)
    some = recipients.filter(pk__in=list(recipient_ids)).order_by("pk")
    return {
        pk: Said(tracking, erased_at is not None)
        for pk, tracking, erased_at in some.values_list("pk", "tracking", "erased_at")
    }
