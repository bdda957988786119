from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns.models import Campaign, Recipient
from tests.conftest import counts_of, emails, make_campaign, pixels_of
from tracker import pixels
from tracker.models import Pixel

pytestmark = pytest.mark.django_db

NINE = datetime(2026, 3, 12, 9, tzinfo=UTC)
TEN = datetime(2026, 3, 12, 10, tzinfo=UTC)


def test_a_recipient_may_have_pixels_in_many_campaigns() -> None:
    one = make_campaign("a@example.com")
    other = make_campaign("a@example.com")
    assert Recipient.objects.count() == 1
    assert pixels_of(one)[0].pk != pixels_of(other)[0].pk


def test_a_campaign_has_one_test_pixel_that_is_no_recipient() -> None:
    campaign = make_campaign("a@example.com")
    assert pixels.ensure_test_pixel(campaign) == pixels.ensure_test_pixel(campaign)
    assert counts_of(campaign).recipients == 1


def test_marking_as_sent_counts_each_recipient_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "GROUP_PIXELS", 3)
    campaign = make_campaign(*emails(10), is_sent=False)
    assert pixels.mark_sent(campaign, at=NINE) == 10
    assert pixels.mark_sent(campaign, at=TEN) == 0
    campaign.refresh_from_db()
    assert campaign.sent_at == NINE
    assert counts_of(campaign).sent == 10
    assert {(pixel.sent_at, pixel.status) for pixel in pixels_of(campaign)} == {
        (NINE, Pixel.Status.SENT)
    }


def test_recipients_that_come_later_are_marked_by_the_next_call() -> None:
    campaign = make_campaign("a@example.com", is_sent=False)
    pixels.mark_sent(campaign, at=NINE)
    later = Recipient.objects.create(email="b@example.com")
    pixels.add_pixels(campaign, [later.pk])
    assert pixels.mark_sent(campaign, at=TEN) == 1
    campaign.refresh_from_db()
    assert campaign.sent_at == NINE
    assert [pixel.sent_at for pixel in pixels_of(campaign)] == [NINE, TEN]


def test_a_campaign_without_recipients_is_not_marked() -> None:
    campaign = Campaign.objects.create(name="Empty")
    pixels.ensure_test_pixel(campaign)
    assert pixels.mark_sent(campaign, at=NINE) == 0
    campaign.refresh_from_db()
    assert campaign.sent_at is None


def test_bounces_are_told_apart_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "GROUP_PIXELS", 2)
    campaign = make_campaign("a@example.com", "b@example.com", "c@example.com")
    unsent = Recipient.objects.create(email="d@example.com")
    pixels.add_pixels(campaign, [unsent.pk])
    lines = ["\ufeffA@example.com", "", "stranger@example.com", "b@example.com", " a@example.com "]
    result = pixels.mark_bounced(campaign, [*lines, "d@example.com"], at=NINE)
    assert (result.addresses, result.bounced, result.already) == (5, 2, 1)
    assert result.unknown == [(3, "stranger@example.com")]
    assert result.unsent == [(6, "d@example.com")]
    counts = counts_of(campaign)
    assert (counts.sent, counts.bounces, counts.delivered) == (3, 2, 1)
    again = pixels.mark_bounced(campaign, ["a@example.com"], at=NINE)
    assert (again.bounced, again.already, counts_of(campaign).bounces) == (0, 1, 2)


def test_the_same_address_twice_in_one_group_is_one_bounce() -> None:
    campaign = make_campaign("a@example.com")
    result = pixels.mark_bounced(campaign, ["a@example.com", "A@EXAMPLE.COM"], at=NINE)
    assert (result.bounced, result.already, counts_of(campaign).bounces) == (1, 1, 1)
