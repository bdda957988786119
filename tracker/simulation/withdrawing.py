"""A simulation taken back: the campaign is as if it had never been, whatever was invented."""

from __future__ import annotations

from django.db import transaction

from campaigns.models import Campaign
from tracker.models import CampaignCounts, FanOut, Pixel
from tracker.recount import Verification, repair
from tracker.simulation.arrivals import withdraw_probes
from tracker.simulation.mix import FARMS
from tracker.simulation.spreading import batches, delete_opens, is_simulated, lock, opens_of


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
    CampaignCounts.objects.filter(campaign=campaign).update(is_simulation=False)
    campaign.refresh_from_db()
    return len(found)
