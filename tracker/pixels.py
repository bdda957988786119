"""Pixels before any hit: one per campaign and recipient, marked sent and bounced by us.

Each function changes pixels and the campaign's counts in the same transactions, and keeps the
writer's order of locks where it touches pixels that hits may change at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import BinaryIO

from django.db import connection, transaction
from django.db.models import F, QuerySet

from campaigns import imports
from campaigns.models import Campaign, email_key
from tracker.models import CampaignCounts, Pixel

# Rows locked at a time: short enough that a hit on one of them waits for milliseconds.
GROUP_PIXELS = 2_000


@dataclass(slots=True)
class BounceResult:
    """What became of the addresses: ``unknown`` and ``unsent`` hold (line number, address)."""

    addresses: int = 0
    bounced: int = 0
    already: int = 0
    unknown: list[tuple[int, str]] = field(default_factory=list)
    unsent: list[tuple[int, str]] = field(default_factory=list)


def import_recipients(
    campaign: Campaign, stream: BinaryIO, *, is_dry_run: bool = False
) -> imports.ImportResult:
    """Read a file of addresses, store its recipients and give each a pixel in the campaign."""
    result = imports.import_recipients(
        stream, add_to_campaign=partial(add_pixels, campaign), is_dry_run=is_dry_run
    )
    if result.added >= GROUP_PIXELS and connection.vendor == "postgresql":
        # Plans that were right for a small table make pages of a large one slow.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE campaigns_recipient, tracker_pixel")
    return result


@transaction.atomic
def add_pixels(campaign: Campaign, recipient_ids: Sequence[int]) -> int:
    """Give these recipients a pixel each, unless they have one; how many were new."""
    counts = _locked_counts(campaign)
    present = set(
        Pixel.objects.filter(campaign=campaign, recipient__in=recipient_ids).values_list(
            "recipient_id", flat=True
        )
    )
    new = [
        Pixel(campaign=campaign, recipient_id=recipient_id)
        for recipient_id in sorted(set(recipient_ids) - present)
    ]
    Pixel.objects.bulk_create(new)
    counts.update(recipients=F("recipients") + len(new))
    return len(new)


def ensure_test_pixel(campaign: Campaign) -> Pixel:
    """The pixel that the marketer sends to themselves; its opens never count."""
    return Pixel.objects.get_or_create(campaign=campaign, is_test=True)[0]


def mark_sent(campaign: Campaign, *, at: datetime) -> int:
    """Mark every pixel that is not sent yet as handed over at that moment; how many were."""
    marked = 0
    for pixel_ids in _groups_of_unsent(campaign):
        with transaction.atomic():
            pixels = Pixel.objects.filter(pk__in=_lock(pixel_ids), sent_at=None)
            changed = pixels.update(sent_at=at)
            _locked_counts(campaign).update(sent=F("sent") + changed)
            if changed:
                Campaign.objects.filter(pk=campaign.pk, sent_at=None).update(sent_at=at)
        marked += changed
    campaign.refresh_from_db(fields=["sent_at"])
    return marked


def mark_bounced(campaign: Campaign, lines: Iterable[str], *, at: datetime) -> BounceResult:
    """Mark the pixels of these addresses, one a line, as refused by the receiving server."""
    result = BounceResult()
    numbered = enumerate((line.strip().strip("\ufeff") for line in lines), start=1)
    addresses = ((number, line) for number, line in numbered if line)
    while group := list(islice(addresses, GROUP_PIXELS)):
        result.addresses += len(group)
        with transaction.atomic():
            _mark_group_bounced(campaign, group, at, result)
    return result


def _mark_group_bounced(
    campaign: Campaign, group: list[tuple[int, str]], at: datetime, result: BounceResult
) -> None:
    keys = [email_key(address) for _, address in group]
    found = Pixel.objects.filter(campaign=campaign, recipient__email_key__in=keys)
    _lock(found.values_list("pk", flat=True))
    pixels = {
        pixel.recipient.email_key: pixel
        for pixel in found.select_related("recipient")
        if pixel.recipient
    }
    bounced: set[int] = set()
    for (number, address), key in zip(group, keys, strict=True):
        pixel = pixels.get(key)
        if pixel is None:
            result.unknown.append((number, address))
        elif pixel.sent_at is None:
            result.unsent.append((number, address))
        elif pixel.bounced_at is not None or pixel.pk in bounced:
            result.already += 1
        else:
            bounced.add(pixel.pk)
    Pixel.objects.filter(pk__in=bounced).update(bounced_at=at)
    _locked_counts(campaign).update(bounces=F("bounces") + len(bounced))
    result.bounced += len(bounced)


def _groups_of_unsent(campaign: Campaign) -> Iterator[list[int]]:
    last = 0
    unsent = Pixel.objects.of_recipients().filter(campaign=campaign, sent_at=None)
    in_order = unsent.order_by("recipient_id").values_list("pk", "recipient_id")
    while group := list(in_order.filter(recipient_id__gt=last)[:GROUP_PIXELS]):
        yield [pixel_id for pixel_id, _ in group]
        last = group[-1][1] or 0


def _lock(pixel_ids: Iterable[int]) -> list[int]:
    """Lock these pixels in the writer's order, and return them."""
    locked = Pixel.objects.select_for_update(no_key=True).filter(pk__in=list(pixel_ids))
    return list(locked.order_by("pk").values_list("pk", flat=True))


def _locked_counts(campaign: Campaign) -> QuerySet[CampaignCounts]:
    """The campaign's counts row, made if there is none, and locked."""
    CampaignCounts.objects.get_or_create(campaign=campaign)
    rows = CampaignCounts.objects.filter(campaign=campaign)
    list(rows.select_for_update().values_list("pk"))
    return rows
