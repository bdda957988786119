"""The opens of a simulation, recorded within seconds, put at their moments of the day.

That is the only place where an open is changed. So that no open of a person is ever touched,
a simulated one says in its id that it is: the random part begins with a mark.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from campaigns.models import Campaign
from tracker.models import CampaignCounts, FanOut, Open, Pixel, Ruling, UniqueOpen
from tracker.pixels import mark_sent
from tracker.recount import Verification, repair
from tracker.simulation.mix import FARMS, Fetch

# The upper 32 of the 62 last bits; a real open has it once in four thousand million.
MARK = 0x51_3D_A7_ED
GROUP = 500

Item = TypeVar("Item")


class MismatchError(Exception):
    """What was recorded is not what was asked for; the message is for a person."""


def simulated_id(moment: datetime) -> UUID:
    """Version 7 as every hit's, of that moment: looking opens up by time relies on it."""
    milliseconds = int(moment.timestamp() * 1000)
    random = int.from_bytes(os.urandom(6), "big")
    return UUID(
        int=milliseconds << 80
        | 0x7 << 76
        | (random & 0xFFF) << 64
        | 0b10 << 62
        | MARK << 30
        | random >> 12 & 0x3FFF_FFFF
    )


def is_simulated(open_id: UUID) -> bool:
    return open_id.int >> 30 & 0xFFFF_FFFF == MARK


def opens_of(campaign: Campaign) -> QuerySet[Open]:
    return Open.objects.filter(pixel__campaign=campaign, pixel__is_test=False)


def unspread(campaign: Campaign) -> list[tuple[UUID, int]]:
    """What was recorded and is not marked as simulated, each open with its pixel."""
    found = opens_of(campaign).values_list("pk", "pixel_id")
    return [(open_id, pixel_id) for open_id, pixel_id in found if not is_simulated(open_id)]


@transaction.atomic
def spread(
    campaign: Campaign, fetches: Sequence[tuple[int, Fetch]], *, sent_at: datetime
) -> dict[UUID, Fetch]:
    """Move each open to its fetch's moment; the fetches by the new ids of their opens.

    ``fetches`` with their pixels, in the order of the requests. The opens of an earlier
    simulation go: this one takes their place.
    """
    lock(campaign)
    earlier: list[UUID] = []
    recorded: dict[int, list[Open]] = defaultdict(list)
    for one in opens_of(campaign).select_related("user_agent").order_by("opened_at", "pk"):
        if is_simulated(one.pk):
            earlier.append(one.pk)
        else:
            recorded[one.pixel_id].append(one)
    pixel_ids = set(recorded) | set(
        UniqueOpen.objects.filter(campaign=campaign, is_test=False).values_list("pk", flat=True)
    )
    pairs = list(_pairs(recorded, fetches))
    delete_opens([*earlier, *(one.pk for one, _ in pairs)])
    truth = {}
    for one, fetch in pairs:
        one.opened_at = sent_at + timedelta(seconds=fetch.after)
        one.pk = simulated_id(one.opened_at)
        truth[one.pk] = fetch
    Open.objects.bulk_create([one for one, _ in pairs], batch_size=GROUP)
    mark_sent(campaign, at=sent_at)
    Pixel.objects.of_recipients().filter(campaign=campaign).update(sent_at=sent_at)
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=sent_at)
    # While the requests came within seconds, one machine's were a fan-out wherever they belong.
    machines = {fetch.ip for _, fetch in fetches if fetch.ip.startswith(FARMS)}
    for some in batches(sorted(machines)):
        FanOut.objects.filter(ip__in=some, ends_at__gt=sent_at).delete()
    repair(Verification(0, sorted(pixel_ids), [campaign.pk], []))
    CampaignCounts.objects.filter(campaign=campaign).update(is_simulation=True)
    return truth


@transaction.atomic
def withdraw(campaign: Campaign) -> None:
    """Delete what was recorded for a simulation that failed; it has not been spread yet."""
    lock(campaign)
    found = unspread(campaign)
    delete_opens([open_id for open_id, _ in found])
    pixel_ids = sorted({pixel_id for _, pixel_id in found})
    repair(Verification(0, pixel_ids, [campaign.pk], []))


def lock(campaign: Campaign) -> None:
    """The writer's order: pixels first, counts later, by whoever changes them."""
    pixels = UniqueOpen.objects.filter(campaign=campaign).order_by("pk")
    list(pixels.select_for_update(no_key=True).values_list("pk"))


def _pairs(
    recorded: dict[int, list[Open]], fetches: Sequence[tuple[int, Fetch]]
) -> Iterator[tuple[Open, Fetch]]:
    """A pixel's requests went one after the other: its opens are in the same order."""
    asked: dict[int, list[Fetch]] = defaultdict(list)
    for pixel_id, fetch in fetches:
        asked[pixel_id].append(fetch)
    opens = sum(map(len, recorded.values()))
    if opens != len(fetches):
        raise MismatchError(
            f"{len(fetches):,} requests were answered, {opens:,} opens were recorded. Does "
            f"`manage.py spool` show hits that wait, or did somebody else open these pixels?"
        )
    for pixel_id, some in asked.items():
        for one, fetch in zip(recorded.get(pixel_id, []), some, strict=False):
            agent = one.user_agent.text if one.user_agent else ""
            if (one.ip, agent) != (fetch.ip, fetch.user_agent):
                raise MismatchError(
                    f"An open from {one.ip} was recorded where {fetch.ip} asked: somebody else "
                    f"opens these pixels."
                )
            yield one, fetch


def delete_opens(open_ids: Sequence[UUID]) -> None:
    for some in batches(open_ids):
        Ruling.objects.filter(open__in=some).delete()
        Open.objects.filter(pk__in=some).delete()


def batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), GROUP):
        yield items[start : start + GROUP]
