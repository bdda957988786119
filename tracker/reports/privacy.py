"""What is kept about one recipient, in the words of their own page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.imports.corrections import mistyped_of
from campaigns.models import Consent, Recipient, SuppressedAddress
from tracker.clients import client_name
from tracker.consent.policy import effective
from tracker.models import Open, Pixel, PixelTracking
from tracker.reports.totals import totals_of
from tracker.reports.unlisted import LEAST_ANONYMOUS

MOST_CAMPAIGNS = 100
MOST_OPENS = 50


@dataclass(frozen=True, slots=True)
class Received:
    """One campaign that they were written to in; opens are none where nobody may know.

    ``is_derivable``: so few are anonymous there that the sender could work it out all the same.
    """

    subject: str
    opens: int | None
    is_derivable: bool


@dataclass(frozen=True, slots=True)
class KeptOpen:
    """One open that is linked to them, with the evidence that is left of it."""

    subject: str
    opened_at: datetime
    address: str | None
    client: str
    agent: str


@dataclass(frozen=True, slots=True)
class Kept:
    """``tracking`` is what counts in general; single campaigns may have rules of their own."""

    tracking: str
    consent: Consent | None
    received: list[Received]
    is_more: bool
    opens: list[KeptOpen]
    are_more_opens: bool
    attributes: list[tuple[str, object]]
    # Addresses under which lists have had them, before somebody corrected these.
    mistyped: list[str]
    suppressed_since: datetime | None

    @property
    def is_derivable(self) -> bool:
        return any(one.is_derivable for one in self.received)


def kept_about(recipient: Recipient) -> Kept:
    """Five queries."""
    newest = recipient.consents.order_by("-at", "-pk").first()
    pixels = (
        Pixel.objects.filter(recipient=recipient)
        .exclude(sent_at=None)
        .select_related("campaign__counts", "unique_open")
        .order_by("-campaign")[: MOST_CAMPAIGNS + 1]
    )
    received = [
        Received(_subject(pixel), pixel.open_count, _is_derivable(pixel)) for pixel in pixels
    ]
    opens = _opens(recipient)
    is_erased = recipient.erased_at is not None
    suppressed = SuppressedAddress.objects.filter(email_key=recipient.email_key).first()
    return Kept(
        tracking=effective(recipient.tracking, "", is_erased=is_erased).name.lower(),
        consent=newest,
        received=received[:MOST_CAMPAIGNS],
        is_more=len(received) > MOST_CAMPAIGNS,
        opens=opens[:MOST_OPENS],
        are_more_opens=len(opens) > MOST_OPENS,
        attributes=sorted(recipient.attributes.items()),
        mistyped=sorted(mistyped_of(recipient.pk)),
        suppressed_since=suppressed.created_at if suppressed else None,
    )


def _opens(recipient: Recipient) -> list[KeptOpen]:
    """The newest of those that are linked to them."""
    opens = (
        Open.objects.filter(pixel__recipient=recipient, pixel__is_test=False)
        .select_related("user_agent", "pixel__campaign")
        .order_by("-opened_at", "-pk")[: MOST_OPENS + 1]
    )
    found = []
    for one in opens:
        agent = one.user_agent.text if one.user_agent else ""
        client = client_name(agent) if agent else ""
        found.append(KeptOpen(_subject(one.pixel), one.opened_at, one.ip, client, agent))
    return found


def _subject(pixel: Pixel) -> str:
    return pixel.campaign.subject or pixel.campaign.name


def _is_derivable(pixel: Pixel) -> bool:
    counts = totals_of(pixel.campaign)
    return pixel.tracking == PixelTracking.ANONYMOUS and counts.anonymous < LEAST_ANONYMOUS
