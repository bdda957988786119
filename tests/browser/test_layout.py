"""Every page at every width, with long and right-to-left names: nothing is cut, nothing jumps."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import THUNDERBIRD
from tests.server import Installation

LONG = ("Autumn news for all who have asked for it, with what is new in every shop and " * 3)[:200]
RIGHT_TO_LEFT = "نشرة الربيع للعملاء الكرام: كل ما هو جديد"
WIDTHS = (320, 360, 800, 1024, 1280, 2560)
# What does not show all that it holds, and neither tells so nor can be scrolled by keyboard.
CUT = """() => {
  const room = document.documentElement;
  const found = room.scrollWidth > room.clientWidth ? [`page ${room.scrollWidth}`] : [];
  for (const one of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(one);
    const isDrawn = one.clientWidth > 1 && style.clipPath === "none" && !one.closest("svg");
    const isField = one.matches("input, select, textarea");
    if (!isDrawn || isField || style.overflowX === "visible") continue;
    const isWider = one.scrollWidth > one.clientWidth + 1;
    const isHigher = style.overflowY === "hidden" && one.scrollHeight > one.clientHeight + 1;
    if (!isWider && !isHigher) continue;
    const hasEllipsis = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
    const isReached = one.tabIndex >= 0 || one.querySelector("a[href], button");
    const isShaded = style.backgroundAttachment.includes("local");
    if (hasEllipsis || (style.overflowX === "auto" && isShaded && isReached)) continue;
    found.push(`${one.tagName}.${one.className} ${one.clientWidth} of ${one.scrollWidth}`);
  }
  return found;
}"""
# What moved without having been asked to.
SHIFTS = """() => new Promise((resolve) => {
  const shifts = [];
  new PerformanceObserver((list) => shifts.push(...list.getEntries()))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(shifts
    .filter((one) => !one.hadRecentInput)
    .map((one) => [one.value, one.sources.map((source) => source.node?.id
      || source.node?.className || source.node?.nodeName).join(" ")])), 400);
})"""
# Seen only when all of it has come: what moves then is moved by scripts, and not by the network.
SEEN_AS_A_WHOLE = """
  const unseen = new CSSStyleSheet();
  unseen.replaceSync("html { visibility: hidden }");
  document.adoptedStyleSheets = [unseen];
  document.addEventListener("readystatechange", () => { document.adoptedStyleSheets = []; });
