"""Which of many campaigns fell far below the usual at some provider: for a list of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import F

from campaigns.models import Campaign
from tracker.breakdowns.usual import (
    CAMPAIGNS,
    LEAST_DELIVERED,
    Usual,
    is_far_below,
    is_settled,
)
from tracker.models import Breakdown
from tracker.rates import OpenRates

# Only the account's latest are looked at: nobody mends an older one, and so a list of thousands
# reads no more than one of a hundred.
LATEST = 100

ByProvider = Mapping[str, OpenRates]


def far_below_among(campaigns: Iterable[Campaign], now: datetime) -> dict[int, list[str]]:
    """By campaign: the providers that its report warns of, the largest first. Two queries at most,
    of what is stored; nothing is added up for it."""
    asked = {campaign.pk for campaign in campaigns if is_settled(campaign, now)}
    if not asked:
        return {}
    enough = F("breakdowns__bounces") + LEAST_DELIVERED
    rows = (
        Campaign.objects.filter(sent_at__lte=now, breakdowns__sent__gte=enough)
        .order_by("-sent_at", "-pk")
        .values_list("pk", "sent_at", "counts__is_simulation")[: LATEST + CAMPAIGNS]
    )
    sent = [(pk, sent_at, invented) for pk, sent_at, invented in rows if sent_at is not None]
    before = {
        pk: [
            other for other, moment, invented in sent[place:] if moment < sent_at and not invented
        ][:CAMPAIGNS]
        for place, (pk, sent_at, _) in enumerate(sent[:LATEST])
        if pk in asked
    }
    rates = _rates_of({*before, *(pk for earlier in before.values() for pk in earlier)})
    found = {pk: _fallen(rates[pk], [rates[one] for one in before[pk]]) for pk in before}
    return {pk: keys for pk, keys in found.items() if keys}


def _rates_of(campaigns: set[int]) -> Mapping[int, ByProvider]:
    """By campaign and provider. One query; none where there are no campaigns."""
    found: dict[int, dict[str, OpenRates]] = defaultdict(dict)
    if campaigns:
        rows = Breakdown.objects.filter(kind=Breakdown.Kind.PROVIDER, campaign__in=campaigns)
        for row in rows.filter(sent__gt=F("bounces")):
            found[row.campaign_id][row.key] = row.rates
    return found


def _fallen(rates: ByProvider, earlier: Sequence[ByProvider]) -> list[str]:
    fallen = []
    for key, now in rates.items():
        # Most lines are too small for a warning, and need no sums.
        if now.delivered >= LEAST_DELIVERED:
            before = [one[key] for one in earlier if key in one]
            if before and is_far_below(key, now, pooled(before)):
                fallen.append(key)
    return sorted(fallen, key=lambda key: (-rates[key].delivered, key))


def pooled(rates: Sequence[OpenRates]) -> Usual:
    return Usual(
        OpenRates(
            sum(one.delivered for one in rates),
            human=sum(one.human for one in rates),
            unknown=sum(one.unknown for one in rates),
            prefetch=sum(one.prefetch for one in rates),
            machine=sum(one.machine for one in rates),
        ),
        len(rates),
    )
