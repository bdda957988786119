"""The overview, a person's page and the comparison in real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_main_job import campaign_with_list
from tests.server import Installation

# The live line asks every ten seconds.
REFRESHED_WITHIN = 25_000


def pixel_of(page: Page, address: str) -> str:
    """The pixel's URL from the page of snippets."""
    value = page.locator("tr", has_text=address).locator("input").input_value()
    found = re.search(r'src="([^"]+)"', value)
    assert found, value
    return found.group(1)


def test_the_line_moves_without_a_reload_when_somebody_opens(
    log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("mara")
    campaign_with_list(page, served, "Live", "email\nlive@example.com\n")
    pixel = pixel_of(page, "live@example.com")
    page.goto(f"{served.address}/campaigns/")
    page.evaluate("window.isStillThisPage = true")
    today = page.locator("#pulse p").nth(1)
    before = int(re.sub(r"\D", "", today.locator("strong").inner_text()))
    assert page.request.get(pixel).ok
    expect(today.locator("strong")).to_have_text(f"{before + 1:,}", timeout=REFRESHED_WITHIN)
    expect(page.locator("#pulse")).to_contain_text("Tracking works: last hit")
    assert page.evaluate("window.isStillThisPage")


def test_a_page_that_outlives_its_session_shows_no_login_inside_itself(
    log_in: Callable[[str], Page], served: Installation
) -> None:
    # A page of its own: the browser puts the error that is wanted here on the console.
    page = log_in("mara").context.new_page()
    campaign_with_list(page, served, "Left open", "email\nleft@example.com\n")
    page.goto(f"{served.address}/campaigns/")
    said = page.locator("#pulse").inner_html()
    with page.expect_response("**/campaigns/pulse/", timeout=REFRESHED_WITHIN) as answer:
        page.context.clear_cookies()
    assert answer.value.status == 404
    assert page.locator("#pulse").inner_html() == said
    expect(page.locator("input[type=password]")).to_have_count(0)


def test_an_address_typed_in_the_bar_leads_to_the_person_by_keyboard_alone(
    log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("mara")
    campaign_with_list(page, served, "Person", "email,name\nperson@example.com,Pat\n")
    for path in ("/campaigns/", "/admin/"):
        page.goto(f"{served.address}{path}")
        field = page.get_by_role("searchbox", name="Find a recipient by address")
        field.focus()
        page.keyboard.type("person@ex")
        page.keyboard.press("Enter")
        page.wait_for_url("**/recipients/?q=*")
        page.get_by_role("link", name="person@example.com").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/recipients/\d+/$"))
        expect(page.get_by_role("heading", level=1)).to_have_text("person@example.com")
        expect(page.get_by_role("link", name="Person", exact=True)).to_be_visible()


def test_ticked_campaigns_are_compared(log_in: Callable[[str], Page], served: Installation) -> None:
    page = log_in("mara")
    for _ in range(2):
        campaign_with_list(page, served, "Same name", "email\nsame@example.com\n")
    page.goto(f"{served.address}/campaigns/?q=Same+name")
    for tick in page.get_by_role("checkbox", name="Compare Same name").all():
        tick.check()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url("**/campaigns/compare/**")
    names = page.locator("tbody th a").all_inner_texts()
    assert len(set(names)) == 2, names


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200, 3840])
def test_no_page_is_wider_than_its_window(
    scheme: str, width: int, log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("ada")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    address = f"{'n' * 50}{width}{scheme}@example.com"
    campaign_with_list(page, served, "W" * 200, f"email,name\n{address},{'n' * 200}\n")
    campaign = page.url.split("/campaigns/")[1].split("/")[0]
    page.request.get(pixel_of(page, address))
    for path in (
        "/campaigns/?sort=-rate&status=ready",
        "/campaigns/?q=nothing+has+this+name",
        f"/campaigns/compare/?with={campaign}&with=1",
        "/recipients/?q=n",
        "/recipients/?q=nobody-at-all",
        f"/recipients/?q={address}",
        "/admin/",
    ):
        page.goto(f"{served.address}{path}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, path
        assert page.locator("h1").count() == 1, path
