"""Pixels before any hit: one per campaign and recipient, marked sent and bounced by us.

Each function changes pixels and the campaign's counts in the same transactions, and keeps the
writer's order of locks where it touches pixels that hits may change at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, QuerySet

from campaigns.models import Campaign, Recipient, RecipientQuerySet, email_key, suppresses
from tracker.consent import settle_erased
from tracker.consent.policy import Said, effective, said_by_recipients
from tracker.models import CampaignCounts, Pixel, PixelQuerySet, PixelTracking

# Rows locked at a time: short enough that a hit on one of them waits for milliseconds.
GROUP_PIXELS = 2_000
GREATEST_KEY = 2**63 - 1


# What counts for a pixel of a recipient, as tracker.consent.policy has it; %s: if they say nothing.
CHOSEN = (
    "CASE coalesce(nullif(recipient.tracking, ''), %s) "
    f"WHEN 'anonymous' THEN {PixelTracking.ANONYMOUS:d} WHEN 'off' THEN {PixelTracking.OFF:d} "
    # Whoever was erased is never identified.
    f"ELSE CASE WHEN recipient.erased_at IS NULL THEN {PixelTracking.IDENTIFIED:d} "
    f"ELSE {PixelTracking.ANONYMOUS:d} END END"
)
# Whoever was erased and is off may be so because the campaign went out without them.
IS_OTHER = (
    f"tracker_pixel.tracking <> {CHOSEN} AND NOT "
    f"(recipient.erased_at IS NOT NULL AND tracker_pixel.tracking = {PixelTracking.OFF:d})"
)


@dataclass(slots=True)
class BounceResult:
    """What became of the addresses: ``unknown`` and ``unsent`` hold (line number, address)."""

    addresses: int = 0
    bounced: int = 0
    already: int = 0
    unknown: list[tuple[int, str]] = field(default_factory=list)
    unsent: list[tuple[int, str]] = field(default_factory=list)


@transaction.atomic
def enrol(campaign: Campaign, table: str) -> int:
    """Give the recipients of a table of ours a pixel each, unless they have one; how many were new.

    A million at once: the pixels set by set, and the counts, which hits wait for, last.
    """
    of_campaign = Campaign.objects.values_list("tracking", flat=True).get(pk=campaign.pk)
    insert = "INSERT INTO tracker_pixel (campaign_id, recipient_id, is_test, tracking) "
    with connection.cursor() as cursor:
        with _known_keys(campaign):
            # Nobody else has seen them yet: there is nothing to conflict with, and they have not
            # chosen.
            cursor.execute(
                f"{insert} SELECT %s, recipient_id, false, %s FROM {table} WHERE is_new",
                [campaign.pk, effective("", of_campaign)],
            )
            new = int(cursor.rowcount)
        usual = of_campaign or settings.TRACKING_DEFAULT
        cursor.execute(
            f"{insert} SELECT %s, recipient_id, false, {CHOSEN} FROM {table} "
            "JOIN campaigns_recipient AS recipient ON recipient.id = recipient_id "
            "WHERE NOT is_new ON CONFLICT (campaign_id, recipient_id) DO NOTHING",
            [campaign.pk, usual],
        )
        new += int(cursor.rowcount)
        # A choice that was being made meanwhile has been waited for, and is seen only now.
        cursor.execute(
            f"UPDATE tracker_pixel SET tracking = {CHOSEN} FROM campaigns_recipient AS recipient "
            "WHERE tracker_pixel.campaign_id = %s AND recipient.id = tracker_pixel.recipient_id "
            f"AND recipient.id IN (SELECT recipient_id FROM {table} WHERE NOT is_new) "
            f"AND {IS_OTHER}",
            [usual, campaign.pk, usual],
        )
    _locked_counts(campaign).update(recipients=F("recipients") + new)
    return new


@transaction.atomic
def add_pixels(campaign: Campaign, recipient_ids: Sequence[int]) -> int:
    """Give these recipients a pixel each, unless they have one; how many were new."""
    # Before the counts, as whoever changes a choice does: no choice is made between here and there.
    said = said_by_recipients(recipient_ids)
    counts = _locked_counts(campaign)
    of_campaign = Campaign.objects.values_list("tracking", flat=True).get(pk=campaign.pk)
    present = set(
        Pixel.objects.filter(campaign=campaign, recipient__in=recipient_ids).values_list(
            "recipient_id", flat=True
        )
    )
    new = [
        Pixel(
            campaign=campaign,
            recipient_id=recipient_id,
            tracking=said.get(recipient_id, Said()).in_campaign(of_campaign),
        )
        for recipient_id in sorted(set(recipient_ids) - present)
    ]
    Pixel.objects.bulk_create(new)
    counts.update(recipients=F("recipients") + len(new))
    return len(new)


@contextmanager
def _known_keys(campaign: Campaign) -> Iterator[None]:
    """For rows whose foreign keys hold by construction: PostgreSQL need not look each of them up.

    The recipients were made in this transaction and the campaign is locked. Half of an import's
    time would go into these look-ups. Only where the database's role may ask for it.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_parameter_privilege('session_replication_role', 'SET'), "
            "current_setting('session_replication_role')"
        )
        may_set, usual = cursor.fetchone()
        if may_set:
            cursor.execute(
                "SELECT FROM campaigns_campaign WHERE id = %s FOR KEY SHARE", [campaign.pk]
            )
            cursor.execute("SET LOCAL session_replication_role = 'replica'")
        yield
        if may_set:
            cursor.execute("SELECT set_config('session_replication_role', %s, true)", [usual])


