"""The end mark in a mail that is checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tracker.mailcheck import test_lists
from tests.tracker.mailcheck.cases import (
    ANN,
    BEA,
    PUBLIC_URL,
    SETTING,
    TEST,
    check,
    found,
    html,
    img,
    levels,
    problems,
)
from tests.tracker.test_end_marks import marked_campaign
from tracker.end_hits import EndReader
from tracker.end_snippets import end_mark_url, list_end_url
from tracker.list_snippets import list_url
from tracker.mailcheck import Ends, Level, MailCheck
from tracker.reports.mail_check import check_for
from tracker.snippets import pixel_url, snippet_of
from tracker.tokens import END, LIST_END, Tokens

KEY = "only-for-tests-only-for-tests-only-for-tests"
MARKS, LIST_MARKS = Tokens(KEY, purpose=END), Tokens(KEY, purpose=LIST_END)
CAMPAIGN_OF = EndReader(MARKS, LIST_MARKS).campaign_of
ON = replace(SETTING, ends=Ends(MARKS.read, CAMPAIGN_OF, is_on=True))
OFF = replace(SETTING, ends=Ends(MARKS.read, CAMPAIGN_OF, is_on=False))
NEWS = "<p>News of the spring</p>"


def end(pixel_id: int = ANN) -> str:
    return snippet_of(f"{PUBLIC_URL}/o/{MARKS.make(pixel_id)}.gif")


def list_end(query: str = "?r=ann@example.com", campaign_id: int = 1) -> str:
    return snippet_of(f"{PUBLIC_URL}/o/c/{LIST_MARKS.make(campaign_id)}.gif{query}")


def checked(*pieces: str) -> MailCheck:
    return check(html("".join(pieces)), ON)


def test_a_mail_with_the_pixel_on_top_and_the_end_mark_at_its_end_is_ready() -> None:
    found_here = checked(img(), NEWS, end())
    assert problems(found_here) == []
    assert levels(found_here, Level.OK)[:3] == ["end-mark", "once", "this-campaign"]


# What stands in the mail's body, and exactly what is said of it.
BODIES = {
    "no end mark": ([img(), NEWS], ["no-end-mark"]),
    "the end mark alone": ([NEWS, end()], ["only-end-mark"]),
    "neither": ([NEWS], ["no-end-mark", "missing"]),
    "swapped": ([end(), NEWS, img()], ["swapped"]),
    "twice": ([img(), end(), NEWS, end()], ["end-mark-twice"]),
    "another recipient's": ([img(), NEWS, end(BEA)], ["end-mark-of-other"]),
    "the test pixel's": ([img(TEST), NEWS, end(TEST)], ["test-pixel"]),
    "a footer behind it": ([img(), NEWS, end(), "<p>Imprint</p>"], ["end-mark-early"]),
    "a picture behind it": ([img(), NEWS, end(), '<img src="/a.png">'], ["end-mark-early"]),
    "nothing to be seen behind it": ([img(), NEWS, end(), "&nbsp;\n<!-- x --><div></div>"], []),
    "another tracker behind it": (
        [img(), NEWS, end(), '<img src="https://x.example/t" width="1" height="1">'],
        [],
    ),
    "a preview text above the pixel": (["<div>In short</div>", img(), NEWS, end()], []),
    "the pixel at the end as well": ([NEWS, img(), end()], ["pixel-low"]),
    "hidden": (
        [img(), NEWS, f'<div style="visibility:hidden">{end()}</div>'],
        ["end-mark-hidden"],
    ),
    "in a comment": ([img(), NEWS, f"<!-- {end()} -->"], ["no-end-mark"]),
    "a pixel in a comment, and the end mark": (
        [f"<!-- {img()} -->", NEWS, end()],
        ["in-comment"],
    ),
    "its token cut": ([img(), NEWS, end().replace(".gif", "")[:-60]], ["no-end-mark"]),
}


@pytest.mark.parametrize("name", BODIES)
def test_what_is_wrong_with_an_end_mark_is_said(name: str) -> None:
    pieces, expected = BODIES[name]
    problem = problems(checked(*pieces))
    assert [one for one in problem if one not in ("unclosed", "several", "cut")] == expected


def test_only_and_swapped_are_faults_and_named_in_plain_words() -> None:
    only, swapped = checked(NEWS, end()), checked(end(), NEWS, img())
    assert not only.is_ready
    assert "Only the end mark is in the mail" in found(only, "only-end-mark").sentence
    assert not swapped.is_ready
    assert "swapped" in found(swapped, "swapped").sentence
    assert found(swapped, "swapped").place is not None


def test_who_has_an_end_mark_is_told_to_put_the_pixel_on_top() -> None:
    assert "the first thing" in found(checked(NEWS), "missing").advice
    assert "the last thing" in found(check(html(NEWS), OFF), "missing").advice


def test_an_end_mark_of_a_campaign_that_has_none_is_told_and_disturbs_nothing() -> None:
    found_here = check(html(img() + NEWS + end()), OFF)
    assert problems(found_here) == ["end-mark-off"]
    assert "once" in levels(found_here, Level.OK)
    assert problems(check(html(img() + NEWS), OFF)) == []
    assert problems(check(html(NEWS + end()), OFF)) == ["only-end-mark", "end-mark-off"]


def test_without_knowing_of_end_marks_the_check_says_what_it_always_said() -> None:
    assert problems(check(html(NEWS + img()))) == []


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([test_lists.img("?r=ann@example.com"), NEWS, list_end()], []),
        ([test_lists.img("?r=ann@example.com"), NEWS, list_end("?r=x@example.com")], ["other"]),
        ([test_lists.img("?r=ann@example.com"), NEWS, list_end(campaign_id=2)], ["other"]),
        ([list_end(), NEWS, test_lists.img("?r=ann@example.com")], ["swapped"]),
        ([NEWS, list_end()], ["only-end-mark"]),
        ([img(), NEWS, list_end()], ["other"]),
    ],
)
def test_a_lists_end_mark_goes_with_the_lists_snippet(
    pieces: list[str], expected: list[str]
) -> None:
    setting = replace(test_lists.WITH_LISTS, ends=ON.ends)
    named = [
        one.replace("end-mark-of-other", "other")
        for one in problems(check(html("".join(pieces)), setting))
    ]
    assert named == expected


@pytest.mark.usefixtures("real_db")
def test_the_campaigns_option_decides_and_its_own_keys_are_read() -> None:
    campaign = marked_campaign("ann@example.com")
    pixel = campaign.pixels.get(is_test=False)
    top, mark = snippet_of(pixel_url(pixel.pk)), snippet_of(end_mark_url(pixel.pk))
    assert "end-mark" in [
        one.id for one in check_for(campaign, html(top + NEWS + mark).encode()).findings
    ]
    assert "no-end-mark" in problems(check_for(campaign, html(top + NEWS).encode()))
    listed = snippet_of(list_url(campaign.pk, "ann@example.com"))
    list_mark = snippet_of(list_end_url(campaign.pk, "ann@example.com"))
    found_here = check_for(campaign, html(listed + NEWS + list_mark).encode())
    assert "end-mark" in [one.id for one in found_here.findings]
