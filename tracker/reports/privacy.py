"""What is kept about one recipient, in the words of their own page."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.models import Consent, Recipient
from tracker.consent.policy import effective
from tracker.models import Pixel, PixelTracking
from tracker.reports.totals import totals_of
from tracker.reports.unlisted import LEAST_ANONYMOUS

MOST_CAMPAIGNS = 100


@dataclass(frozen=True, slots=True)
class Received:
    """One campaign that they were written to in; opens are none where nobody may know.

    ``is_derivable``: so few are anonymous there that the sender could work it out all the same.
    """

    subject: str
    opens: int | None
    is_derivable: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """``tracking`` is what counts in general; single campaigns may have rules of their own."""

    tracking: str
    consent: Consent | None
    received: list[Received]
    is_more: bool

    @property
    def is_derivable(self) -> bool:
        return any(one.is_derivable for one in self.received)


def kept_about(recipient: Recipient) -> Kept:
    """Two queries."""
    newest = recipient.consents.order_by("-at", "-pk").first()
    pixels = (
        Pixel.objects.filter(recipient=recipient)
        .exclude(sent_at=None)
        .select_related("campaign__counts", "unique_open")
        .order_by("-campaign")[: MOST_CAMPAIGNS + 1]
    )
    received = [
        Received(
            pixel.campaign.subject or pixel.campaign.name, pixel.open_count, _is_derivable(pixel)
        )
        for pixel in pixels
    ]
    is_erased = recipient.erased_at is not None
    tracking = effective(recipient.tracking, "", is_erased=is_erased).name.lower()
    return Kept(tracking, newest, received[:MOST_CAMPAIGNS], len(received) > MOST_CAMPAIGNS)


def _is_derivable(pixel: Pixel) -> bool:
    counts = totals_of(pixel.campaign)
    return pixel.tracking == PixelTracking.ANONYMOUS and counts.anonymous < LEAST_ANONYMOUS
