"""Many campaigns at once: the same warnings as each one's own report, for two queries."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import Campaign
from tests.tracker.breakdowns.test_usual import NOW, sent_campaign
from tracker.breakdowns.far_below import LATEST, far_below_among
from tracker.breakdowns.usual import is_far_below, is_settled, usual_of
from tracker.models import Breakdown

pytestmark = pytest.mark.django_db


def add_line(campaign: Campaign, key: str, delivered: int, human: int) -> None:
    Breakdown.objects.create(
        campaign=campaign,
        kind=Breakdown.Kind.PROVIDER,
        key=key,
        recipients=delivered,
        sent=delivered,
        unique_opens=human,
        unique_human_opens=human,
    )


def by_its_own_report(campaign: Campaign) -> set[str]:
    if not is_settled(campaign, NOW):
        return set()
    usual = usual_of(campaign)
    rows = Breakdown.objects.filter(campaign=campaign, kind=Breakdown.Kind.PROVIDER)
    return {
        row.key
        for row in rows
        if row.key in usual and is_far_below(row.key, row.rates, usual[row.key])
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_list_warns_of_what_the_reports_warn_of(
    seed: int, django_assert_num_queries: Any
) -> None:
    chance = random.Random(seed)
    for number in range(30):
        days = chance.choice([number, number, 5])
        campaign = sent_campaign(days, human=chance.choice([1, 3, 25, 30, 40]))
        for key in ("outlook", "gmx", "other"):
            delivered = chance.choice([10, 49, 50, 80, 200])
            add_line(
                campaign, key, delivered, int(delivered * chance.choice([0.0, 0.02, 0.3, 0.4]))
            )
    campaigns = list(Campaign.objects.all())
    with django_assert_num_queries(2):
        found = far_below_among(campaigns, NOW)
    assert {pk: set(keys) for pk, keys in found.items()} == {
        campaign.pk: keys for campaign in campaigns if (keys := by_its_own_report(campaign))
    }
    assert len(found) > 5


def test_the_largest_provider_comes_first() -> None:
    before, now = sent_campaign(9), sent_campaign(3)
    for campaign, human in ((before, 40), (now, 0)):
        add_line(campaign, "gmx", 100, human)
        add_line(campaign, "outlook", 200, human)
    assert far_below_among([now], NOW) == {now.pk: ["outlook", "gmx"]}


def test_a_list_of_unsent_and_young_campaigns_asks_nothing(django_assert_num_queries: Any) -> None:
    campaigns = [Campaign.objects.create(name="draft"), sent_campaign(0)]
    with django_assert_num_queries(0):
        assert far_below_among(campaigns, NOW) == {}


def test_only_the_accounts_latest_campaigns_are_looked_at() -> None:
    first = sent_campaign(400)
    fallen = sent_campaign(399, human=0)
    for number in range(LATEST - 1):
        later = sent_campaign(0)
        Campaign.objects.filter(pk=later.pk).update(sent_at=NOW - timedelta(hours=48 + number))
    assert far_below_among([first, fallen], NOW) == {fallen.pk: ["gmail"]}
    sent_campaign(1)
    assert far_below_among([first, fallen], NOW) == {}
