"""What is usual for a mailbox provider, and which providers a campaign reached far less at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Sum

from campaigns.models import Campaign
from tracker.breakdowns.providers import OTHER_DOMAINS
from tracker.models import Breakdown
from tracker.rates import OpenRates, difference_interval

# Of the account's campaigns sent before; older ones went to another list of another time.
CAMPAIGNS = 20
# A campaign, and a provider in it and before, of fewer says too little.
LEAST_DELIVERED = 50
# Far below: less than this part of what is usual.
FAR_BELOW = 0.5
# Before that, most who will open have not.
SETTLED = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Usual:
    """One provider's sums over the campaigns before."""

    rates: OpenRates
    campaigns: int

    @property
    def human_open_rate(self) -> float | None:
        return self.rates.human_open_rate


def is_settled(campaign: Campaign, now: datetime) -> bool:
    return campaign.sent_at is not None and campaign.sent_at <= now - SETTLED


def usual_of(campaign: Campaign) -> dict[str, Usual]:
    """By provider, pooled: each recipient of an earlier campaign weighs the same. One query."""
    before = (
        Campaign.objects.filter(
            sent_at__lt=campaign.sent_at,
            breakdowns__sent__gte=F("breakdowns__bounces") + LEAST_DELIVERED,
        )
        .exclude(counts__is_simulation=True)
        .order_by("-sent_at", "-pk")
        .values("pk")[:CAMPAIGNS]
    )
    rows = (
        Breakdown.objects.filter(
            kind=Breakdown.Kind.PROVIDER, campaign__in=before, sent__gt=F("bounces")
        )
        .values_list("key")
        .annotate(
            Count("pk"),
            Sum("sent"),
            Sum("bounces"),
            Sum("unique_human_opens"),
            Sum("unique_unknown_opens"),
            Sum("unique_prefetch_opens"),
            Sum("unique_opens"),
        )
    )
    return {
        key: Usual(
            OpenRates(
                sent - bounces,
                human=human,
                unknown=unknown,
                prefetch=prefetch,
                machine=unique_opens - human - unknown - prefetch,
            ),
            campaigns,
        )
        for key, campaigns, sent, bounces, human, unknown, prefetch, unique_opens in rows
    }


def is_far_below(key: str, now: OpenRates, usual: Usual) -> bool:
    """Less than half of the usual human open rate, by more than chance explains.

    Both are to have been delivered to at least fifty recipients, and Newcombe's 95 % interval of
    the difference has to lie below zero; the same of the possible open rate, since readers who
    moved behind a privacy proxy lower the human one and are in no spam folder.
    """
    if key == OTHER_DOMAINS:
        return False
    before = usual.rates
    if min(now.delivered, before.delivered) < LEAST_DELIVERED:
        return False
    if any(possible(rates) > rates.delivered for rates in (now, before)):
        # Opened without being marked as sent: no rate at all.
        return False
    if now.human * before.delivered >= FAR_BELOW * before.human * now.delivered:
        return False
    return _is_lower((now.human, now.delivered), (before.human, before.delivered)) and _is_lower(
        (possible(now), now.delivered), (possible(before), before.delivered)
    )


def possible(rates: OpenRates) -> int:
    return rates.human + rates.unknown + rates.prefetch


def _is_lower(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return difference_interval(one, other)[1] < 0
