"""A client with a link, on a phone: no account, one password, the answer at a glance, on paper."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import complain
from tests.server import Installation

PASSWORD = "a word for the client"
# A campaign that went to 12,600 people nine days ago; made of counts, which is all a shared report
# reads.
CAMPAIGN = """
from datetime import timedelta
from django.utils import timezone
from campaigns.models import Campaign
from tracker.models import CampaignCounts, QuarterHourCounts
sent = timezone.now().replace(hour=7, minute=0, second=0, microsecond=0) - timedelta(days=9)
campaign = Campaign.objects.create(name='Spring sale', time_zone='Europe/Berlin', sent_at=sent)
CampaignCounts.objects.create(
    campaign=campaign, recipients=12600, sent=12600, bounces=120, opens=15000, unique_opens=7251,
    unique_human_opens=3919, unique_prefetch_opens=3329, unique_unknown_opens=0,
)
firsts = (2410, 801, 402, 198, 74, 31, 3)
for day, first in enumerate(firsts):
    QuarterHourCounts.objects.create(
        campaign=campaign, starts_at=sent + timedelta(days=day, hours=2), opens=2 * first,
        unique_opens=first, human_opens=first * 8 // 5, unique_human_opens=first,
    )
print(campaign.pk)
"""


@pytest.fixture(scope="module")
def campaign(served: Installation) -> int:
    return int(served.manage("shell", "-v0", "-c", CAMPAIGN))


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, accept_downloads=True
    )
    page = context.new_page()
    page.on("console", lambda message: complain(message.type, message.text))
    page.on("pageerror", lambda error: complain("error", str(error)))
    yield page
    context.close()


def fits(page: Page) -> bool:
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )


def test_a_client_with_a_link_reads_the_report_on_a_phone_and_takes_it_along(
    log_in: Callable[[str], Page],
    phone: Page,
    served: Installation,
    campaign: int,
    tmp_path: Path,
) -> None:
    page = log_in("mara")
    page.goto(f"{served.address}/campaigns/{campaign}/")
    page.get_by_role("link", name="Share").click()
    page.get_by_label("For whom").fill("The client")
    page.get_by_label("Works for").select_option("7")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the link").click()
    link = page.get_by_role("textbox", name="The new link").input_value()
    assert link.startswith(f"{served.address}/shared/")

    # The browser sends the form's origin as this page's referrer policy allows.
    phone.goto(link)
    phone.get_by_label("Password").fill("a wrong word")
    phone.keyboard.press("Enter")
    expect(phone.get_by_text("This is not the password")).to_be_visible()
    assert fits(phone)
    phone.get_by_label("Password").fill(PASSWORD)
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", name="Spring sale")).to_be_visible()
    expect(phone.get_by_text("At least 3,919 of 12,480 people opened.")).to_be_visible()
    expect(phone.locator(".answer")).to_have_text("31.4\u202f%")
    unclear = phone.get_by_role("row", name="Unclear")
    expect(unclear).to_contain_text("fewer than 5")
    expect(phone.get_by_role("row", name="No trace")).to_contain_text("not shown")
    expect(phone.locator(".shared-days tbody tr")).to_have_count(7)
    assert fits(phone)
    assert phone.evaluate("document.scripts.length") == 0

    with phone.expect_download() as taken:
        phone.get_by_role("link", name="Download CSV").click()
    rows = list(csv.reader(Path(taken.value.path()).read_text("utf-8-sig").splitlines()))
    assert ["recipients", "unique_human_opens", "3919"] in rows

    with phone.expect_download() as taken:
        phone.get_by_role("link", name="Download printable page").click()
    file = tmp_path / "report.html"
    taken.value.save_as(file)
    printed = pages_on_paper(phone)
    phone.goto(file.as_uri())
    expect(phone.locator(".answer")).to_have_text("31.4\u202f%")
    assert [printed, pages_on_paper(phone)] == [1, 1]

    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{served.address}/campaigns/{campaign}/shares/")
    expect(page.get_by_role("row", name="The client")).to_contain_text("1 time")
    page.get_by_role("button", name="Revoke the link for The client").click()
    expect(page.get_by_text("shows nothing any more")).to_be_visible()
    answer = phone.request.get(link)
    assert answer.status == 404


def pages_on_paper(page: Page) -> int:
    return page.pdf(format="A4").count(b"/Type /Page\n")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_links_fit_and_work_without_javascript(
    browser: Browser, served: Installation, campaign: int, scheme: str
) -> None:
    context = browser.new_context(
        java_script_enabled=False,
        viewport={"width": 360, "height": 740},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{served.address}/accounts/login/")
    page.get_by_label("Username").fill("mara")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{served.address}/campaigns/{campaign}/shares/")
    page.get_by_label("For whom").fill(f"Without scripts, {scheme}")
    page.get_by_role("button", name="Create the link").click()
    link = page.get_by_role("textbox", name="The new link").input_value()
    page.goto(link)
    expect(page.locator(".answer")).to_have_text("31.4\u202f%")
    page.goto(f"{served.address}/campaigns/{campaign}/shares/")
    page.get_by_role("button", name=f"Revoke the link for Without scripts, {scheme}").click()
    expect(page.get_by_text("shows nothing any more")).to_be_visible()
    assert page.goto(link).status == 404  # type: ignore[union-attr]  # there is an answer
    context.close()
