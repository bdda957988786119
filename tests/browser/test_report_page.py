"""A report that is left open, in a real browser against the real server."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import THUNDERBIRD
from tests.server import Installation

WITHIN_MS = 15_000


@pytest.fixture
def campaign(served: Installation) -> str:
    """Three recipients, sent, nothing opened."""
    number = served.manage("create_campaign", "Left open").strip()
    file = served.file("three.csv", "email\na@example.com\nb@example.com\nc@example.com\n")
    served.manage("import_recipients", number, file)
    served.manage("mark_sent", number)
    return number


def is_live(url: str) -> bool:
    return urlsplit(url).path.endswith("/live")


def open_mail(served: Installation, campaign: str, which: int) -> None:
    """A real hit, by a person's own client."""
    rows = list(csv.DictReader(StringIO(served.manage("export_snippets", campaign))))
    asking = Request(rows[which]["pixel_url"], headers={"User-Agent": THUNDERBIRD})
    assert urlopen(asking).status == 200


def funnel_row(page: Page) -> Any:
    return page.locator("#live-funnel tr", has_text="by people")


def test_a_hit_moves_the_figures_without_a_reload(
    log_in: Callable[[str], Page], served: Installation, campaign: str
) -> None:
    page = log_in("mara")
    page.goto(f"{served.address}/campaigns/{campaign}/")
    page.evaluate("window.isSamePage = true")
    expect(page.locator(".answer")).to_have_text("–")
    expect(page.get_by_role("heading", name="To the first open")).to_be_visible()
    expect(page.locator("[data-as-of]")).to_have_count(1)
    expect(page.locator("[data-as-of]").first).to_be_hidden()
    expect(page.locator("#funnel")).to_be_hidden()
    expect(page.locator("#chart")).to_be_hidden()
    expect(page.locator("#live")).to_contain_text("The first open appears here by itself")
    open_mail(served, campaign, 0)
    expect(page.locator(".answer")).to_have_text("33.3\u202f%", timeout=WITHIN_MS)
    expect(funnel_row(page)).to_contain_text("33.3")
    expect(page.locator("#chart")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("Live")
    # What led to the first open is gone, and what stays as it was says so.
    expect(page.get_by_role("heading", name="To the first open")).to_have_count(0)
    for line in page.locator("[data-as-of]").all():
        expect(line).to_contain_text("as of")
        expect(line.get_by_role("link", name="Reload the page")).to_be_visible()
    # The chart appears; its table is opened by keyboard, and stays open while the rest moves on.
    page.locator("#chart-summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chart-table")).to_contain_text("First by people")
    open_mail(served, campaign, 1)
    expect(page.locator(".answer")).to_have_text("66.7\u202f%", timeout=WITHIN_MS)
    expect(page.locator("#chart-table")).to_be_visible()
    expect(page.locator("#chart-summary")).to_be_focused()
    expect(page.locator("#time-to-open")).to_contain_text("Half of the 2 people")
    # All rows, since an hour may have ended between the two.
    firsts = page.locator("#chart-table tbody td:nth-child(2)").all_inner_texts()
    assert sum(map(int, firsts)) == 2
    assert page.evaluate("window.isSamePage") is True


def test_nothing_new_is_a_304_and_is_asked_for_less_and_less_often(
    log_in: Callable[[str], Page], served: Installation, campaign: str
) -> None:
    page = log_in("mara")
    page.clock.install()
    answers: list[int] = []
    page.on("response", lambda one: answers.append(one.status) if is_live(one.url) else None)
    page.goto(f"{served.address}/campaigns/{campaign}/")
    waits = []
    for _ in range(6):
        seen, waited = len(answers), 0
        while len(answers) == seen:
            page.clock.run_for(1000)
            # Gives the answer time to come; the page's own clock stands still meanwhile.
            page.evaluate("() => fetch('/healthz').then((one) => one.text())")
            waited += 1
            assert waited < 600, "it asks no more"
        waits.append(waited)
    assert set(answers) == {304}
    assert waits == sorted(waits)
    assert waits[-1] >= waits[0] + 5
    assert page.locator("#live-words").inner_text() == ""


def test_a_hidden_page_asks_for_nothing_and_at_once_when_it_is_seen_again(
    log_in: Callable[[str], Page], served: Installation, campaign: str
) -> None:
    page = log_in("mara")
    page.clock.install()
    answers: list[int] = []
    page.on("response", lambda one: answers.append(one.status) if is_live(one.url) else None)
    page.goto(f"{served.address}/campaigns/{campaign}/")
    hide(page, True)
    page.clock.run_for(600_000)
    page.evaluate("() => fetch('/healthz').then((one) => one.text())")
    assert answers == []
    with page.expect_response(lambda one: is_live(one.url)) as answer:
        hide(page, False)
    assert answer.value.status == 304


def hide(page: Page, is_hidden: bool) -> None:
    page.evaluate(
        "(isHidden) => {"
        " Object.defineProperty(document, 'hidden', {configurable: true, get: () => isHidden});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        is_hidden,
    )


def test_who_logs_out_elsewhere_is_told_that_the_figures_stand_still(
    log_in: Callable[[str], Page], served: Installation, campaign: str
) -> None:
    page = log_in("mara")
    page.goto(f"{served.address}/campaigns/{campaign}/")
    page.context.clear_cookies()
    expect(page.locator("#live")).to_contain_text("logged out", timeout=WITHIN_MS)


def test_without_javascript_the_report_has_every_figure(
    log_in: Callable[[str], Page], served: Installation, campaign: str
) -> None:
    page = log_in("mara")
    open_mail(served, campaign, 0)
    state = page.context.storage_state()
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False, storage_state=state)
    plain = context.new_page()
    plain.goto(f"{served.address}/campaigns/{campaign}/?by=quarter&opens=first")
    expect(plain.locator(".answer")).to_have_text("33.3\u202f%")
    expect(plain.locator("#live")).to_be_hidden()
    plain.get_by_text("As a table").first.click()
    expect(plain.locator("#chart-table")).to_be_visible()
    plain.get_by_role("link", name="Days").click()
    expect(plain.get_by_role("link", name="Days")).to_have_attribute("aria-current", "true")
    assert "opens=first" in plain.url
    context.close()


@pytest.mark.parametrize("width", [360, 1200, 3840])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_zoom_is_wider_than_its_window(
    width: int, scheme: Any, log_in: Callable[[str], Page], served: Installation, campaign: str
) -> None:
    page = log_in("mara")
    open_mail(served, campaign, 0)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for by in ("quarter", "hour", "day", "week", "month"):
        page.goto(f"{served.address}/campaigns/{campaign}/?by={by}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.emulate_media(media="print")
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("#live-chart svg").first).to_be_visible()
