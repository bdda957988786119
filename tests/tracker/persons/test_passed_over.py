"""Who was erased before a campaign was marked as sent: in no rate, and in the way of nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from campaigns.audit import Source
from campaigns.models import Campaign, Recipient
from campaigns.suppression import suppress
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tracker.models import Pixel, PixelTracking
from tracker.persons.erasure import erase
from tracker.persons.sweep import settle_stragglers
from tracker.pixels import add_pixels, add_pixels_for, is_anybody_unsent
from tracker.recount import verify
from tracker.reports.totals import totals_of
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

REST = "Mark the rest as sent"
FIRST = emails(1)[0]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, settings: Any) -> Path:
    settings.SPOOL_DIR = str(tmp_path)
    return tmp_path


def erased(campaign: Campaign, *, opens: int = 1) -> Pixel:
    """The campaign's first recipient, after so many opens."""
    pixel = pixels_of(campaign)[0]
    write_hits([make_hit(pixel.pk) for _ in range(opens)])
    assert pixel.recipient
    erase(pixel.recipient, None)
    pixel.refresh_from_db()
    return pixel


def sent(campaign: Campaign) -> str:
    out = io.StringIO()
    call_command("mark_sent", str(campaign.pk), stdout=out, stderr=out)
    return out.getvalue()


def shown(campaign: Campaign, log_in: Any) -> str:
    page: bytes = log_in("marketer").get(f"/campaigns/{campaign.pk}/").content
    return page.decode()


def is_in_order(campaign: Campaign) -> bool:
    """Nobody above the line of a rate who is not below it."""
    totals = totals_of(Campaign.objects.get(pk=campaign.pk))
    assert verify().drift == 0
    return totals.unique_tracked_opens <= totals.trackable


def test_an_erasure_changes_no_count_and_marking_as_sent_takes_their_opens_out_of_the_rates(
    log_in: Any,
) -> None:
    campaign = make_campaign(*emails(3), is_sent=False)
    for pixel in pixels_of(campaign)[1:]:
        write_hits([make_hit(pixel.pk)])
    erased(campaign)
    assert counts_of(campaign).unique_human_opens == 3
    assert sent(campaign) == (
        "2 marked as sent, 2 in all.\n1 get no mail: erased, or not to be written to.\n"
    )
    counts = counts_of(campaign)
    assert (counts.recipients, counts.delivered, counts.trackable) == (3, 2, 2)
    assert (counts.unique_human_opens, counts.opens, counts.unique_opens) == (2, 3, 3)
    assert is_in_order(campaign)
    page = shown(campaign, log_in)
    assert REST not in page
    assert "Recipients were added since" not in page
    assert sent(campaign).startswith("0 marked as sent, 2 in all.")


def test_what_is_opened_later_stays_out_of_the_rates_too() -> None:
    campaign = make_campaign(*emails(2), is_sent=False)
    pixel = erased(campaign, opens=0)
    write_hits([make_hit(pixel.pk)])
    assert counts_of(campaign).unique_human_opens == 1
    sent(campaign)
    write_hits([make_hit(pixel.pk)])
    assert counts_of(campaign).unique_human_opens == 0
    assert is_in_order(campaign)


def test_who_is_added_to_a_sent_campaign_and_erased_is_not_waited_for(log_in: Any) -> None:
    campaign = make_campaign(*emails(2))
    new = Recipient.objects.create(email="new@example.org")
    add_pixels(campaign, [new.pk])
    assert REST in shown(campaign, log_in)
    write_hits([make_hit(Pixel.objects.get(recipient=new).pk)])
    erase(new, None)
    assert REST not in shown(campaign, log_in)
    assert counts_of(campaign).unique_human_opens == 0
    assert is_in_order(campaign)


def test_who_is_to_be_sent_to_is_told_beside_the_erased_and_the_suppressed(log_in: Any) -> None:
    campaign = make_campaign(*emails(4), is_sent=False)
    suppress([emails(4)[3]], "", None, source=Source.COMMAND)
    erased(campaign)
    assert is_anybody_unsent(campaign, counts_of(campaign))
    sent(campaign)
    assert not is_anybody_unsent(campaign, counts_of(campaign))
    add_pixels(campaign, [Recipient.objects.create(email="new@example.org").pk])
    assert is_anybody_unsent(campaign, counts_of(campaign))
    assert REST in shown(campaign, log_in)
    sent(campaign)
    assert REST not in shown(campaign, log_in)


def test_who_was_sent_to_before_the_erasure_stays_on_both_sides_of_the_line() -> None:
    campaign = make_campaign(*emails(2))
    pixel = erased(campaign)
    sent(campaign)
    assert pixel.tracking == PixelTracking.ANONYMOUS
    assert (counts_of(campaign).trackable, counts_of(campaign).unique_human_opens) == (2, 1)
    assert is_in_order(campaign)


def test_what_a_former_version_left_in_the_rates_is_taken_out_by_the_schedule() -> None:
    campaign = make_campaign(*emails(2), is_sent=False)
    erased(campaign)
    others = Pixel.objects.of_recipients().filter(recipient__erased_at=None)
    others.update(sent_at=campaign.created_at)
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=campaign.created_at)
    counts = counts_of(campaign)
    counts.sent = 1
    counts.save()
    assert counts.unique_human_opens == 1
    assert settle_stragglers() == 1
    assert settle_stragglers() == 0
    assert counts_of(campaign).unique_human_opens == 0
    assert is_in_order(campaign)


def test_adding_others_to_the_campaign_takes_nobody_back() -> None:
    campaign = make_campaign(*emails(2), is_sent=False)
    pixel = erased(campaign)
    sent(campaign)
    Recipient.objects.create(email="new@example.org")
    add_pixels_for(campaign, Recipient.objects.all())
    pixel.refresh_from_db()
    assert pixel.tracking == PixelTracking.OFF
    assert is_in_order(campaign)
