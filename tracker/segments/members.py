"""The recipients of a segment, as pixels of its campaign, found by unique opens alone."""

from __future__ import annotations

from dataclasses import replace

from campaigns.models import Campaign, Recipient
from tracker.models import CampaignCounts, Pixel, PixelQuerySet
from tracker.segments.choice import Choice, Who
from tracker.segments.saved import recipients_of, saved_segment
from tracker.segments.who import BY_WHO, OPENERS

EVERYBODY = Choice(Who.ALL)


def members(campaign: Campaign, choice: Choice) -> PixelQuerySet:
    """In no order. Of recipients whose opens are not linked to them nothing is known, so they are
    in no segment but that of all, and in saved ones that ask for no opens."""
    pixels = Pixel.objects.of_recipients().filter(campaign=campaign)
    if choice.segment:
        pixels = pixels.filter(recipient__in=recipients_of(saved_segment(choice.segment)))
    if replace(choice, segment=None) != EVERYBODY:
        pixels = pixels.linked()
    pixels = BY_WHO[choice.who](pixels)
    is_about_opens = choice.at_least or choice.opened_from or choice.opened_before
    if choice.who in OPENERS or is_about_opens:
        # The campaign twice, so that the database can walk the index of openers.
        pixels = pixels.filter(unique_open__campaign=campaign)
    if choice.at_least:
        pixels = pixels.filter(unique_open__human_open_count__gte=choice.at_least)
    pixels = _by_first_open(pixels, choice)
    if choice.words:
        pixels = pixels.filter(recipient__in=Recipient.objects.matching(choice.words))
    return pixels


def _by_first_open(pixels: PixelQuerySet, choice: Choice) -> PixelQuerySet:
    """Of people, the first open by a person: a scanner may have come before."""
    column = "first_opened_at"
    if choice.who is Who.OPENED:
        column = "first_human_opened_at"
        if choice.opened_before:
            # Implied by the condition below; this one an index can use.
            pixels = pixels.filter(unique_open__first_opened_at__lt=choice.opened_before)
    if choice.opened_from:
        pixels = pixels.filter(**{f"unique_open__{column}__gte": choice.opened_from})
    if choice.opened_before:
        pixels = pixels.filter(**{f"unique_open__{column}__lt": choice.opened_before})
    return pixels


def count_members(campaign: Campaign, choice: Choice, totals: CampaignCounts) -> int:
    """Exact; of a million within half a second."""
    return totals.recipients if choice == EVERYBODY else members(campaign, choice).count()
