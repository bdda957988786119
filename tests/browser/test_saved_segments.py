"""A saved segment in a real browser: its form counts while it is filled in, by keyboard too."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import Page, expect

from tests.server import Installation

SCREENSHOTS = os.environ.get("SCREENSHOTS")
LIST = "email,Town,Tier\n" + "".join(
    f"s{number}@saved.example,{'Graz' if number % 3 else 'Linz am Rhein'},{'AB'[number % 2]}\n"
    for number in range(60)
)


def shoot(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"), full_page=True)


def test_a_segment_is_filled_in_counted_and_saved(
    served: Installation, log_in: Callable[[str], Page], tmp_path: Path
) -> None:
    campaign = served.manage("create_campaign", "Towns").strip()
    (tmp_path / "list.csv").write_text(LIST)
    served.manage("import_recipients", campaign, str(tmp_path / "list.csv"))
    served.manage("mark_sent", campaign)
    # What a report breaks down it shows from the first open on.
    first, *_ = csv.DictReader(StringIO(served.manage("export_snippets", campaign)))
    assert urlopen(first["pixel_url"]).status == 200
    page = log_in("mara")
    page.get_by_role("link", name="Segments").click()
    page.get_by_role("link", name="New segment").click()
    page.get_by_label("Name", exact=True).fill("From Graz")
    page.get_by_label("What").select_option("attribute:Town")
    page.get_by_label("Value").fill("Graz")
    # Leaving the field is enough.
    page.keyboard.press("Tab")
    preview = page.locator("#segment-preview")
    expect(preview).to_contain_text("40 recipients")
    shoot(page, "segment-form")
    page.get_by_role("button", name="Another condition").click()
    page.get_by_label("What").nth(1).select_option("attribute:Tier")
    page.get_by_label("Value").nth(1).fill("A")
    page.keyboard.press("Tab")
    expect(preview).to_contain_text("20 recipients")
    # Return in a field shows, and does not save.
    page.get_by_label("Value").nth(1).press("Enter")
    expect(page.get_by_role("heading", name="New segment")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    shoot(page, "segment-form-phone")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="From Graz")).to_be_visible()
    shoot(page, "segment")
    page.emulate_media(color_scheme="dark")
    shoot(page, "segment-dark")
    page.goto(f"{served.address}/segments/")
    shoot(page, "segments")
    page.goto(f"{served.address}/campaigns/{campaign}/?attribute=Town#by-attribute")
    section = page.locator("#by-attribute")
    expect(section.get_by_role("row")).to_have_count(3)
    if SCREENSHOTS:
        section.screenshot(path=str(Path(SCREENSHOTS) / "by-attribute-dark.png"))
        page.emulate_media(color_scheme="light")
        section.screenshot(path=str(Path(SCREENSHOTS) / "by-attribute.png"))
    page.get_by_label("Attribute", exact=True).select_option("Tier")
    section.get_by_role("button", name="Show").click()
    expect(page.locator("#by-attribute-heading")).to_contain_text("Tier")
    page.set_viewport_size({"width": 390, "height": 844})
    if SCREENSHOTS:
        section.screenshot(path=str(Path(SCREENSHOTS) / "by-attribute-phone.png"))
