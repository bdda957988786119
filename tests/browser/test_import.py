"""An import as somebody does it who has never done one: try it, read, import, correct."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.server import Installation

LIST = (
    "Our members 2026\n\nE-Mail;Name;City\nann@example.com;Ann;Bonn\n"
    "ben@gmial.com;Ben;Ulm\nLee <lee@example.com>;;\nfoo@localhost;Foo;\ncy@example.com;Cy;Ulm;7\n"
)


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_trial_is_read_and_imported_without_another_upload(
    served: Installation, log_in: Callable[[str], Page], tmp_path: Path
) -> None:
    campaign = served.manage("create_campaign", "Members").strip()
    path = tmp_path / "members.csv"
    path.write_text(LIST)
    page = log_in("mara")
    own = f"{served.address}/admin/campaigns/campaign/{campaign}/import/"
    page.goto(own)
    page.set_input_files("#id_file", path)
    page.press("input[type=submit]", "Enter")
    expect(page.get_by_text("Line 3 is the header")).to_be_visible()
    picture(page, "columns")
    page.get_by_role("button", name="Only try").press("Enter")
    expect(page.get_by_text("This was a trial: nothing is stored.")).to_be_visible()
    expect(page.get_by_text("there is no dot after the @-sign")).to_be_visible()
    expect(page.get_by_text("the line has 4 cells and the header 3")).to_be_visible()
    picture(page, "trial")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    picture(page, "trial-dark-phone")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Import it now").press("Enter")
    expect(page.get_by_role("heading", name="What became of “members.csv”")).to_be_visible()
    page.get_by_label("gmial.com").check()
    page.get_by_role("button", name="Correct the chosen ones").press("Enter")
    expect(page.get_by_text("Addresses corrected: 1.")).to_be_visible()
    page.goto(own)
    page.set_input_files("#id_file", path)
    page.press("input[type=submit]", "Enter")
    page.get_by_role("button", name="Import", exact=True).press("Enter")
    expect(page.get_by_text("a mistyped address that was corrected before")).to_be_visible()
    picture(page, "again")
    page.set_extra_http_headers({"Accept-Language": "de"})
    page.reload()
    expect(page.get_by_role("heading", name="Was aus „members.csv“ wurde")).to_be_visible()
    picture(page, "again-german")


def test_the_button_that_uploads_stays_inside_its_card_on_a_phone(
    served: Installation, log_in: Callable[[str], Page]
) -> None:
    campaign = served.manage("create_campaign", "From a phone").strip()
    page = log_in("mara")
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{served.address}/admin/campaigns/campaign/{campaign}/import/")
    button = page.locator(".submit-row input[type=submit]").bounding_box()
    card = page.locator(".submit-row").bounding_box()
    assert button
    assert card
    assert button["x"] + button["width"] <= card["x"] + card["width"]


# Read by another machine, which shows no sign of life: it neither moves nor ends by itself.
ELSEWHERE = """
from django.utils import timezone
from campaigns.models import Campaign, Import
campaign = Campaign.objects.create(name='Everybody')
one = Import.objects.create(campaign=campaign, file_name='all.csv', path='', is_ours=True,
    place='elsewhere', size=900, bytes_read=300, rows=12, state='reading',
    started_at=timezone.now())
print(campaign.pk, one.pk)
"""


def test_the_figures_of_an_import_move_and_the_focus_stays_where_it_is(
    served: Installation, log_in: Callable[[str], Page]
) -> None:
    campaign, number = served.manage("shell", "-v0", "-c", ELSEWHERE).split()[-2:]
    page = log_in("mara")
    page.goto(f"{served.address}/admin/campaigns/campaign/{campaign}/import/{number}/")
    cancel = page.get_by_role("button", name="Cancel the import")
    cancel.focus()
    code = f"from campaigns.models import Import; Import.objects.filter(pk={number})"
    served.manage("shell", "-v0", "-c", f"{code}.update(bytes_read=600, rows=24)")
    expect(page.locator("#import-now")).to_contain_text("66 %")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "66")
    expect(cancel).to_be_focused()
    picture(page, "import-progress")
    served.manage("shell", "-v0", "-c", f"{code}.update(state='done')")
    expect(page.get_by_role("heading", name="What became of “all.csv”")).to_be_visible()
