from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db.models import F

from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tracker.models import CampaignCounts, Open, QuarterHourCounts, UniqueOpen
from tracker.pixels import ensure_test_pixel
from tracker.recount import repair, verify
from tracker.verdicts import Verdict
from tracker.writer import open_writer, write_hits

pytestmark = pytest.mark.usefixtures("real_db")


@pytest.fixture
def campaign() -> Any:
    campaign = make_campaign(*emails(5))
    one, other, *_ = pixels_of(campaign)
    write_hits([make_hit(one.pk), make_hit(one.pk), make_hit(other.pk)])
    write_hits([make_hit(ensure_test_pixel(campaign).pk)])
    return campaign


def test_untouched_counts_have_no_drift(campaign: Any) -> None:
    found = verify()
    # Six pixels, one campaign, and the quarter or two in which the hits came.
    assert found.checked == 6 + 1 + QuarterHourCounts.objects.count()
    assert found.drift == 0


def spoil_total(campaign: Any) -> None:
    CampaignCounts.objects.filter(campaign=campaign).update(opens=F("opens") + 1)


def spoil_recipients(campaign: Any) -> None:
    CampaignCounts.objects.filter(campaign=campaign).update(recipients=1)


def spoil_missing_row(campaign: Any) -> None:
    CampaignCounts.objects.filter(campaign=campaign).delete()


def spoil_quarter(campaign: Any) -> None:
    QuarterHourCounts.objects.update(unique_opens=F("unique_opens") + 1)


def spoil_missing_quarter(campaign: Any) -> None:
    QuarterHourCounts.objects.all().delete()


def spoil_pixel(campaign: Any) -> None:
    UniqueOpen.objects.filter(pixel=pixels_of(campaign)[0]).update(open_count=7)


def spoil_test_pixel(campaign: Any) -> None:
    UniqueOpen.objects.filter(is_test=True).update(open_count=7)


def spoil_verdict_of_an_open(campaign: Any) -> None:
    Open.objects.filter(pixel=pixels_of(campaign)[0]).update(verdict=Verdict.BOT.number)


def spoil_verdict_of_a_pixel(campaign: Any) -> None:
    UniqueOpen.objects.filter(pixel=pixels_of(campaign)[0]).update(verdict=Verdict.BOT.number)


def spoil_first_human_open(campaign: Any) -> None:
    UniqueOpen.objects.update(first_human_opened_at=None)


def spoil_human_open_count(campaign: Any) -> None:
    UniqueOpen.objects.filter(pixel=pixels_of(campaign)[0]).update(human_open_count=1)


def spoil_counts_by_verdict(campaign: Any) -> None:
    CampaignCounts.objects.update(bot_opens=F("bot_opens") + 1)


def spoil_human_openers(campaign: Any) -> None:
    CampaignCounts.objects.update(unique_human_opens=F("unique_human_opens") + 1)


def spoil_human_quarter(campaign: Any) -> None:
    QuarterHourCounts.objects.update(unique_human_opens=F("unique_human_opens") + 1)


def spoil_missing_unique_open(campaign: Any) -> None:
    UniqueOpen.objects.filter(pixel=pixels_of(campaign)[0]).delete()


def spoil_by_all_opens_of_a_pixel_deleted(campaign: Any) -> None:
    Open.objects.filter(pixel=pixels_of(campaign)[0]).delete()


def spoil_by_a_deleted_open(campaign: Any) -> None:
    Open.objects.filter(pk=Open.objects.order_by("pk").values_list("pk", flat=True)[0]).delete()


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_total,
        spoil_recipients,
        spoil_missing_row,
        spoil_quarter,
        spoil_missing_quarter,
        spoil_pixel,
        spoil_test_pixel,
        spoil_missing_unique_open,
        spoil_verdict_of_an_open,
        spoil_verdict_of_a_pixel,
        spoil_first_human_open,
        spoil_human_open_count,
        spoil_counts_by_verdict,
        spoil_human_openers,
        spoil_human_quarter,
        spoil_by_all_opens_of_a_pixel_deleted,
        spoil_by_a_deleted_open,
    ],
)
def test_any_drift_is_found_and_repaired(campaign: Any, spoil: Any) -> None:
    spoil(campaign)
    found = verify()
    assert found.drift > 0
    repair(found)
    assert verify().drift == 0
    opens = Open.objects.filter(pixel__is_test=False).count()
    counts = counts_of(campaign)
    assert (counts.recipients, counts.opens) == (5, opens)


def test_counts_of_a_campaign_without_pixels_are_drift(campaign: Any) -> None:
    empty = make_campaign()
    CampaignCounts.objects.update_or_create(campaign=empty, defaults={"opens": 3})
    found = verify()
    assert found.drifted_campaigns == [empty.pk]
    repair(found)
    assert counts_of(empty).opens == 0


def test_verifying_and_repairing_while_hits_arrive_finds_and_makes_no_drift(campaign: Any) -> None:
    pixel_ids = [pixel.pk for pixel in pixels_of(campaign)]
    is_over = threading.Event()
    written: list[int] = []

    def go_on_writing() -> None:
        writer = open_writer()
        while not is_over.is_set():
            written.append(writer.write([make_hit(pixel_id) for pixel_id in pixel_ids]))
        writer.close()

    thread = threading.Thread(target=go_on_writing)
    thread.start()
    try:
        drifts = []
        while len(written) < 30:
            drifts.append(verify().drift)
        spoil_total(campaign)
        repair(verify())
    finally:
        is_over.set()
        thread.join(60)
    assert set(drifts) == {0}
    assert verify().drift == 0
    assert counts_of(campaign).opens == 3 + sum(written)
