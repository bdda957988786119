"""From an empty installation to a checked mail, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import CHROME, PASSWORD
from tests.server import Installation
from tests.tracker.mailcheck.cases import html


def campaign_with_recipient(page: Page, served: Installation, name: str) -> str:
    """Its report's address."""
    page.goto(f"{served.address}/admin/campaigns/campaign/add/")
    page.fill("#id_name", name)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Import the list").click()
    page.set_input_files(
        "input[type=file]",
        {"name": "list.csv", "mimeType": "text/csv", "buffer": b"email\nann@example.com\n"},
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Import").click()
    page.get_by_role("link", name="snippets").first.click()
    return page.url.removesuffix("snippets/")


def snippet_on(page: Page, report: str) -> str:
    page.goto(f"{report}snippets/")
    return page.get_by_role("textbox", name="Snippet for ann@example.com").input_value()


def test_the_report_of_a_new_campaign_leads_to_the_check_and_the_check_answers(
    log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("mara")
    report = campaign_with_recipient(page, served, "Checked by hand")
    mail = html(f"<p>News</p>{snippet_on(page, report)}")
    page.goto(report)
    expect(page.get_by_role("heading", name="To the first open")).to_be_visible()
    page.locator(".next-steps").get_by_role("link", name="Check the mail").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check the mail")

    page.get_by_label("Or its source").fill(mail)
    page.get_by_role("button", name="Check", exact=True).click()
    # The tests' server is this machine: the check has to say so, and nothing worse.
    expect(page.locator("#result")).to_have_text("One thing to mend before you send")
    findings = page.locator(".check-finding")
    expect(findings.first).to_have_attribute("data-finding", "unreachable")
    expect(page.locator("[data-finding=this-campaign]")).to_contain_text("ann@example.com")

    page.get_by_label("Or its source").fill("")
    page.set_input_files(
        "input[type=file]",
        {
            "name": "mail.eml",
            "mimeType": "message/rfc822",
            "buffer": b"From: a@example.com\r\nContent-Type: text/html\r\n\r\n"
            + f"<div style='display:none'>{mail}</div>".encode(),
        },
    )
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#result")).to_have_text("2 things to mend before you send")
    hidden = page.locator("[data-finding=display-none]")
    expect(hidden).to_contain_text("To mend")
    expect(hidden.locator("mark")).to_contain_text("<img src=")
    expect(hidden.locator("figcaption")).to_have_text(re.compile(r"HTML, line 3, byte \d+"))


def test_the_check_works_by_keyboard_and_without_javascript_on_a_phone(
    context: BrowserContext, served: Installation, log_in: Callable[[str], Page]
) -> None:
    report = campaign_with_recipient(log_in("mara"), served, "Checked on a phone")
    browser = context.browser
    assert browser is not None
    plain = browser.new_context(
        java_script_enabled=False, viewport={"width": 360, "height": 740}, user_agent=CHROME
    )
    page = plain.new_page()
    page.goto(f"{report}check/")
    page.fill("#id_username", "mara")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.get_by_label("Or its source").focus()
    page.keyboard.type("<p>" + "x" * 300 + "</p>")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#result")).to_have_text("2 things to mend before you send")
    # Of an IP address there is nothing to look up.
    expect(page.get_by_role("checkbox")).to_have_count(0)
    widths = page.locator("html").bounding_box(), page.locator("main").bounding_box()
    assert all(box is not None and box["width"] <= 360 for box in widths)
    plain.close()
