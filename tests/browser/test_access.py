from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.test_main_job import campaign_with_list, pixel_of
from tests.server import Installation


def pages_of(campaign: str, recipient: str) -> list[str]:
    return [
        "/campaigns/",
        "/campaigns/?status=archived",
        f"/campaigns/{campaign}/",
        f"/campaigns/{campaign}/?by=day&opens=first&show=unopened",
        f"/campaigns/{campaign}/figures/",
        f"/campaigns/{campaign}/snippets/",
        f"/campaigns/{campaign}/check/",
        f"/campaigns/{campaign}/prepare/?what=snippets",
        f"/campaigns/{campaign}/shares/",
        f"/campaigns/compare/?with={campaign}&with=1",
        f"/recipients/{recipient}/",
        "/recipients/?q=example",
        "/recipients/?q=nobody",
        "/rulings/",
        "/work/",
        "/work/rejudge/",
        "/accounts/password_change/",
        "/admin/",
        "/admin/campaigns/campaign/",
        "/admin/campaigns/campaign/add/",
        f"/admin/campaigns/campaign/{campaign}/change/",
        f"/admin/campaigns/campaign/{campaign}/import/",
        "/admin/campaigns/recipient/",
        f"/admin/campaigns/recipient/{recipient}/change/",
        "/admin/tracker/pixel/",
        "/admin/tracker/open/",
        "/admin/auth/user/",
    ]


def complaints(page: Page) -> list[str]:
    """What axe-core finds, one line a rule and element."""
    found: list[dict[str, Any]] = Axe().run(page, options={"preload": False}).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in found
        for node in violation["nodes"]
    ]


def keep_picture(page: Page, name: str) -> None:
    """For people to look at, if SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        page.screenshot(path=Path(folder) / f"{words}.png", full_page=True)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_axe_finds_nothing_on_any_page(
    scheme: Any, width: int, log_in: Callable[[str], Page], served: Installation
) -> None:
    page = log_in("ada")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    address = f"axe-{scheme}-{width}@example.com"
    campaign_with_list(
        page, served, f"Read by everybody {scheme}", f"email,name\n{address},Eve\nb{address},\n"
    )
    campaign = page.url.split("/campaigns/")[1].split("/")[0]
    urlopen(pixel_of(served, campaign)).read()
    page.goto(f"{served.address}/recipients/?q={address}")
    recipient = page.url.rstrip("/").split("/")[-1]
    found: dict[str, list[str]] = {}
    for path in pages_of(campaign, recipient):
        page.goto(f"{served.address}{path}")
        name = path.replace(f"/{campaign}/", "/campaign/").replace(f"/{recipient}/", "/person/")
        keep_picture(page, f"{name} {scheme} {width}")
        if told := complaints(page):
            found[path] = told
    # The browser says of a page that is not there that it is not; nothing else may be wrong.
    missing = page.context.new_page()
    missing.emulate_media(color_scheme=scheme)
    missing.goto(f"{served.address}/campaigns/99999999/")
    found |= {"404": told} if (told := complaints(missing)) else {}
    assert not found, "\n".join(f"{path}\n  " + "\n  ".join(told) for path, told in found.items())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_before_the_log_in(
    scheme: Any, context: Any, served: Installation
) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    for path in ("/accounts/login/", "/shared/nothing/"):
        page.goto(f"{served.address}{path}")
        assert complaints(page) == [], path
