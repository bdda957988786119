"""A campaign's totals and rates, as the list, the report and the commands show them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from campaigns.models import Campaign
from tracker.models import CampaignCounts
from tracker.rates import rate


def totals_of(campaign: Campaign) -> CampaignCounts:
    """The stored counts, or all zero for a campaign that never had a recipient. One query at
    most; none where ``counts`` was selected along."""
    try:
        return campaign.counts
    except CampaignCounts.DoesNotExist:
        return CampaignCounts(campaign=campaign)


def campaigns_with_counts() -> QuerySet[Campaign]:
    return Campaign.objects.select_related("counts")


def report_of(campaign: Campaign) -> dict[str, Any]:
    """The report as one object, keys from the glossary; rates are fractions or none."""
    totals = totals_of(campaign)
    rates = totals.rates
    return {
        "campaign_id": campaign.pk,
        "name": campaign.name,
        "sent_at": campaign.sent_at.isoformat() if campaign.sent_at else None,
        "recipients": totals.recipients,
        "sent": totals.sent,
        "bounces": totals.bounces,
        "delivered": totals.delivered,
        "untracked": totals.untracked,
        "trackable": totals.trackable,
        "tracking_coverage": totals.tracking_coverage,
        "anonymous": totals.anonymous,
        "opens": totals.opens,
        "unique_opens": totals.unique_opens,
        "unopened": totals.unopened,
        "open_rate": totals.open_rate,
        "unique_human_opens": totals.unique_human_opens,
        "unique_unknown_opens": totals.unique_unknown_opens,
        "unique_prefetch_opens": totals.unique_prefetch_opens,
        "unique_machine_opens": totals.unique_machine_opens,
        "human_open_rate": rates.human_open_rate,
        "estimated_open_rate": rates.estimated_open_rate,
        "estimated_open_rate_interval": rates.estimated_open_rate_interval,
        "possible_open_rate": rates.possible_open_rate,
        "machine_open_share": rates.machine_open_share,
        "by_verdict": totals.by_verdict,
        "total_open_rate": rate(totals.opens, totals.delivered),
        "opens_per_opener": totals.opens_per_opener,
        "bounce_rate": totals.bounce_rate,
        "delivery_rate": rate(totals.delivered, totals.sent),
        "is_simulation": totals.is_simulation,
        "last_opened_at": totals.last_opened_at.isoformat() if totals.last_opened_at else None,
    }
