from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign
from tracker.breakdowns.providers import OTHER_DOMAINS
from tracker.breakdowns.usual import Usual, is_far_below, is_settled, usual_of
from tracker.models import Breakdown, Breakdowns
from tracker.rates import OpenRates

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)


def rates(delivered: int, human: int, prefetch: int = 0) -> OpenRates:
    return OpenRates(delivered, human=human, unknown=0, prefetch=prefetch, machine=0)


def far_below(now: OpenRates, before: OpenRates, key: str = "outlook") -> bool:
    return is_far_below(key, now, Usual(before, 3))


@pytest.mark.parametrize(
    ("name", "now", "before", "expected"),
    [
        ("four per cent against thirty-one", rates(1987, 83), rates(20_000, 6_200), True),
        ("nobody at all", rates(50, 0), rates(1_000, 300), True),
        ("just as usual", rates(1987, 610), rates(20_000, 6_200), False),
        ("clearly lower, but not by half", rates(1987, 400), rates(20_000, 6_200), False),
        ("exactly half", rates(1000, 155), rates(20_000, 6_200), False),
        ("too few here", rates(49, 0), rates(20_000, 6_200), False),
        ("too few before", rates(1987, 0), rates(49, 15), False),
        ("chance explains it", rates(50, 1), rates(60, 4), False),
        ("nobody ever opened there", rates(1987, 0), rates(20_000, 0), False),
        ("they moved behind a proxy", rates(1987, 83, 700), rates(20_000, 6_200), False),
        ("opened without being sent", rates(60, 0, 61), rates(20_000, 6_200), False),
        ("opened without being sent before", rates(60, 0), rates(60, 61), False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_far_below_means_half_and_more_than_chance(
    name: str, now: OpenRates, before: OpenRates, expected: bool
) -> None:
    assert far_below(now, before) is expected, name


def test_other_domains_are_no_provider() -> None:
    assert not far_below(rates(1987, 0), rates(20_000, 6_200), OTHER_DOMAINS)


@given(st.integers(50, 5_000), st.integers(50, 50_000), st.floats(0, 1), st.floats(0, 1))
def test_whoever_is_warned_of_is_lower_and_fewer_opens_never_end_a_warning(
    delivered: int, delivered_before: int, share: float, share_before: float
) -> None:
    now = rates(delivered, round(share * delivered))
    before = rates(delivered_before, round(share_before * delivered_before))
    if far_below(now, before):
        assert now.human / delivered < before.human / delivered_before / 2
        if now.human:
            assert far_below(rates(delivered, now.human - 1), before)


def test_a_campaign_is_settled_after_a_day() -> None:
    assert not is_settled(Campaign(), NOW)
    assert not is_settled(Campaign(sent_at=NOW - timedelta(hours=23, minutes=59)), NOW)
    assert is_settled(Campaign(sent_at=NOW - timedelta(hours=24)), NOW)


def sent_campaign(days_ago: int, delivered: int = 100, human: int = 30, **row: Any) -> Campaign:
    """With a stored breakdown of one provider."""
    campaign = Campaign.objects.create(
        name=f"{days_ago} days ago", sent_at=NOW - timedelta(days=days_ago)
    )
    Breakdowns.objects.create(
        campaign=campaign,
        computed_at=NOW,
        took=0,
        next_at=NOW,
        recipients=delivered + 10,
        sent=delivered + 10,
        bounces=10,
        opens=human,
        unique_human_opens=human,
        unique_unknown_opens=0,
        unique_prefetch_opens=0,
    )
    Breakdown.objects.create(
        campaign=campaign,
        kind=Breakdown.Kind.PROVIDER,
        key="gmail",
        **{
            "recipients": delivered + 10,
            "sent": delivered + 10,
            "bounces": 10,
            "unique_opens": human,
            "unique_human_opens": human,
            **row,
        },
    )
    return campaign


@pytest.mark.django_db
def test_usual_is_pooled_over_the_campaigns_before(django_assert_num_queries: Any) -> None:
    sent_campaign(1, human=99)
    campaign = sent_campaign(2, human=0)
    sent_campaign(3, delivered=100, human=30)
    sent_campaign(4, delivered=300, human=30)
    sent_campaign(5, delivered=49, human=49)
    with django_assert_num_queries(1):
        usual = usual_of(campaign)
    assert set(usual) == {"gmail"}
    assert usual["gmail"].campaigns == 2
    assert (usual["gmail"].rates.human, usual["gmail"].rates.delivered) == (60, 400)
    assert usual["gmail"].human_open_rate == 0.15


@pytest.mark.django_db
def test_usual_forgets_what_lies_further_back_than_twenty_campaigns() -> None:
    for days in range(3, 23):
        sent_campaign(days, human=10)
    sent_campaign(23, human=100)
    usual = usual_of(sent_campaign(2))
    assert (usual["gmail"].campaigns, usual["gmail"].rates.human) == (20, 200)


@pytest.mark.django_db
def test_a_provider_that_nothing_was_delivered_to_has_no_usual() -> None:
    sent_campaign(3, recipients=10, sent=10, bounces=10, unique_human_opens=0)
    assert usual_of(sent_campaign(2)) == {}
