"""A simulation taken back: the campaign is as if it had never been, whatever was invented."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from campaigns.models import Campaign
from tracker.models import FanOut, Open, Pixel, UniqueOpen
from tracker.recount import Verification, repair
from tracker.simulation.arrivals import withdraw_probes
from tracker.simulation.mix import FARMS
from tracker.simulation.spreading import batches, delete_opens, is_simulated, lock, opens_of


def with_first_open(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """For ``is_simulation``, in the query that reads the campaign anyway."""
    opened = UniqueOpen.objects.filter(campaign=OuterRef(OuterRef("pk")), is_test=False)
    first = opened.order_by("first_opened_at", "pk").values("pk")[:1]
    opens = Open.objects.filter(pixel=Subquery(first)).order_by("opened_at", "pk")
    return campaigns.annotate(first_open_id=Subquery(opens.values("pk")[:1]))


def is_simulation(campaign: Campaign) -> bool:
    """Whether its opens are invented: then the first one is, since people's come later."""
    if "first_open_id" not in vars(campaign):
        campaign = with_first_open(Campaign.everything.filter(pk=campaign.pk)).get()
    first: UUID | None = vars(campaign)["first_open_id"]
    return first is not None and is_simulated(first)


@transaction.atomic
def withdraw_whole(campaign: Campaign) -> int:
    """Not sent, and without any invented open; how many these were. People's opens stay."""
    lock(campaign)
    found = [
        one
        for one in opens_of(campaign).values_list("pk", "pixel_id", "ip")
        if is_simulated(one[0])
    ]
    delete_opens([open_id for open_id, _, _ in found])
    machines = {ip for _, _, ip in found if ip and ip.startswith(FARMS)}
    for some in batches(sorted(machines)):
        FanOut.objects.filter(ip__in=some).delete()
    # What was never sent has not come back either.
    Pixel.objects.filter(campaign=campaign, is_test=False).update(sent_at=None, bounced_at=None)
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=None)
    withdraw_probes(campaign)
    repair(Verification(0, sorted({pixel_id for _, pixel_id, _ in found}), [campaign.pk], []))
    campaign.refresh_from_db()
    return len(found)
