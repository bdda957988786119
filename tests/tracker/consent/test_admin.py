"""Choices that colleagues enter, with their proof, and the history of them."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns.models import Consent, Recipient
from tests.conftest import make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_choices import linked_opens
from tracker.models import Pixel, PixelTracking
from tracker.privacy_links import privacy_url
from tracker.recount import verify
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

NO_INLINE = {
    "consents-TOTAL_FORMS": "0",
    "consents-INITIAL_FORMS": "0",
}


def form(recipient: Recipient, **changes: str) -> dict[str, str]:
    return {
        "email": recipient.email,
        "name": "Ann",
        "chosen": "as before",
        "proof": "",
        **NO_INLINE,
        **changes,
    }


def test_a_colleague_enters_a_choice_with_its_proof_and_sees_the_history(log_in: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    write_hits([make_hit(pixel.pk)])
    (recipient,) = Recipient.objects.all()
    client = log_in("marketer")
    url = f"/admin/campaigns/recipient/{recipient.pk}/change/"
    assert client.post(url, form(recipient)).status_code == 302
    assert not Consent.objects.exists(), "a new name is no choice"
    answer = client.post(url, form(recipient, chosen="anonymous", proof="letter of 3 May"))
    assert answer.status_code == 302
    (consent,) = Consent.objects.all()
    assert (consent.tracking, consent.source, consent.proof) == (
        "anonymous",
        "admin",
        "letter of 3 May",
    )
    assert str(consent.by) == "mara"
    assert linked_opens() == 0
    assert verify().drift == 0
    page = client.get(url).content.decode()
    assert "letter of 3 May" in page
    assert "mara" in page
    assert privacy_url(recipient.pk) in page
    # A choice cannot be rewritten from here, nor another's history.
    assert "consents-0-tracking" not in page


def test_a_viewer_changes_no_choice(log_in: Any) -> None:
    make_campaign("a@example.com")
    (recipient,) = Recipient.objects.all()
    url = f"/admin/campaigns/recipient/{recipient.pk}/change/"
    answer = log_in("staff viewer").post(url, form(recipient, chosen="off"))
    assert answer.status_code in (302, 403)
    assert not Consent.objects.exists()


def test_a_new_recipient_may_come_with_a_choice(log_in: Any) -> None:
    client = log_in("marketer")
    new = Recipient(email="new@example.com")
    assert client.post("/admin/campaigns/recipient/add/", form(new)).status_code == 302
    assert not Consent.objects.exists()
    other = Recipient(email="other@example.com")
    answer = client.post("/admin/campaigns/recipient/add/", form(other, chosen="off"))
    assert answer.status_code == 302
    assert Recipient.objects.get(email="other@example.com").tracking == "off"


def test_a_campaigns_setting_reaches_its_pixels_from_the_admin(log_in: Any) -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, _ = pixels_of(campaign)
    write_hits([make_hit(one.pk)])
    url = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    data = {"name": campaign.name, "subject": "", "time_zone": "UTC", "chosen": "anonymous"}
    assert log_in("marketer").post(url, data).status_code == 302
    campaign.refresh_from_db()
    assert campaign.tracking == "anonymous"
    assert set(pixels_of_recipients()) == {PixelTracking.ANONYMOUS}
    assert linked_opens() == 0
    assert verify().drift == 0


def pixels_of_recipients() -> list[int]:
    return list(Pixel.objects.of_recipients().values_list("tracking", flat=True))


def test_the_lists_of_pixels_and_opens_name_nobody_behind_a_stand_in(log_in: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    Pixel.objects.update(tracking=PixelTracking.ANONYMOUS)
    write_hits([make_hit(pixel.pk)])
    page = log_in("marketer").get("/admin/tracker/open/").content.decode()
    assert "anonymous" in page
    assert "a@example.com" not in page
    assert log_in("marketer").get("/admin/tracker/pixel/").status_code == 200
