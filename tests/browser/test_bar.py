"""The bar at the top in real Chromium: one line on a phone, a menu for the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import CHROME, PASSWORD
from tests.server import Installation


@pytest.mark.parametrize("path", ["/campaigns/", "/admin/"])
def test_on_a_phone_the_bar_is_one_line(
    path: str, log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("ada")
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{served.address}{path}")
    box = page.locator("header.bar").bounding_box()
    assert box
    assert box["height"] <= 56
    expect(page.get_by_role("searchbox", name="Find a recipient by address")).to_be_visible()
    expect(page.get_by_role("link", name="Segments")).to_be_hidden()
    page.get_by_text("Menu", exact=True).click()
    for name in ("Campaigns", "Segments", "Admin", "Change password"):
        expect(page.locator(".bar").get_by_role("link", name=name)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_menu_is_used_by_keyboard_and_closes_by_escape_and_beside_it(
    log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("ada")
    page.goto(f"{served.address}/campaigns/")
    summary = page.locator(".bar-menu summary")
    out = page.get_by_role("button", name="Log out")
    summary.focus()
    page.keyboard.press("Enter")
    expect(out).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(out).to_be_hidden()
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    expect(out).to_be_visible()
    # Beyond the last of it the focus leaves, and the menu closes.
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(out).to_be_hidden()
    summary.click()
    page.locator("h1").click()
    expect(out).to_be_hidden()


def test_without_javascript_a_phone_reaches_every_page_and_logs_out(
    browser: Browser, served: Installation
) -> None:
    context = browser.new_context(
        user_agent=CHROME, viewport={"width": 360, "height": 800}, java_script_enabled=False
    )
    page = context.new_page()
    page.goto(f"{served.address}/accounts/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("link", name="Segments").click()
    page.wait_for_url("**/segments/")
    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/accounts/login/**")
    context.close()
