"""One snippet for a whole list, from the page to the open, in a real browser."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import CHROME
from tests.browser.test_check_page import campaign_with_recipient
from tests.server import Installation

SIZES = {"desktop": (1280, 900), "phone": (375, 800)}


def test_the_snippet_of_a_tool_is_copied_and_its_open_is_the_recipients(
    log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("mara")
    report = campaign_with_recipient(page, served, "For a mailing tool")
    campaign_id = report.rstrip("/").rpartition("/")[2]
    page.goto(f"{report}snippets/")
    page.get_by_text("Brevo", exact=True).click()
    box = page.get_by_role("textbox", name="Snippet for Brevo with the code")
    snippet = box.input_value()
    assert "{{ contact.CODE }}" in snippet
    exported = csv.DictReader(io.StringIO(served.manage("export_snippets", campaign_id)))
    code = next(exported)["code"]
    for filled_in in (code, "ann%40example.com", "{{%20contact.CODE%20}}", "x@example.com"):
        url = snippet.partition('src="')[2].partition('"')[0]
        asking = Request(
            url.replace("{{ contact.CODE }}", filled_in), headers={"User-Agent": CHROME}
        )
        with urlopen(asking, timeout=20) as answer:
            assert answer.headers["Content-Type"] == "image/gif"
    # Misses are kept every few seconds.
    page.wait_for_timeout(6_000)
    page.goto(f"{report}snippets/")
    expect(page.locator("#list-misses")).to_contain_text("once without a recipient")
    expect(page.locator("#list-misses")).to_contain_text("once for somebody who is not in this")
    page.goto(report)
    expect(page.locator("#list-misses")).to_be_visible()
    told = json.loads(served.manage("report", campaign_id, "--json"))
    assert (told["opens"], told["unique_opens"]) == (2, 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_section_fits_and_is_worked_by_keyboard(
    log_in: Callable[[str], Page], served: Installation, size: str, scheme: str
) -> None:
    page = log_in("mara")
    report = campaign_with_recipient(page, served, f"List {size} {scheme}")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})
    page.goto(f"{report}snippets/")
    page.get_by_text("Mailchimp", exact=True).focus()
    page.keyboard.press("Enter")
    copy = page.get_by_role("button", name="Copy the snippet for Mailchimp with the code")
    expect(copy).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("SCREENSHOTS"):
        page.locator("#list").screenshot(path=str(Path(folder) / f"list-{size}-{scheme}.png"))
