"""From an empty installation to the first open, by following what each page offers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PASSWORD
from tests.browser.test_main_job import MAIL, open_mail
from tests.server import Installation, installation
from tests.tracker.mailcheck.cases import html


@pytest.fixture
def empty() -> Iterator[Installation]:
    with installation() as made, made.serving():
        code = (
            "from django.contrib.auth.models import User;"
            f"User.objects.create_superuser('ada', password='{PASSWORD}')"
        )
        made.manage("shell", "-v0", "-c", code)
        yield made


def step(page: Page, title: str) -> None:
    expect(page.locator("[aria-current=step]")).to_contain_text(title)


def go_on(page: Page) -> None:
    """By the one button of the step that is next."""
    page.locator("[aria-current=step]").get_by_role("link").click()


def created_and_imported(page: Page) -> None:
    expect(page.locator(".next-step")).to_have_count(7)
    step(page, "Create a campaign")
    go_on(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("New campaign")
    page.get_by_label("Name").fill("The first")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The first")
    step(page, "Import its recipients")
    go_on(page)
    page.get_by_label("File").set_input_files(
        {"name": "list.csv", "mimeType": "text/csv", "buffer": b"email\nann@example.com\n"}
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Import").click()
    page.get_by_role("link", name="To the steps that are left").click()
    step(page, "Take the snippets")


def seen_to_work(
    page: Page, context: BrowserContext, made: Installation, mail: Path, url: str
) -> None:
    test_snippet = page.get_by_role("textbox", name="Test snippet").input_value()
    mail.write_text(MAIL.format(name="me", snippet=test_snippet))
    open_mail(context, url, made)
    page.get_by_role("link", name="Check again").click()
    expect(page.locator("#test")).to_contain_text("Tracking works.")


def test_an_empty_installation_leads_by_the_hand_to_the_first_open(
    context: BrowserContext, empty: Installation, other_origin: tuple[Path, str]
) -> None:
    """No address is typed after the log-in: whoever only clicks arrives as well."""
    page = context.new_page()
    page.goto(f"{empty.address}/accounts/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    created_and_imported(page)
    go_on(page)
    folder, address = other_origin
    snippet = page.get_by_role("textbox", name="Snippet for ann@example.com").input_value()
    seen_to_work(page, context, empty, folder / "test.html", f"{address}/test.html")
    page.locator("main").get_by_role("link", name="The first").first.click()
    step(page, "Check the mail")
    go_on(page)
    page.get_by_label("Or its source").fill(html(f"<p>News</p>{snippet}"))
    page.get_by_role("button", name="Check", exact=True).click()
    # The tests' server is this machine: nothing else is wrong with the mail.
    expect(page.locator("#result")).to_have_text("One thing to mend before you send")
    page.locator("main").get_by_role("link", name="The first").first.click()
    page.locator("#mark-sent > summary").click()
    page.get_by_role("button", name="Yes, it was sent").click()
    step(page, "The first open")
    (folder / "mail.html").write_text(MAIL.format(name="Ann", snippet=snippet))
    open_mail(context, f"{address}/mail.html", empty)
    # By itself, as the step says.
    expect(page.locator(".answer")).to_have_text("100.0\u202f%")
