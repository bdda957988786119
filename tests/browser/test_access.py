"""Every page there is, in a filled installation, as axe-core and an eye see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import CHROME, PASSWORD, with_people
from tests.browser.looking import faults
from tests.browser.page_list import NO_PAGE, PAGES, PUBLIC, all_names, is_reasoned_away
from tests.server import Installation, installation


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Installation, dict[str, Any]]]:
    """The invented opens come from everywhere, as if a proxy had passed them on."""
    with installation(TRUSTED_PROXIES="127.0.0.1/32") as made, made.serving():
        with_people(made)
        code = f"from tests.browser.filling import fill; fill('{made.address}')"
        yield made, json.loads(made.manage("shell", "-v0", "-c", code).splitlines()[-1])


@pytest.fixture(scope="module")
def ada(browser: Browser, filled: tuple[Installation, Any]) -> Iterator[Page]:
    made, _ = filled
    context = browser.new_context(user_agent=CHROME, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{made.address}/accounts/login/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url("**/campaigns/")
    yield page
    context.close()


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(user_agent=CHROME, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_every_url_is_in_the_list_of_pages_or_has_a_reason_not_to_be() -> None:
    """Who adds a page adds it to the list: it is looked at from then on."""
    listed = {*PAGES, *PUBLIC}
    names = all_names()
    assert {name for name in names - listed if not is_reasoned_away(name)} == set()
    assert listed - names == set(), "pages that are no longer there"


def test_what_is_said_to_be_forbidden_is(ada: Page, filled: tuple[Installation, Any]) -> None:
    made, cast = filled
    forbidden = [pattern for pattern, why in NO_PAGE.items() if why == "forbidden"]
    assert len(forbidden) > 5
    for path in (
        "campaigns/campaign/{main}/delete/",
        "campaigns/recipient/{person}/delete/",
        "campaigns/auditentry/add/",
        "campaigns/auditentry/{entry}/delete/",
        "campaigns/correctedaddress/add/",
        "tracker/pixel/add/",
        "tracker/open/{an_open}/delete/",
        "axes/accessattempt/add/",
        "axes/accesslog/{log_in}/delete/",
    ):
        answer = ada.request.get(f"{made.address}/admin/{path.format(**cast)}")
        assert answer.status == 403, path


@pytest.mark.parametrize("name", sorted(PAGES))
def test_nothing_is_wrong_with_a_page(
    name: str, ada: Page, filled: tuple[Installation, Any]
) -> None:
    made, cast = filled
    told: list[str] = []

    def keep(message: Any) -> None:
        if message.type in ("error", "warning"):
            told.append(message.text)

    ada.on("console", keep)
    found = {}
    for number, path in enumerate(PAGES[name]):
        address = f"{made.address}{path.format(**cast)}"
        answer = ada.goto(address)
        assert answer
        assert (answer.status, ada.url) == (200, address)
        if wrong := faults(ada, f"{name} {number}"):
            found[path] = wrong
    ada.remove_listener("console", keep)
    assert found == {}
    assert told == []


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_nothing_is_wrong_with_a_page_for_those_without_an_account(
    name: str, stranger: Page, filled: tuple[Installation, Any]
) -> None:
    made, cast = filled
    found = {}
    for number, path in enumerate(PUBLIC[name]):
        stranger.goto(f"{made.address}{path.format(**cast)}")
        if wrong := faults(stranger, f"{name} {number}"):
            found[path] = wrong
    assert found == {}


@pytest.mark.parametrize(
    ("status", "path"),
    [
        (400, "/campaigns/?" + "&".join(f"x{n}=" for n in range(1_100))),
        (403, "/admin/campaigns/campaign/{main}/delete/"),
        (404, "/campaigns/99999999/"),
        (500, "/work/{work_broken}/"),
    ],
)
def test_nothing_is_wrong_with_a_page_that_says_what_is_wrong(
    status: int, path: str, ada: Page, filled: tuple[Installation, Any]
) -> None:
    made, cast = filled
    answer = ada.goto(f"{made.address}{path.format(**cast)}")
    assert answer
    assert answer.status == status
    assert faults(ada, f"error {status}") == []


def test_nothing_is_wrong_with_what_a_check_of_a_mail_finds(
    ada: Page, filled: tuple[Installation, Any]
) -> None:
    made, cast = filled
    ada.goto(f"{made.address}/campaigns/{cast['main']}/check/")
    ada.get_by_label("Or its source").fill("<p>Hello {{first_name}}</p>" + "x" * 200)
    ada.get_by_role("button", name="Check", exact=True).click()
    expect(ada.locator("#result")).to_be_visible()
    assert faults(ada, "campaign_check found") == []


def test_nothing_is_wrong_with_refused_forms(
    stranger: Page, filled: tuple[Installation, Any]
) -> None:
    made, _ = filled
    stranger.goto(f"{made.address}/accounts/login/")
    for password, picture in (("wrong", "login refused"), ("right or wrong", "login locked")):
        name = "locked" if "locked" in picture else "nobody"
        stranger.fill("#id_username", name)
        stranger.fill("#id_password", password)
        stranger.press("#id_password", "Enter")
        stranger.wait_for_load_state()
        assert faults(stranger, picture) == []
    stranger.goto(f"{made.address}/accounts/login/")
    stranger.context.clear_cookies()
    stranger.fill("#id_username", "nobody")
    stranger.fill("#id_password", "wrong")
    stranger.press("#id_password", "Enter")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("This form was not accepted")
    assert faults(stranger, "error csrf") == []


def test_lists_of_the_admin_are_whole_at_a_desk_and_stacked_on_a_phone(
    ada: Page, filled: tuple[Installation, Any]
) -> None:
    made, _ = filled
    ada.set_viewport_size({"width": 1280, "height": 800})
    ada.goto(f"{made.address}/admin/campaigns/campaign/")
    for cell in ("th.column-human_opens .text", "td.field-human_opens", "td.field-open_rate"):
        expect(ada.locator(cell).first).to_have_css("text-align", "right")
    ada.goto(f"{made.address}/admin/tracker/open/")
    results = ada.locator(".results")
    assert results.evaluate("box => box.scrollWidth <= box.clientWidth"), "a column is cut"
    ada.set_viewport_size({"width": 360, "height": 800})
    row = ada.locator("#result_list tbody tr").first
    lefts = row.locator("td").evaluate_all("cells => cells.map(one => one.offsetLeft)")
    assert len(set(lefts)) == 1
    label = "cell => getComputedStyle(cell, '::before').content"
    assert row.locator("td.field-client").evaluate(label) == '"Program"'


def test_pages_of_the_admin_stand_where_the_other_pages_stand(
    ada: Page, filled: tuple[Installation, Any]
) -> None:
    made, _ = filled
    ada.set_viewport_size({"width": 1920, "height": 900})
    places = []
    for path in ("/segments/", "/admin/", "/admin/campaigns/campaign/"):
        ada.goto(f"{made.address}{path}")
        box = ada.get_by_role("heading", level=1).bounding_box()
        assert box
        places.append(round(box["x"]))
    assert len(set(places)) == 1
