from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import CHROME, PASSWORD
from tests.browser.looking import complaints
from tests.browser.test_main_job import campaign_with_list
from tests.server import Installation


def choose(page: Page, language: str) -> None:
    """From the menu of whoever has logged in."""
    page.locator(".bar-menu summary").click()
    page.get_by_role("button", name=language).click()


def logged_in(page: Page, served: Installation) -> None:
    page.goto(f"{served.address}/accounts/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url("**/campaigns/")


def test_a_language_is_chosen_without_scripts_and_stays(
    browser: Browser, served: Installation
) -> None:
    context = browser.new_context(user_agent=CHROME, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served.address}/accounts/login/?next=/campaigns/")
    page.get_by_role("button", name="Deutsch").click()
    assert page.locator("h1").inner_text() == "Anmelden"
    assert page.url.endswith("/accounts/login/?next=/campaigns/")
    logged_in(page, served)
    assert page.locator("html").get_attribute("lang") == "de"
    choose(page, "English")
    assert page.locator("html").get_attribute("lang") == "en"
    context.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_german_pages_fit_and_axe_finds_nothing(
    browser: Browser, served: Installation, width: int
) -> None:
    context = browser.new_context(user_agent=CHROME, locale="en-GB")
    page = context.new_page()
    logged_in(page, served)
    campaign_with_list(
        page, served, f"Rundbrief {width}", f"email,name\nd{width}@example.com,Eva\n"
    )
    number = page.url.split("/campaigns/")[1].split("/")[0]
    choose(page, "Deutsch")
    page.set_viewport_size({"width": width, "height": 900})
    for path in (
        *("/campaigns/", f"/campaigns/{number}/", f"/campaigns/{number}/figures/"),
        *(f"/campaigns/{number}/check/", f"/campaigns/{number}/shares/", "/recipients/?q=d"),
        *(f"/campaigns/compare/?with={number}&with=1", "/admin/tracker/open/"),
    ):
        page.goto(f"{served.address}{path}")
        assert page.locator("html").get_attribute("lang") == "de", path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert complaints(page) == [], path
    context.close()


def test_what_was_copied_is_said_in_german(browser: Browser, served: Installation) -> None:
    context = browser.new_context(user_agent=CHROME, locale="en-GB")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.address)
    page = context.new_page()
    logged_in(page, served)
    campaign_with_list(page, served, "Kopie", "email\nk@example.com\n")
    number = page.url.split("/campaigns/")[1].split("/")[0]
    page.goto(f"{served.address}/campaigns/{number}/snippets/")
    choose(page, "Deutsch")
    button = page.locator("#test button[data-copy]")
    button.click()
    expect(button).to_have_text("Kopiert")
    context.close()