@transaction.atomic
def add_pixels_of(
    campaign: Campaign, pixels: PixelQuerySet, *, after: int = 0, up_to: int = GREATEST_KEY
) -> int:
    """Give the recipients of these pixels one each in this campaign, in one statement; how many
    were new.

    Left out are those who bounced, were erased or must not be written to. Test pixels and
    stand-ins have no recipient. ``after`` and ``up_to`` are the keys of recipients that this is
    about, for who goes in steps.
    """
    chosen = pixels.of_recipients().filter(
        bounced_at=None, recipient__gt=after, recipient__lte=up_to
    )
    chosen = chosen.order_by("recipient_id")
    return _add_chosen(campaign, chosen.values("recipient_id"), after, up_to)


@transaction.atomic
def add_pixels_for(campaign: Campaign, recipients: RecipientQuerySet) -> int:
    """The same for these recipients, whatever campaigns they were in."""
    return _add_chosen(campaign, recipients.order_by("pk").values(recipient_id=F("pk")))


def _add_chosen(
    campaign: Campaign, chosen: QuerySet[Any, Any], after: int = 0, up_to: int = GREATEST_KEY
) -> int:
    of_campaign = Campaign.everything.values_list("tracking", flat=True).get(pk=campaign.pk)
    usual = of_campaign or settings.TRACKING_DEFAULT
    select, parameters = chosen.query.sql_with_params()
    statement = (
        "INSERT INTO tracker_pixel (recipient_id, campaign_id, is_test, tracking) "
        f"SELECT recipient_id, %s, false, {CHOSEN} FROM ({select}) AS chosen "
        "JOIN campaigns_recipient AS recipient ON recipient.id = chosen.recipient_id "
        "WHERE recipient.erased_at IS NULL AND NOT EXISTS ("
        "SELECT 1 FROM campaigns_suppressedaddress AS suppressed "
        "WHERE suppressed.email_key = recipient.email_key) "
        "ON CONFLICT (campaign_id, recipient_id) DO NOTHING"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [campaign.pk, usual, *parameters])
        added = int(cursor.rowcount)
        # A choice that was being made meanwhile has been waited for, and is seen only now.
        cursor.execute(
            f"UPDATE tracker_pixel SET tracking = {CHOSEN} FROM campaigns_recipient AS recipient "
            "WHERE tracker_pixel.campaign_id = %s AND recipient.id = tracker_pixel.recipient_id "
            "AND tracker_pixel.recipient_id > %s AND tracker_pixel.recipient_id <= %s "
            f"AND {IS_OTHER}",
            [usual, campaign.pk, after, up_to, usual],
        )
    _locked_counts(campaign).update(recipients=F("recipients") + added)
    return added


def next_recipients(campaign: Campaign, after: int, most: int) -> list[int]:
    """Keys of those who have a pixel, in order, for who goes in steps."""
    recipients = Pixel.objects.of_recipients().filter(campaign=campaign, recipient__gt=after)
    return list(recipients.order_by("recipient_id").values_list("recipient_id", flat=True)[:most])


