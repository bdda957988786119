"""The main job by the front door: a marketer in a browser, a reader in a browser."""

from __future__ import annotations

import csv
import re
import smtplib
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import BrowserContext, Page, expect

from tests.server import Installation, free_port

MAIL = "<!doctype html><html><body><h1>Hello {name}</h1><p>News.</p>{snippet}</body></html>"


def campaign_with_list(page: Page, served: Installation, name: str, lines: str) -> None:
    """In the admin: create a campaign and upload a list; ends on the page of its snippets."""
    page.goto(f"{served.address}/admin/campaigns/campaign/add/")
    page.fill("#id_name", name)
    page.select_option("#id_time_zone", "Europe/Berlin")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Import the list").click()
    page.set_input_files(
        "input[type=file]",
        {"name": "list.csv", "mimeType": "text/csv", "buffer": lines.encode("utf-8-sig")},
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Import").click()
    page.get_by_role("link", name="snippets").first.click()
    expect(page).to_have_url(f"{page.url.split('/snippets')[0]}/snippets/")


def copied_snippet(page: Page, context: BrowserContext, address: str) -> str:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    row = page.locator("tr", has_text=address)
    row.get_by_role("button", name="Copy").click()
    expect(row.get_by_role("button")).to_have_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def open_mail(context: BrowserContext, url: str, served: Installation) -> None:
    """Load the mail as a reader; the pixel has to be asked for and to be a real image."""
    reader = context.new_page()
    with reader.expect_response(lambda answer: "/o/" in answer.url) as pixel:
        reader.goto(url)
    answer = pixel.value
    assert answer.request.method == "GET"
    assert answer.url.startswith(f"{served.address}/o/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/gif"
    image = reader.locator("img")
    image.evaluate("image => image.decode()")
    assert image.evaluate("image => [image.complete, image.naturalWidth]") == [True, 1]
    reader.close()


def shown_open(page: Page, address: str) -> str:
    page.get_by_role("link", name=re.compile(r"^Opened")).click()
    return str(page.locator("tr", has_text=address).inner_text())


def test_a_mail_shown_by_another_site_is_an_open_on_the_report(
    log_in: Callable[[str], Page],
    context: BrowserContext,
    served: Installation,
    other_origin: tuple[Path, str],
) -> None:
    page = log_in("mara")
    campaign_with_list(
        page, served, "Shown elsewhere", "Email;Name\nann@example.com;Ann\nbea@example.com;Bea\n"
    )
    snippet = copied_snippet(page, context, "ann@example.com")
    folder, address = other_origin
    (folder / "mail.html").write_text(MAIL.format(name="Ann", snippet=snippet))
    page.locator("main").get_by_role("link", name="Shown elsewhere").first.click()
    page.locator("#mark-sent > summary").click()
    page.get_by_role("button", name="Yes, it was sent").click()
    expect(page.locator("main")).to_contain_text("No open has come yet of the 2 people")
    open_mail(context, f"{address}/mail.html", served)
    page.reload()
    expect(page.locator("main")).to_contain_text("50.0")
    expect(page.locator("main")).to_contain_text("1 of 2")
    row = shown_open(page, "ann@example.com")
    assert "opened" in row
    assert "Chrom" in row
    expect(page.locator("tbody", has_text="bea@example.com")).to_have_count(0)


class Mailbox:
    """Keeps what a real SMTP server was sent."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.received.append(envelope.content)
        return "250 OK"


def test_a_mail_that_went_through_smtp_is_an_open_on_the_report(
    log_in: Callable[[str], Page],
    context: BrowserContext,
    served: Installation,
    other_origin: tuple[Path, str],
) -> None:
    page = log_in("mara")
    campaign_with_list(page, served, "Through SMTP", "email\ncem@example.com\n")
    snippet = copied_snippet(page, context, "cem@example.com")
    message = EmailMessage()
    message["From"], message["To"] = "news@example.com", "cem@example.com"
    message["Subject"] = "Frühling"
    message.set_content("Hello Cem")
    message.add_alternative(MAIL.format(name="Cem Ünal", snippet=snippet), subtype="html")
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        with smtplib.SMTP("127.0.0.1", controller.port) as smtp:
            smtp.send_message(message)
    finally:
        controller.stop()
    (content,) = mailbox.received
    arrived = message_from_bytes(content, policy=policy.default)
    html = arrived.get_body(("html",))
    assert html is not None
    folder, address = other_origin
    (folder / "mail.html").write_text(html.get_content(), encoding="utf-8")
    open_mail(context, f"{address}/mail.html", served)
    page.locator("main").get_by_role("link", name="Through SMTP").first.click()
    page.locator("#mark-sent > summary").click()
    page.get_by_role("button", name="Yes, it was sent").click()
    expect(page.locator("main")).to_contain_text("1 of 1")
    assert "cem@example.com" in shown_open(page, "cem@example.com")


def test_the_test_pixel_is_seen_and_never_counts(
    log_in: Callable[[str], Page],
    context: BrowserContext,
    served: Installation,
    other_origin: tuple[Path, str],
) -> None:
    page = log_in("mara")
    campaign_with_list(page, served, "Tested first", "email\ndora@example.com\n")
    expect(page.locator("main")).to_contain_text("Not seen yet")
    snippet = page.locator("[data-copy]").first.get_attribute("data-copy")
    folder, address = other_origin
    (folder / "mail.html").write_text(MAIL.format(name="me", snippet=snippet))
    open_mail(context, f"{address}/mail.html", served)
    page.reload()
    expect(page.locator("main")).to_contain_text("Tracking works")
    page.locator("main").get_by_role("link", name="Tested first").first.click()
    expect(page.locator("main")).to_contain_text("No open")


def test_the_main_pages_are_used_with_the_keyboard_alone(
    log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("mara")
    campaign_with_list(page, served, "By keyboard", "email\neva@example.com\n")
    page.goto(f"{served.address}/campaigns/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text() == "By keyboard":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/campaigns/*/")
    expect(page.get_by_role("heading", level=1)).to_have_text("By keyboard")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_no_page_is_wider_than_its_window_or_breaks_its_policy(
    scheme: Any, width: int, log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("ada")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    campaign_with_list(
        page, served, "W" * 200, f"email,name\nx{width}{scheme}@example.com,{'n' * 200}\n"
    )
    campaign = page.url.split("/campaigns/")[1].split("/")[0]
    for path in (
        "/campaigns/",
        "/campaigns/?archived=1",
        f"/campaigns/{campaign}/",
        f"/campaigns/{campaign}/?by=day&show=unopened",
        f"/campaigns/{campaign}/figures/",
        f"/campaigns/compare/?with={campaign}&with=1",
        f"/campaigns/{campaign}/snippets/",
        "/accounts/password_change/",
        "/admin/",
        "/admin/campaigns/campaign/",
        f"/admin/campaigns/campaign/{campaign}/change/",
        f"/admin/campaigns/campaign/{campaign}/import/",
        "/admin/campaigns/recipient/",
        "/admin/tracker/pixel/",
        "/admin/tracker/open/",
    ):
        page.goto(f"{served.address}{path}")
        if not path.startswith("/admin/"):
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto(f"{served.address}/campaigns/{campaign}/")
    urlopen(pixel_of(served, campaign)).read()
    page.get_by_role("link", name=f"x{width}{scheme}@example.com").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"x{width}{scheme}@example.com")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def pixel_of(served: Installation, campaign: str) -> str:
    """The pixel's address of the campaign's first recipient."""
    return next(csv.DictReader(StringIO(served.manage("export_snippets", campaign))))["pixel_url"]


def test_a_marketer_reads_why_an_open_counts_and_decides_otherwise_by_keyboard(
    log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("mara")
    campaign_with_list(page, served, "Why", "email\nwhy@example.com\n")
    campaign = page.url.split("/campaigns/")[1].split("/")[0]
    served.manage("mark_sent", campaign)
    # Fetched by a program, so no person has opened.
    urlopen(pixel_of(served, campaign)).read()
    page.goto(f"{served.address}/campaigns/{campaign}/")
    expect(page.locator(".answer")).to_have_text("0.0\u202f%")
    page.get_by_role("link", name="why@example.com").focus()
    page.keyboard.press("Enter")
    expect(page.locator("article .status")).to_have_text("bot")
    page.get_by_text("Decide yourself").focus()
    page.keyboard.press("Enter")
    page.get_by_label("It was").focus()
    page.keyboard.type("person, own client")
    page.get_by_label("Why, for your colleagues").fill("our own reader program")
    page.keyboard.press("Enter")
    expect(page.locator("article .status")).to_have_text("person, own client")
    expect(page.locator("article .notice")).to_contain_text("our own reader program")
    page.goto(f"{served.address}/campaigns/{campaign}/")
    expect(page.locator(".answer")).to_have_text("100.0\u202f%")
