"""Long work in real Chromium: started, seen to move, left, returned to, cancelled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD, complain
from tests.browser.looking import complaints, keep_picture
from tests.server import Installation

OPENS = 60_000
# Recorded before there were verdicts, as an upgrade leaves them.
RECORDED = f"""
from tests.conftest import make_hit
from tests.tracker.judging.test_again import BROWSER, forget_verdicts_of
from campaigns.models import Campaign, Recipient
from tracker.models import Pixel
from tracker.pixels import add_pixels
from tracker.writer import write_hits
campaign = Campaign.objects.create(name='Judged again')
some = (Recipient(email=f'judged{{n:06}}@example.com') for n in range({OPENS}))
add_pixels(campaign, [one.pk for one in Recipient.objects.bulk_create(some, batch_size=5000)])
pixels = Pixel.objects.filter(campaign=campaign).values_list('pk', flat=True)
hits = [make_hit(pk, user_agent=BROWSER) for pk in pixels]
for start in range(0, {OPENS}, 1000):
    write_hits(hits[start:start + 1000])
forget_verdicts_of(campaign.pk)
print(campaign.pk)
"""


@pytest.fixture(scope="module")
def campaign(served: Installation) -> int:
    return int(served.manage("shell", "-v0", "-c", RECORDED).split()[-1])


def value_of(page: Page) -> int:
    return int(page.get_by_role("progressbar").get_attribute("value") or 0)


def moves(page: Page, beyond: int) -> int:
    page.wait_for_function(
        "least => +(document.querySelector('progress')?.getAttribute('value') ?? 0) > least",
        arg=beyond,
        timeout=60_000,
    )
    return value_of(page)


def test_a_walk_is_started_watched_left_returned_to_and_cancelled(
    log_in: Callable[[str], Page], served: Installation, campaign: int
) -> None:
    page = log_in("mara")
    page.goto(f"{served.address}/admin/campaigns/campaign/{campaign}/change/")
    page.get_by_role("link", name="Judge again").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("The opens of “Judged again”")
    assert complaints(page) == []
    keep_picture(page, "work start")
    page.get_by_role("button", name="Judge again").click()
    page.wait_for_url(re.compile(r"/work/\d+/$"))
    work = page.url
    first = moves(page, 0)
    keep_picture(page, "work running light 1280")
    assert complaints(page) == []
    moves(page, first)

    page.get_by_role("link", name="Long work").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Long work")
    keep_picture(page, "work list light 1280")
    assert complaints(page) == []
    page.get_by_role("link", name="Judging opens again").first.click()
    assert page.url == work
    assert value_of(page) >= first
    page.get_by_role("button", name="Cancel").press("Enter")
    # The page finds out by itself that it is over.
    expect(page.get_by_role("heading", name="What was done")).to_be_visible(timeout=30_000)
    expect(page.locator(".work-state")).to_have_text("Cancelled")
    expect(page.get_by_text("It was not finished")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("unknown"))).to_contain_text("-")
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 360)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        for path in (work, f"{served.address}/work/", f"{served.address}/work/rejudge/"):
            page.goto(path)
            assert complaints(page) == [], (path, scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            keep_picture(page, f"{path.removeprefix(served.address)} {scheme} {width}")


def test_a_long_file_is_prepared_and_downloaded(
    log_in: Callable[[str], Page], served: Installation, campaign: int, tmp_path: Path
) -> None:
    page = log_in("mara")
    page.goto(f"{served.address}/campaigns/{campaign}/snippets/")
    page.get_by_role("link", name="JSON lines").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Prepare a long file")
    assert complaints(page) == []
    keep_picture(page, "work prepare light 1280")
    page.get_by_role("button", name="Prepare the file").click()
    page.wait_for_url(re.compile(r"/work/\d+/$"))
    expect(page.get_by_role("link", name="Download it")).to_be_visible(timeout=60_000)
    assert complaints(page) == []
    keep_picture(page, "work file light 1280")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download it").click()
    download.value.save_as(tmp_path / "snippets.jsonl")
    lines = (tmp_path / "snippets.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["email"] for line in lines}) == len(lines) == OPENS


def test_a_large_campaign_is_made_while_somebody_watches(
    log_in: Callable[[str], Page], served: Installation, campaign: int
) -> None:
    page = log_in("mara")
    page.goto(f"{served.address}/campaigns/{campaign}/segments/?who=all")
    page.get_by_label("Name", exact=True).fill("To all of them again")
    page.get_by_role("button", name="Make the campaign").click()
    page.wait_for_url(re.compile(r"/work/\d+/$"))
    keep_picture(page, "work making light 1280")
    expect(page.get_by_role("link", name="Take the snippets")).to_be_visible(timeout=60_000)
    assert complaints(page) == []
    keep_picture(page, "work made light 1280")
    page.get_by_role("link", name="Take the snippets").click()
    page.wait_for_url(re.compile(r"/campaigns/\d+/snippets/$"))


@pytest.fixture
def plain_phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, java_script_enabled=False
    )
    page = context.new_page()
    page.on("console", lambda message: complain(message.type, message.text))
    yield page
    context.close()


def test_without_javascript_the_page_moves_and_ends_too(
    plain_phone: Any, served: Installation, campaign: int
) -> None:
    page: Page = plain_phone
    page.goto(f"{served.address}/accounts/login/")
    page.fill("#id_username", "mara")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.goto(f"{served.address}/work/rejudge/?campaign={campaign}")
    page.get_by_role("button", name="Only try").click()
    page.wait_for_url(re.compile(r"/work/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Trying to judge opens again")
    keep_picture(page, "work running light 360")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # By reloading itself.
    expect(page.get_by_role("heading", name="What would change")).to_be_visible(timeout=120_000)
    expect(page.locator(".work-state")).to_have_text("Done")
