"""Campaigns side by side: rates with their intervals, and for two of them what they tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.models import Campaign
from tracker.models import CampaignCounts
from tracker.rates import LEAST_FOR_ESTIMATE, Interval, difference_interval
from tracker.reports.totals import totals_of

MOST_CAMPAIGNS = 10


@dataclass(frozen=True, slots=True)
class Row:
    campaign: Campaign
    totals: CampaignCounts


@dataclass(frozen=True, slots=True)
class Comparison:
    rows: list[Row]
    sentence: str | None


def comparison_of(campaigns: Sequence[Campaign]) -> Comparison:
    """In the order given; campaigns with their counts selected along cost no query."""
    rows = [Row(campaign, totals_of(campaign)) for campaign in campaigns]
    return Comparison(rows, sentence_about(*rows) if len(rows) == 2 else None)


def sentence_about(one: Row, other: Row) -> str:
    """What the two estimated open rates allow to say: by the estimates, since a campaign with more
    readers behind privacy proxies has a lower human open rate for that reason alone."""
    interval = difference(one.totals, other.totals)
    if interval is None:
        return (
            f"These two cannot be compared yet: each needs at least {LEAST_FOR_ESTIMATE} "
            f"recipients whose opens can be told from a machine’s."
        )
    low, high = interval
    if low > 0:
        return f"The {rate_of(one)} is higher than the {rate_of(other)} ({points(low, high)})."
    if high < 0:
        return f"The {rate_of(other)} is higher than the {rate_of(one)} ({points(-high, -low)})."
    return (
        f"The difference between the {rate_of(one)} and the {rate_of(other)} could be chance "
        f"({points(low, high)})."
    )


def difference(one: CampaignCounts, other: CampaignCounts) -> Interval | None:
    if one.rates.estimated_open_rate is None or other.rates.estimated_open_rate is None:
        return None
    return difference_interval(
        (one.rates.human, one.rates.knowable), (other.rates.human, other.rates.knowable)
    )


def rate_of(row: Row) -> str:
    return f"rate of “{row.campaign.name}”"


def points(low: float, high: float) -> str:
    return f"difference {signed(low)} to {signed(high)} points"


def signed(share: float) -> str:
    text = f"{100 * share:.1f}"
    return text.replace("-", "−") if text != "-0.0" else "0.0"