@transaction.atomic
def remove_pixels(campaign: Campaign, *, most: int) -> int:
    """Of a campaign that nobody has seen, so no mail has these pixels; how many went."""
    pixels = Pixel.objects.filter(campaign=campaign).order_by("recipient_id")
    last = list(pixels.of_recipients().values_list("recipient_id", flat=True)[:most])[-1:]
    if not last:
        return 0
    some = Pixel.objects.filter(campaign=campaign, recipient__lte=last[0])
    # Nothing hangs on them that would have to be looked for row by row.
    removed = some._raw_delete(some.db)
    _locked_counts(campaign).update(recipients=F("recipients") - removed)
    return int(removed)


def ensure_test_pixel(campaign: Campaign) -> Pixel:
    """The pixel that the marketer sends to themselves; its opens never count."""
    return Pixel.objects.get_or_create(campaign=campaign, is_test=True)[0]


def mark_sent(campaign: Campaign, *, at: datetime) -> int:
    """Mark every pixel that is not sent yet as handed over at that moment; how many were.

    Whoever is erased or must not be written to gets no mail, and is not marked. What an erased
    person opened all the same stands in no rate from then on.
    """
    marked = 0
    for pixel_ids in _groups_of_unsent(campaign):
        with transaction.atomic():
            pixels = Pixel.objects.filter(pk__in=_lock(pixel_ids), sent_at=None)
            delivered = _by_tracking(pixels.filter(bounced_at=None))
            changed = pixels.update(sent_at=at)
            _locked_counts(campaign).update(
                sent=F("sent") + changed,
                untracked=F("untracked") + delivered[PixelTracking.OFF],
                anonymous=F("anonymous") + delivered[PixelTracking.ANONYMOUS],
            )
            if changed:
                Campaign.objects.filter(pk=campaign.pk, sent_at=None).update(sent_at=at)
        marked += changed
    settle_erased(campaign)
    campaign.refresh_from_db(fields=["sent_at"])
    return marked


def is_anybody_unsent(campaign: Campaign, counts: CampaignCounts) -> bool:
    """Whether ``mark_sent`` would mark anybody. Who gets no mail is looked for only where some were
    sent to and others not: they are few, and found by their recipients."""
    unsent = counts.recipients - counts.sent
    if unsent <= 0 or not counts.sent:
        return unsent > 0
    return unsent > count_kept_back(campaign)


def count_kept_back(campaign: Campaign) -> int:
    """Recipients who get no mail, because they were erased or must not be written to."""
    recipients = Recipient.objects
    return sum(
        some.filter(pixels__campaign=campaign, pixels__sent_at=None).count()
        for some in (recipients.erased(), recipients.suppressed())
    )


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
    by_key = {
        pixel.recipient.email_key: pixel
        for pixel in found.select_related("recipient")
        if pixel.recipient
    }
    bounced: set[int] = set()
    for (number, address), key in zip(group, keys, strict=True):
        pixel = by_key.get(key)
        if pixel is None:
            result.unknown.append((number, address))
        elif pixel.sent_at is None:
            result.unsent.append((number, address))
        elif pixel.bounced_at is not None or pixel.pk in bounced:
            result.already += 1
        else:
            bounced.add(pixel.pk)
    pixels = Pixel.objects.filter(pk__in=bounced)
    refused = _by_tracking(pixels)
    pixels.update(bounced_at=at)
    _locked_counts(campaign).update(
        bounces=F("bounces") + len(bounced),
        untracked=F("untracked") - refused[PixelTracking.OFF],
        anonymous=F("anonymous") - refused[PixelTracking.ANONYMOUS],
    )
    result.bounced += len(bounced)


def _by_tracking(pixels: QuerySet[Pixel]) -> Counter[int]:
    rows = pixels.order_by().values_list("tracking").annotate(Count("pk"))
    return Counter(dict(rows))


def _groups_of_unsent(campaign: Campaign) -> Iterator[list[int]]:
    last = 0
    # Who was erased or suppressed before the mail went out is in no file of snippets.
    unsent = Pixel.objects.of_recipients().filter(
        ~suppresses("recipient__email_key"),
        campaign=campaign,
        sent_at=None,
        recipient__erased_at=None,
    )
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