"""
# Bytes in a second, of which a page takes some seconds to come in, and how far it may move then: a
# tenth of what Core Web Vitals call good (buttons at the right edge make room for their next).
SLOW = 10_000
MOST_WHILE_COMING = 0.01


@dataclass(frozen=True)
class Made:
    long: str
    right_to_left: str
    person: str


@pytest.fixture(scope="module")
def made(served: Installation) -> Made:
    """Two campaigns with a simulated day of opens, and a person with a long address and name."""
    lines = [f"reader{number}@mail{number % 3}.example,Reader {number}" for number in range(60)]
    lines.append(f"{'a' * 60}@{'long-' * 8}name.example,{'Wolfeschlegel' * 12}")
    file = served.file("layout.csv", "email,name\n" + "\n".join(lines) + "\n")
    numbers = []
    for seed, name in enumerate((LONG, RIGHT_TO_LEFT)):
        number = served.manage("create_campaign", name).strip()
        served.manage("import_recipients", number, file)
        hours = str(30 + 20 * seed)
        served.manage("simulate", number, "--rate", "2000", "--seed", str(seed), "--hours", hours)
        numbers.append(number)
    code = (
        "from campaigns.models import Recipient;"
        "print(Recipient.objects.get(email__contains='long-').pk)"
    )
    long, right_to_left = numbers
    return Made(long, right_to_left, served.manage("shell", "-v0", "-c", code).strip())


@pytest.fixture
def page(log_in: Callable[[str], Page]) -> Page:
    return log_in("ada")


def shared(page: Page, served: Installation, campaign: str) -> str:
    page.goto(f"{served.address}/campaigns/{campaign}/shares/")
    page.get_by_label("For whom").fill("The client")
    page.get_by_role("button", name="Create the link").click()
    return page.get_by_role("textbox", name="The new link").input_value()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_and_nothing_jumps(
    width: int, page: Page, served: Installation, made: Made
) -> None:
    link = shared(page, served, made.long)
    page.add_init_script(SEEN_AS_A_WHOLE)
    page.set_viewport_size({"width": width, "height": 800})
    found: dict[str, Any] = {}
    for path in (
        "/campaigns/",
        *(f"/campaigns/{number}/" for number in (made.long, made.right_to_left)),
        f"/campaigns/{made.long}/?by=quarter&show=opened",
        f"/campaigns/compare/?with={made.long}&with={made.right_to_left}",
        f"/campaigns/{made.long}/snippets/",
        f"/recipients/{made.person}/",
    ):
        page.goto(f"{served.address}{path}")
        found[path] = (page.evaluate(CUT), page.evaluate(SHIFTS))
    page.goto(link)
    found["shared"] = (page.evaluate(CUT), page.evaluate(SHIFTS))
    assert found == {path: ([], []) for path in found}


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_a_page_stays_where_it_is_while_the_rest_of_it_comes_in(
    width: int, page: Page, served: Installation, made: Made
) -> None:
    # So high that most of a report is in sight: what is not does not count as moved.
    page.set_viewport_size({"width": width, "height": 2000})
    developer_tools = page.context.new_cdp_session(page)
    developer_tools.send("Network.enable")
    slow = {"downloadThroughput": SLOW, "uploadThroughput": SLOW}
    developer_tools.send(
        "Network.emulateNetworkConditions", {"offline": False, "latency": 50, **slow}
    )
    for path in (
        "/campaigns/",
        f"/campaigns/{made.long}/",
        f"/campaigns/compare/?with={made.long}&with={made.right_to_left}",
    ):
        page.goto(f"{served.address}{path}")
        shifts = page.evaluate(SHIFTS)
        assert sum(value for value, _ in shifts) <= MOST_WHILE_COMING, (path, shifts)


def test_in_a_wide_report_the_grid_alone_holds_its_parts_apart(
    page: Page, served: Installation, made: Made
) -> None:
    page.set_viewport_size({"width": 2560, "height": 800})
    page.goto(f"{served.address}/campaigns/{made.long}/")
    margins = """[...document.querySelectorAll("main > *")].map((one) => getComputedStyle(one))
      .map((style) => style.display === "contents" ? "0px" : style.marginBlock)"""
    assert set(page.evaluate(margins)) == {"0px"}


def test_what_is_folded_is_not_cut_on_a_phone_either(
    page: Page, served: Installation, made: Made
) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    for path in (f"/campaigns/{made.long}/", f"/campaigns/compare/?with={made.long}&with=1"):
        page.goto(f"{served.address}{path}")
        page.evaluate("document.querySelectorAll('main details').forEach((one) => one.open = true)")
        assert page.evaluate(CUT) == [], path


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_jumps_when_live_figures_move(
    width: int, page: Page, served: Installation, made: Made
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{served.address}/campaigns/{made.long}/")
    opens = page.locator("#live-figures").inner_text()
    rows = list(csv.DictReader(StringIO(served.manage("export_snippets", made.long))))
    asking = Request(rows[0]["pixel_url"], headers={"User-Agent": THUNDERBIRD})
    assert urlopen(asking).status == 200
    expect(page.locator("#live-figures")).not_to_have_text(opens, use_inner_text=True)
    assert page.evaluate(SHIFTS) == []


def test_a_phone_shows_the_answer_in_its_first_third(
    page: Page, served: Installation, made: Made
) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    for number in (made.long, made.right_to_left):
        page.goto(f"{served.address}/campaigns/{number}/")
        box = page.locator(".answer").bounding_box()
        assert box
        assert box["y"] <= 800 / 3
    page.goto(f"{served.address}/campaigns/")
    rows = page.locator(".overview tbody tr")
    first = rows.first.bounding_box()
    assert first
    assert first["y"] <= 800 * 0.6
    assert first["height"] <= 200
    page.get_by_label("Sort by").select_option("name")
    page.get_by_role("button", name="Sort", exact=True).click()
    page.wait_for_url("**sort=name**")
    expect(page.get_by_label("Sort by")).to_have_value("name")


def test_the_jump_links_lead_to_why_when_and_who(
    page: Page, served: Installation, made: Made
) -> None:
    page.goto(f"{served.address}/campaigns/{made.long}/")
    for name, part in (("Why", "funnel"), ("When", "chart"), ("Who", "people")):
        page.get_by_role("navigation", name="On this page").get_by_role("link", name=name).click()
        expect(page.locator(f"#{part}")).to_be_in_viewport()


def test_a_name_from_right_to_left_begins_where_its_neighbours_do(
    page: Page, served: Installation, made: Made
) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{served.address}/campaigns/{made.right_to_left}/")
    begins = "one => one.getBoundingClientRect().left"
    name = page.locator("h1 bdi").evaluate(begins)
    assert abs(name - page.locator("#live-last").evaluate(begins)) < 2


def test_paper_is_white_and_without_controls_and_people_are_printed_only_when_looked_at(
    page: Page, served: Installation, made: Made
) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 718, "height": 1000})
    page.goto(f"{served.address}/campaigns/{made.right_to_left}/")
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (ink, paper) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
    assert (
        page.locator("main :is(select, button, input, .button, .breakdown-links):visible").count()
        == 0
    )
    expect(page.locator("#live-chart svg").first).to_be_visible()
    expect(page.locator("#people")).to_be_hidden()
    margin = "1cm"
    margins: Any = dict.fromkeys(("top", "right", "bottom", "left"), margin)
    assert page.pdf(format="A4", margin=margins).count(b"/Type /Page\n") <= 4
    page.goto(f"{served.address}/campaigns/{made.right_to_left}/?show=opened#people")
    expect(page.locator("#people")).to_be_visible()
    expect(page.locator("#funnel")).to_be_hidden()
    page.goto(f"{served.address}/campaigns/")
    assert page.locator(".overview").evaluate("one => getComputedStyle(one).display") == "table"
    assert page.locator("main :is(select, button, input, .button):visible").count() == 0
