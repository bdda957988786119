"""Real Chromium, the real server, and another origin for the mail to be shown from."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.server import Installation, installation

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"

# What comes at last comes, however loaded the machine is.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: install the distribution's package chromium."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served() -> Iterator[Installation]:
    with installation() as made, made.serving():
        with_people(made)
        yield made


def with_people(made: Installation) -> None:
    """A marketer and an administrator who can log in."""
    code = (
        "from django.contrib.auth.models import Group, User;"
        f"m = User.objects.create_user('mara', password='{PASSWORD}', is_staff=True);"
        "m.groups.add(Group.objects.get(name='Marketers'));"
        f"User.objects.create_superuser('ada', password='{PASSWORD}')"
    )
    made.manage("shell", "-v0", "-c", code)


CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Safari/537.36"
)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    # Without a window it calls itself HeadlessChrome, which the rules take for what it is: a bot.
    context = browser.new_context(user_agent=CHROME)
    yield context
    context.close()


@pytest.fixture(scope="session")
def sessions() -> dict[str, str]:
    """Of who has logged in before: a password is made hard to try, which costs each log-in."""
    return {}


@pytest.fixture
def log_in(
    context: BrowserContext, served: Installation, sessions: dict[str, str]
) -> Callable[[str], Page]:
    """A page of somebody who has logged in; any complaint in the console fails the test."""

    def page_of(name: str) -> Page:
        page = context.new_page()
        page.on("console", lambda message: complain(message.type, message.text))
        page.on("pageerror", lambda error: complain("error", str(error)))
        if name in sessions:
            kept = sessions[name]
            context.add_cookies([{"name": "sessionid", "value": kept, "url": served.address}])
            page.goto(f"{served.address}/campaigns/")
            if page.url == f"{served.address}/campaigns/":
                return page
        # For the first time, or again after they had logged out.
        page.goto(f"{served.address}/accounts/login/")
        page.fill("#id_username", name)
        page.fill("#id_password", PASSWORD)
        page.press("#id_password", "Enter")
        page.wait_for_url("**/campaigns/")
        (cookie,) = (one for one in context.cookies() if one.get("name") == "sessionid")
        sessions[name] = cookie.get("value", "")
        return page

    return page_of


def complain(kind: str, text: str) -> None:
    assert kind not in ("error", "warning"), text


@pytest.fixture
def other_origin(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which a web server shows it, as a webmail would."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        # Another host than the product's 127.0.0.1: another site, not only another port.
        yield tmp_path, f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        pass
