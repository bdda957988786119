"""The end mark, switched on in a browser, and mails whole and cut off that a browser shows."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_main_job import campaign_with_list
from tests.server import Installation

SIZES = {"desktop": (1280, 900), "phone": (360, 800)}
LIST = "".join(f"r{number}@gmail.com\n" for number in range(8)) + "".join(
    f"r{number}@company.example\n" for number in range(4)
)


def read(context: BrowserContext, url: str) -> None:
    """As a reader does, until nothing more is loaded."""
    reader = context.new_page()
    reader.goto(url, wait_until="networkidle")
    reader.close()


@pytest.fixture(scope="session")
def pictured() -> dict[str, str]:
    """The report's address, once it was made."""
    return {}


def test_copies_that_are_cut_off_are_the_clip_rate(
    log_in: Callable[[str], Page],
    context: BrowserContext,
    served: Installation,
    other_origin: tuple[Path, str],
    pictured: dict[str, str],
) -> None:
    page = log_in("mara")
    campaign_with_list(page, served, "Long letter", f"email\n{LIST}")
    report = page.url.removesuffix("snippets/")
    campaign_id = report.rstrip("/").rpartition("/")[2]
    page.get_by_role("button", name="Switch the end mark on").click()
    expect(page.get_by_role("button", name="Switch the end mark off")).to_be_visible()
    expect(page.get_by_role("textbox", name="End mark for r0@gmail.com")).to_be_visible()
    exported = csv.DictReader(io.StringIO(served.manage("export_snippets", campaign_id)))
    rows = sorted(exported, key=lambda row: row["email"].partition("@")[2], reverse=True)
    folder, address = other_origin
    for number, row in enumerate(rows[:9]):
        # Of Gmail's eight every other one is cut off; of those elsewhere none is.
        rest = "" if number % 2 and number < 8 else row["end_mark"]
        mail = f"<!doctype html><body>{row['snippet']}<p>A long letter</p>{rest}</body>"
        (folder / f"{number}.html").write_text(mail)
        read(context, f"{address}/{number}.html")
    whole = folder / "whole.html"
    whole.write_text(f"<html><body>{rows[0]['snippet']}<p>x</p>{rows[0]['end_mark']}</body></html>")
    # Not ready, since nobody elsewhere reaches this machine.
    found = served.manage("check_mail", campaign_id, str(whole), "--json", status=1)
    checked = json.loads(found)
    assert "end-mark" in [one["id"] for one in checked["findings"]]
    page.goto(report)
    page.locator("#mark-sent > summary").click()
    page.get_by_role("button", name="Yes, it was sent").click()
    page.goto(f"{report}snippets/")
    expect(page.locator("#end-mark")).to_contain_text("in every copy or in none")
    told = json.loads(served.manage("report", campaign_id, "--json"))
    assert (told["opens"], told["unique_human_opens"]) == (9, 9)
    assert told["clip_rate"] == 4 / 9
    assert {one["provider"]: one["clip_rate"] for one in told["by_provider"]} == {
        "Gmail": 0.5,
        "Other domains": None,
    }
    pictured["report"] = report


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit(
    log_in: Callable[[str], Page], size: str, scheme: Any, pictured: dict[str, str]
) -> None:
    page = log_in("mara")
    report = pictured["report"]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})
    for path, place in (
        ("", "#clipping"),
        ("figures/", "#clip-rate"),
        ("snippets/", "#end-mark"),
        ("snippets/", "#test"),
        ("snippets/", "#people"),
    ):
        page.goto(f"{report}{path}")
        expect(page.locator(place)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        if folder := os.environ.get("SCREENSHOTS"):
            name = f"{place.removeprefix('#')}-{size}-{scheme}.png"
            page.locator(place).screenshot(path=str(Path(folder) / name))
