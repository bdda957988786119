from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from campaigns.models import Campaign
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tracker.breakdowns import refresh as refreshing
from tracker.breakdowns.adding_up import breakdowns_of
from tracker.breakdowns.refresh import due, refresh, refresh_due, up_to_date
from tracker.models import Breakdown, Breakdowns, CampaignCounts
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")


def due_later() -> list[Campaign]:
    return list(due(timezone.now() + timedelta(days=1)))


def test_only_campaigns_whose_counts_changed_are_due() -> None:
    one, other = make_campaign(*emails(3)), make_campaign(*emails(3))
    make_campaign()
    assert {campaign.pk for campaign in due_later()} == {one.pk, other.pk}
    assert refresh_due() == 2
    assert due_later() == []
    write_hits([make_hit(pixels_of(one)[0].pk)])
    assert due_later() == [one]
    refresh(one)
    for name in Breakdowns.SEEN:
        CampaignCounts.objects.filter(campaign=other).update(**{name: F(name) + 1})
        assert due_later() == [other], name
        refresh(other)
        assert due_later() == [], name


def test_a_campaign_has_its_turn_once_a_minute_and_the_dearer_the_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = make_campaign(*emails(3))
    stored, _ = refresh(campaign)
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    assert refresh_due() == 0
    assert not due(stored.computed_at + timedelta(seconds=59)).exists()
    assert due(timezone.now() + timedelta(seconds=61)).exists()
    moments = iter([100.0, 110.0])
    monkeypatch.setattr(refreshing, "monotonic", lambda: next(moments))
    stored, _ = refresh(campaign)
    assert stored.took == 10
    assert stored.next_at - stored.computed_at >= timedelta(seconds=200)


def test_those_that_waited_longest_come_first_and_a_run_ends_with_its_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new, never = (make_campaign(*emails(2)) for _ in range(3))
    refresh(old)
    refresh(new)
    CampaignCounts.objects.update(opens=F("opens") + 1)
    Breakdowns.objects.update(next_at=timezone.now())
    assert list(due(timezone.now())) == [never, old, new]
    assert refresh_due(budget=-1) == 0
    moments = iter([0.0, 1.0, 2.0, 3.0, 6.0])
    monkeypatch.setattr(refreshing, "monotonic", lambda: next(moments))
    assert refresh_due(budget=5) == 1
    monkeypatch.undo()
    assert list(due(timezone.now())) == [old, new]


def test_a_campaign_that_fails_keeps_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good, bad = make_campaign(*emails(2)), make_campaign(*emails(2))
    real = breakdowns_of

    def fail_for_one(campaign: Campaign) -> list[Breakdown]:
        if campaign == bad:
            raise OSError("away")
        return real(campaign)

    monkeypatch.setattr(refreshing, "breakdowns_of", fail_for_one)
    refresh_due()
    assert [one.pk for one in Breakdowns.objects.all()] == [good.pk]


def read(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_related("counts", "breakdowns", "end_marks").get(pk=campaign.pk)


def test_a_reader_of_a_small_campaign_gets_the_latest_and_of_a_large_one_what_is_stored(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    campaign = make_campaign(*emails(6))
    stored, _ = refresh(campaign)
    campaign = read(campaign)
    with django_assert_num_queries(1):
        computed_at, is_fresh, rows = up_to_date(campaign, campaign.counts)
    assert (computed_at, is_fresh) == (stored.computed_at, True)
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    campaign = read(campaign)
    monkeypatch.setattr(refreshing, "SMALL", 5)
    with django_assert_num_queries(1):
        computed_at, is_fresh, rows = up_to_date(campaign, campaign.counts)
    assert (computed_at, is_fresh) == (stored.computed_at, False)
    assert not any(row.unique_opens for row in rows)
    monkeypatch.setattr(refreshing, "SMALL", 6)
    with django_assert_num_queries(2):
        _, is_fresh, rows = up_to_date(campaign, campaign.counts)
    assert is_fresh
    assert sum(row.unique_opens for row in rows) == 1
    assert not Breakdown.objects.filter(unique_opens=1).exists(), "reading writes nothing"


def test_a_large_campaign_that_was_never_added_up_has_no_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refreshing, "SMALL", 5)
    campaign = read(make_campaign(*emails(6)))
    assert up_to_date(campaign, campaign.counts) == (None, False, [])


def test_counts_that_move_while_it_runs_are_seen_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = make_campaign(*emails(3))
    real = breakdowns_of

    def open_meanwhile(campaign: Campaign) -> list[Breakdown]:
        rows = real(campaign)
        write_hits([make_hit(pixels_of(campaign)[0].pk)])
        return rows

    monkeypatch.setattr(refreshing, "breakdowns_of", open_meanwhile)
    stored, _ = refresh(campaign)
    assert not stored.has_seen(counts_of(campaign))
    assert due_later() == [campaign]
