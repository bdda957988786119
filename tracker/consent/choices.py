"""A choice is stored, and what the writer reads on the pixels follows in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from campaigns.models import Campaign, Consent, Recipient, Tracking
from tracker.consent.moves import finish, lock_pixels
from tracker.consent.policy import effective, said_by_recipients
from tracker.consent.sums import Sums
from tracker.models import CampaignCounts, PendingMove, Pixel, PixelTracking, UniqueOpen
from tracker.stand_ins import configured_stand_ins

# Pixels changed in one transaction: short enough that whoever waits for it waits for milliseconds.
STEP = 500
# A recipient's choice taken back: as the campaign says.
NOT_SAID = ""
# Counts of delivered recipients by what may be recorded of them.
COUNTED = (("untracked", PixelTracking.OFF), ("anonymous", PixelTracking.ANONYMOUS))


def choose(
    recipient: Recipient,
    tracking: str,
    *,
    source: str,
    origin: str = "",
    proof: str = "",
    by: AbstractBaseUser | None = None,
) -> Consent:
    """Store a recipient's choice and hold to it, also for mail that is in mailboxes already.

    When this returns (inside a transaction: when that is committed) nothing that was recorded is
    linked to a recipient who is anonymous or off, hits in flight included. The counts stay.
    """
    if tracking not in (*Tracking.values, NOT_SAID):
        raise ValueError(f"{tracking!r} is no choice: write {', '.join(Tracking.values)}.")
    with transaction.atomic():
        # Whoever adds pixels of theirs holds this lock too, and is waited for.
        Recipient.objects.select_for_update().get(pk=recipient.pk)
        consent = Consent.objects.create(
            recipient=recipient,
            tracking=tracking,
            source=source,
            origin=origin[:60],
            proof=proof[:500],
            by_id=by.pk if by else None,
        )
        Recipient.objects.filter(pk=recipient.pk).update(tracking=tracking)
        pixels = Pixel.objects.filter(recipient=recipient).order_by("pk")
        settle(list(pixels.values_list("pk", flat=True)))
    recipient.tracking = tracking
    return consent


def choose_for_campaign(campaign: Campaign, tracking: str) -> int:
    """The same for a campaign's recipients who have not chosen; how many pixels changed."""
    if tracking not in (*Tracking.values, NOT_SAID):
        raise ValueError(f"{tracking!r} is no choice: write {', '.join(Tracking.values)}.")
    with transaction.atomic():
        # Whoever adds pixels holds this lock too: they see the new choice, or are seen below.
        CampaignCounts.objects.get_or_create(campaign=campaign)
        list(CampaignCounts.objects.select_for_update().filter(campaign=campaign).values("pk"))
        Campaign.everything.filter(pk=campaign.pk).update(tracking=tracking)
    campaign.tracking = tracking
    return settle_campaign(campaign)


def settle_erased(campaign: Campaign) -> int:
    """Once it is marked as sent: those of its recipients who were erased before; how many pixels
    changed."""
    pixels = Pixel.objects.of_recipients().passed_over().filter(campaign=campaign)
    rows = list(pixels.order_by("recipient_id").values_list("pk", "recipient"))
    changed = 0
    for start in range(0, len(rows), STEP):
        some = rows[start : start + STEP]
        with transaction.atomic():
            said_by_recipients({recipient for _, recipient in some})
            changed += settle([pixel for pixel, _ in some])
    return changed


def settle_campaign(campaign: Campaign) -> int:
    """Bring all its pixels to what counts now, step by step; safe to repeat."""
    changed = 0
    for recipient_ids in _walk(campaign):
        with transaction.atomic():
            said_by_recipients(recipient_ids)
            pixels = Pixel.objects.filter(campaign=campaign, recipient__in=recipient_ids)
            changed += settle(list(pixels.values_list("pk", flat=True)))
    return changed


