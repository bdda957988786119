"""Looking at a page: with axe-core, at its width, and in a picture for people."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AXE: str = Axe().axe_script
SETTLE = """
    document.getAnimations()
        .filter(one => one instanceof CSSTransition)
        .forEach(one => one.finish())
"""
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


def complaints(page: Page, **options: Any) -> list[str]:
    """What axe-core finds, one line a rule and element."""
    options = {"preload": False, "resultTypes": ["violations"], **options}
    if not page.evaluate("'axe' in window"):
        # Half a megabyte, which a page needs once and not for every look at it.
        page.evaluate(AXE)
    # Colours that are changing are judged as they will be.
    page.evaluate(SETTLE)
    found: list[dict[str, Any]] = page.evaluate(
        "options => axe.run(options).then(results => results.violations)", options
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in found
        for node in violation["nodes"]
    ]


def keep_picture(page: Page, name: str) -> None:
    """For people to look at, if SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        file = Path(folder) / f"{words[:120]}.png"
        page.screenshot(path=file, full_page=True, animations="disabled")


def faults(page: Page, name: str) -> list[str]:
    """In light and dark, at a desk and on a phone; with a picture of each.

    What a page consists of is the same in light and dark: there only the colours are judged anew.
    """
    found = []
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            keep_picture(page, f"{name} {width} {scheme}")
            told = complaints(page, **({} if scheme == "light" else COLOURS))
            found += [f"{width} {scheme}: {one}" for one in told]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{width}: the page is {wide} wide")
    return found
