"""From a report to a new campaign for those who did not open, and to its snippets."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD, complain
from tests.server import Installation

# Forty recipients: twelve opened by people, six by machines only, one bounced.
CAMPAIGN = """
from datetime import timedelta
from django.utils import timezone
from campaigns.models import Campaign, Recipient
from tracker.models import CampaignCounts, Pixel, UniqueOpen
from tracker.pixels import add_pixels, ensure_test_pixel, mark_bounced, mark_sent
now = timezone.now().replace(second=0, microsecond=0)
campaign = Campaign.objects.create(name='Spring sale', subject='New', time_zone='Europe/Berlin')
ensure_test_pixel(campaign)
people = [Recipient.objects.create(email=f'person{n:02}@example.com') for n in range(40)]
add_pixels(campaign, [one.pk for one in people])
mark_sent(campaign, at=now - timedelta(days=2))
mark_bounced(campaign, ['person39@example.com'], at=now)
for n, pixel in enumerate(Pixel.objects.of_recipients().filter(campaign=campaign).order_by('pk')):
    verdict = 6 if n < 12 else 3 if n < 18 else None
    if verdict:
        at = now - timedelta(days=1, minutes=n)
        UniqueOpen.objects.create(
            pixel=pixel, campaign=campaign, is_test=False, open_count=1 + n % 3,
            human_open_count=1 + n % 3 if n < 12 else 0, verdict=verdict,
            first_opened_at=at, last_opened_at=at, first_human_opened_at=at if n < 12 else None)
CampaignCounts.objects.filter(campaign=campaign).update(
    opens=36, unique_opens=18, human_client_opens=24, privacy_prefetch_opens=12,
    unique_human_opens=12, unique_prefetch_opens=6)
print(campaign.pk)
"""


@pytest.fixture(scope="module")
def campaign(served: Installation) -> int:
    return int(served.manage("shell", "-v0", "-c", CAMPAIGN))


def test_those_who_did_not_open_become_a_new_campaign(
    log_in: Callable[[str], Page], served: Installation, campaign: int, tmp_path: Path
) -> None:
    page = log_in("mara")
    page.goto(f"{served.address}/campaigns/{campaign}/")
    page.locator("#people .tabs").get_by_role("link", name="Not opened").click()
    page.get_by_role("link", name="Use these as a segment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Segments")
    expect(page.get_by_label("Who", exact=True)).to_have_value("unopened")
    expect(page.locator(".segment-count")).to_have_text("21 of 40 recipients")

    page.get_by_label("Who", exact=True).select_option("not-opened")
    page.get_by_role("button", name="Show them").click()
    expect(page.locator(".segment-count")).to_have_text("27 of 40 recipients")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    download.value.save_as(tmp_path / "segment.csv")
    with (tmp_path / "segment.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 27

    page.get_by_role("link", name="Write to them again").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Spring sale: not opened")
    page.get_by_label("Subject").fill("In case you missed it")
    page.get_by_role("button", name="Make the campaign").click()
    page.wait_for_url(re.compile(r"/campaigns/\d+/snippets/$"))
    expect(page.get_by_role("status").first).to_contain_text("Its recipients: 27.")
    assert page.url != f"{served.address}/campaigns/{campaign}/snippets/"
    expect(page.get_by_role("textbox", name=re.compile("Snippet for"))).to_have_count(27)
    with page.expect_download() as download:
        page.get_by_role("link", name="Text for Word and Outlook").click()
    download.value.save_as(tmp_path / "word.txt")
    lines = (tmp_path / "word.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "\ufeffemail\tname\tpixel_url\tprivacy_url\tcode"
    assert len(lines) == 1 + 27


def test_a_choice_that_cannot_be_says_so_and_keeps_what_was_typed(
    log_in: Callable[[str], Page], served: Installation, campaign: int
) -> None:
    page = log_in("mara")
    page.goto(f"{served.address}/campaigns/{campaign}/segments/?who=unopened")
    page.get_by_label("Opens by people, at least").fill("2")
    page.get_by_role("button", name="Show them").click()
    expect(page.get_by_role("alert")).to_contain_text("has no opens to count")
    expect(page.get_by_label("Opens by people, at least")).to_have_value("2")


@pytest.fixture
def plain_phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, java_script_enabled=False
    )
    page = context.new_page()
    page.on("console", lambda message: complain(message.type, message.text))
    yield page
    context.close()


def test_a_phone_without_javascript_makes_a_campaign_too(
    plain_phone: Page, served: Installation, campaign: int
) -> None:
    page = plain_phone
    page.goto(f"{served.address}/accounts/login/")
    page.fill("#id_username", "mara")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.goto(f"{served.address}/campaigns/{campaign}/segments/?who=opened&at_least=2")
    expect(page.locator(".segment-count")).to_have_text("8 of 40 recipients")
    widest = page.evaluate("document.documentElement.scrollWidth")
    assert widest <= 360
    page.get_by_role("button", name="Make the campaign").click()
    expect(page.get_by_role("status").first).to_contain_text("Its recipients: 8.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
