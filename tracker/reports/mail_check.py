"""Hands the check of a mail what only this installation knows, and keeps word that it was made."""

from __future__ import annotations

import re

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from campaigns.models import Campaign
from tracker.end_marks import has_end_marks
from tracker.end_snippets import configured_ends, end_tokens
from tracker.list_hits import Name
from tracker.list_snippets import configured_lists
from tracker.mailcheck import Ends, Lists, MailCheck, Owner, Setting, check_mail
from tracker.mailcheck.check import headline_of
from tracker.mailcheck.look_up import addresses_of
from tracker.models import Pixel
from tracker.snippets import configured_tokens
from tracker.writer.named import spellings

# Begins the line in the campaign's history; the next steps look for it.
MADE = "Mail checked: "


def check_for(campaign: Campaign, content: bytes, *, is_looked_up: bool = False) -> MailCheck:
    """Raises UnreadableMailError. One query, and one for each pixel in the mail, ten at most."""
    lists = configured_lists()
    return check_mail(
        content,
        Setting(
            settings.PUBLIC_URL,
            campaign.pk,
            campaign.name,
            configured_tokens().read,
            owner_of,
            addresses_of if is_looked_up else None,
            Lists(lists.campaign_of, lists.name_in, recipient_of),
            Ends(end_tokens().read, configured_ends().campaign_of, has_end_marks(campaign)),
        ),
    )


def owner_of(pixel_id: int) -> Owner | None:
    pixel = Pixel.objects.select_related("campaign", "recipient").filter(pk=pixel_id).first()
    if pixel is None:
        return None
    return Owner(
        pixel.campaign_id,
        pixel.campaign.name,
        pixel.is_test,
        pixel.recipient.email if pixel.recipient else "",
    )


def recipient_of(campaign_id: int, name: Name) -> Owner | None:
    """Whom a list snippet names; found as the writer finds them."""
    pixels = Pixel.objects.select_related("recipient", "campaign").filter(campaign=campaign_id)
    if isinstance(name, int):
        found = pixels.filter(recipient=name).first()
    else:
        keys = spellings(name)
        by_key = {
            pixel.recipient.email_key: pixel
            for pixel in pixels.filter(recipient__email_key__in=keys, recipient__erased_at=None)
            if pixel.recipient
        }
        found = next((by_key[key] for key in keys if key in by_key), None)
    if found is None or found.recipient is None:
        return None
    return Owner(campaign_id, found.campaign.name, is_test=False, address=found.recipient.email)


def keep_word(campaign: Campaign, checked: MailCheck, user_id: int) -> None:
    """In the campaign's history, where its imports stand as well."""
    LogEntry.objects.log_actions(
        user_id, [campaign], CHANGE, f"{MADE}{checked.headline}.", single_object=True
    )


def last_word(campaign: Campaign) -> str | None:
    """What the last check said; one query. None if none was made, or on the command line."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Campaign),
        object_id=str(campaign.pk),
        change_message__startswith=MADE,
    )
    message = entries.order_by("-pk").values_list("change_message", flat=True).first()
    return None if message is None else _as_sentence(message.removeprefix(MADE).removesuffix("."))


def _as_sentence(headline: str) -> str:
    """The history keeps English; a page says it in its reader's language."""
    number = re.search(r"\bone\b|\d+", headline, re.IGNORECASE)
    count = 0 if number is None else int(number[0]) if number[0].isdecimal() else 1
    for faults, warnings in ((count, 0), (0, count)):
        sentence = headline_of(faults, warnings)
        if headline == sentence:
            return sentence
    return headline