def settle(pixel_ids: Sequence[int]) -> int:
    """Bring these recipients' pixels to what counts for them; the recipients are locked.

    What was recorded of them moves once the transaction is committed.
    """
    stand_ins = configured_stand_ins()
    own = {pixel_id: stand_ins.of(pixel_id) for pixel_id in pixel_ids}
    pixels = lock_pixels([*own, *own.values()])
    changed = {
        pixel_id: tracking
        for pixel_id, tracking in _now(pixel_ids)
        if pixels[pixel_id].tracking != tracking
    }
    _change(pixels, own, changed)
    leaving = [pixel_id for pixel_id, tracking in changed.items() if tracking]
    if leaving:
        apart = _kept_apart(leaving, own)
        PendingMove.objects.bulk_create(
            (
                PendingMove(pixel_id=pixel_id, is_kept_apart=pixel_id in apart)
                for pixel_id in sorted(leaving)
            ),
            ignore_conflicts=True,
        )
        transaction.on_commit(partial(finish, sorted(leaving)))
    return len(changed)


def _kept_apart(leaving: Sequence[int], own: dict[int, int]) -> set[int]:
    """Pixels of erased people whose stand-in was opened already: see PendingMove."""
    erased = Pixel.objects.filter(pk__in=leaving, recipient__erased_at__isnull=False)
    by_stand_in = {own[pixel_id]: pixel_id for pixel_id in erased.values_list("pk", flat=True)}
    opened = UniqueOpen.objects.filter(pk__in=by_stand_in).values_list("pk", flat=True)
    return {by_stand_in[stand_in] for stand_in in opened}


def _now(pixel_ids: Iterable[int]) -> Iterator[tuple[int, PixelTracking]]:
    """What counts for each pixel, read after the locks were taken."""
    pixels = Pixel.objects.filter(pk__in=list(pixel_ids)).select_related("recipient", "campaign")
    # A campaign of a million is read: not all that its recipients' lists have brought.
    read = pixels.only(
        "sent_at",
        "recipient__tracking",
        "recipient__erased_at",
        "campaign__tracking",
        "campaign__sent_at",
    )
    for pixel in read:
        assert pixel.recipient is not None
        yield (
            pixel.pk,
            effective(
                pixel.recipient.tracking,
                pixel.campaign.tracking,
                is_erased=pixel.recipient.erased_at is not None,
                is_passed_over=pixel.sent_at is None and pixel.campaign.sent_at is not None,
            ),
        )


def _change(
    pixels: dict[int, Pixel], own: dict[int, int], changed: dict[int, PixelTracking]
) -> None:
    back = [
        pixels[own[pixel_id]]
        for pixel_id, tracking in changed.items()
        if tracking != PixelTracking.OFF
        and own[pixel_id] in pixels
        and pixels[own[pixel_id]].tracking == PixelTracking.OFF
    ]
    sums = Sums()
    _take_back_into_rates(back, sums)
    by_tracking: dict[PixelTracking, list[int]] = defaultdict(list)
    for pixel_id, tracking in changed.items():
        by_tracking[tracking].append(pixel_id)
        pixel = pixels[pixel_id]
        counts = sums.campaigns[pixel.campaign_id]
        counts["choices"] += 1
        if pixel.sent_at is not None and pixel.bounced_at is None:
            for name, one in COUNTED:
                counts[name] += (tracking == one) - (pixel.tracking == one)
    for tracking, ids in by_tracking.items():
        Pixel.objects.filter(pk__in=ids).update(tracking=tracking)
    sums.apply()


def _take_back_into_rates(stand_ins: Sequence[Pixel], sums: Sums) -> None:
    """Whoever is off no longer: what is left of their earlier opens stands in rates again."""
    ids = [one.pk for one in stand_ins]
    opened = UniqueOpen.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    for unique in opened:
        sums.take(unique, is_set_apart=True)
        sums.add(unique, is_set_apart=False)
    Pixel.objects.filter(pk__in=ids).update(tracking=PixelTracking.IDENTIFIED)


def _walk(campaign: Campaign) -> Iterator[list[int]]:
    """The campaign's recipients, a step at a time."""
    last = 0
    pixels = Pixel.objects.of_recipients().filter(campaign=campaign).order_by("recipient_id")
    ids = pixels.values_list("recipient_id", flat=True)
    while some := list(ids.filter(recipient_id__gt=last)[:STEP]):
        yield some
        last = some[-1]
