from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from html import escape
from urllib.parse import quote

import pytest

from tests.tracker.mailcheck.cases import (
    BEA,
    GONE,
    OTHER,
    SETTING,
    TEST,
    TOKENS,
    at,
    check,
    found,
    html,
    img,
    levels,
    problems,
    url,
)
from tracker.mailcheck import Level


def test_a_mail_with_its_recipients_snippet_is_ready() -> None:
    checked = check(html(f"<p>News</p>{img()}"))
    assert problems(checked) == []
    assert checked.is_ready
    assert checked.headline == "Ready to send"
    assert levels(checked, Level.OK) == [
        "once",
        "this-campaign",
        "whole",
        "not-hidden",
        "before-clip",
        "https",
        "public-name",
    ]


def test_a_mail_without_pixel_has_one_thing_to_mend() -> None:
    checked = check(html("<p>News</p>"))
    assert problems(checked) == ["missing"]
    assert checked.headline == "One thing to mend before you send"


def test_findings_come_gravest_first_and_are_counted() -> None:
    checked = check(html(f'<div style="display:none">{img(OTHER).replace("https", "http")}</div>'))
    order = [finding.level.weight for finding in checked.findings]
    assert order == sorted(order)
    assert set(levels(checked, Level.FAULT)) == {"other-campaign", "display-none"}
    assert levels(checked, Level.WARNING) == ["http"]
    assert checked.headline == "2 things to mend before you send"


def test_a_warning_alone_does_not_keep_the_mail_from_being_ready() -> None:
    checked = check(html(img(TEST)))
    assert problems(checked) == ["test-pixel"]
    assert checked.is_ready
    assert checked.headline == "Ready to send, with one thing to look at"


# Each snippet, spoilt in one way, and exactly what is said of it.
SPOILT = {
    "another campaign's": (img(OTHER), ["other-campaign"]),
    "not in the database": (img(GONE), ["unknown-pixel"]),
    "twice": (img() + "<p>x</p>" + img(), ["twice"]),
    "two recipients'": (img() + img(BEA), ["several"]),
    "http": (img().replace("https:", "http:"), ["http"]),
    "no scheme": (img().replace("https://", ""), ["no-scheme"]),
    "scheme left to the client": (img().replace("https:", ""), ["no-scheme"]),
    "path alone": (img().replace("https://t.example.com", ""), ["no-scheme"]),
    "without .gif": (img().replace(".gif", ""), ["no-gif"]),
    "cut": (img().replace(url(), url()[:-10]), ["cut"]),
    "no token": (img().replace(url(), "https://t.example.com/o/"), ["no-token"]),
    "small letters": (img().replace(url(), url().lower()), ["lower-case"]),
    "forged": (img().replace("AAAA", "AAAB"), ["forged"]),
    "something behind .gif": (img().replace(".gif", ".gif/"), ["stray"]),
    "folded": (img().replace("/o/", "/o/\r\n"), ["folded"]),
    "folded within the token": (img().replace("AAAA", "AA\r\n AA"), ["folded", "broken"]),
    "soft line break left": (img().replace("AAAA", "AA=\r\nAA"), ["folded", "broken"]),
    "a stray entity": (img().replace("AAAA", "AA&shy;AA"), ["broken"]),
    "curly quotes": (img().replace(f'"{url()}"', f"“{url()}”"), ["curly-quotes"]),
    "still quoted-printable": (img().replace("=", "=3D"), ["still-encoded"]),
    "unquoted": (img().replace(f'"{url()}"', url()), ["unquoted"]),
    "no alt": (img().replace(' alt=""', ""), ["no-alt"]),
    "in a link": (f'<a href="https://example.com">{img()}</a>', ["in-link"]),
    "not in src": (img().replace("src=", "data-src="), ["not-in-src"]),
    "display:none": (
        img().replace("<img", '<img style="display : NONE!important"'),
        ["display-none"],
    ),
    "display:none around": (f'<div style="display:none"><p>{img()}</div>', ["display-none"]),
    "a class that a style hides": (
        f"<style>/*{{*/p, .pre{{color:red;display:none}}</style><i class='a pre'>{img()}</i>",
        ["display-none"],
    ),
    "an id of an element that a style hides": (
        f"<style>DIV#Pre {{ display: none !important }}</style><div id=Pre>{img()}</div>",
        ["display-none"],
    ),
    "a class that is hidden on phones only": (
        f"<style>@media (max-width:9em){{.pre{{display:none}}}}</style><i class=pre>{img()}</i>",
        [],
    ),
    "a hidden class that is shown where it is used": (
        f'<style>.pre{{display:none}}</style><i class=pre style="display:block">{img()}</i>',
        [],
    ),
    "another class than the hidden one": (
        f"<style>.pre{{display:none}} .x .y{{display:none}}</style><i class='y'>{img()}</i>",
        [],
    ),
    "visibility": (img().replace("<img", "<img style='visibility:hidden'"), ["visibility-hidden"]),
    "hidden": (f"<div hidden>{img()}</div>", ["hidden-attribute"]),
    "mso-hide": (f'<div style="mso-hide:all">{img()}</div>', ["mso-hide"]),
    "no width": (img().replace('width="1"', 'width="0"'), ["no-size"]),
    "no height by style": (img().replace("<img", '<img style="height:0px"'), ["no-size"]),
    "lazy": (img().replace("<img", '<img loading="lazy"'), ["lazy"]),
    "in a comment": (f"<!-- {img()} -->", ["in-comment"]),
    "in a comment that never ends": (f"<!-- {img()}", ["in-comment"]),
    "for Outlook only": (f"<!--[if mso]>{img()}<![endif]-->", ["outlook-only"]),
    "for all but Outlook": (f"<!--[if !mso]><!-->{img()}<!--<![endif]-->", ["not-outlook"]),
    "for all but Outlook, short": (f"<![if !mso]>{img()}<![endif]>", ["not-outlook"]),
    "after the condition": (f"<!--[if !mso]><!-->x<!--<![endif]-->{img()}", []),
    "in noscript": (f"<noscript>{img()}</noscript>", ["in-noscript"]),
    "in a template": (f"<template>{img()}</template>", ["in-template"]),
    "in a style": (f"<style>{img()}</style>", ["in-raw-text"]),
    "as text": (escape(img()), ["as-text"]),
    "as a link": (f'<a href="{url()}">x</a>', ["not-an-image"]),
    "as a background": (f'<td background="{url()}">x</td>', ["not-an-image"]),
    "as a background in a style": (f"<style>p{{background:url({url()})}}</style>", ["as-style"]),
    "address in a comment": (f"<!-- {url()} -->", ["in-comment"]),
    "cut within the element": (img()[:50], ["unclosed"]),
    "rewritten": (
        f'<img src="https://img.example.net/p?u={quote(url(), safe="")}&amp;w=1" alt="">',
        ["rewritten"],
    ),
    "rewritten twice": (
        f'<img src="https://img.example.net/p?u={quote(quote(url(), safe=""), safe="")}" alt="">',
        ["rewritten"],
    ),
    "rewritten and cut": (
        f'<img src="https://img.example.net/?u={quote(url()[:-12], safe="")}" alt="">',
        ["rewritten-broken"],
    ),
    "another host": (img(base="https://old.example.com"), ["other-host"]),
    "a local host": (img(base="http://127.0.0.1:8000"), ["other-host-unreachable", "http"]),
    # And what has to be let pass.
    "capitals in the host": (img().replace("t.example.com", "T.Example.COM"), []),
    "the port that https implies": (img().replace("t.example.com", "t.example.com:443"), []),
    "capital tags": (img().replace("<img src", "<IMG SRC"), []),
    "closed as in XHTML": (img().replace(">", " />"), []),
    "single quotes": (img().replace('"', "'"), []),
    "numeric entities": (img().replace("/o/", "&#47;o&#x2F;"), []),
    "after a hidden block": (f'<div style="display:none">hi</div>{img()}', []),
    "after a hidden paragraph that was never closed": (
        f'<p style="display:none">hi<div>{img()}</div>',
        [],
    ),
    "end tags without start": (f"</div></p></td>{img()}", []),
    "a second src, which browsers pass over": (img().replace(" alt", ' src="x.png" alt'), []),
    "a first src, which browsers take": (
        img().replace("<img", "<img src='x.png'"),
        ["not-in-src"],
    ),
    "a query": (img().replace(".gif", ".gif?a=1&amp;b=2"), []),
}


@pytest.mark.parametrize("name", SPOILT)
def test_of_each_way_to_spoil_a_snippet_exactly_this_is_said(name: str) -> None:
    body, expected = SPOILT[name]
    assert sorted(problems(check(f"<p>News</p>{body}"))) == sorted(expected)


@pytest.mark.parametrize(
    ("tag", "tool"),
    [
        ("{{ token }}", "Brevo"),
        ("%%token%%", "Salesforce"),
        ("*|TOKEN|*", "Mailchimp"),
        ("{$token}", "MailerLite"),
        ("[[data:token]]", "Mailjet"),
        ("<%= token %>", "Adobe"),
        ("${token}", "Responsys"),
        ("{% token %}", "Liquid"),
        ("%TOKEN%", "ActiveCampaign"),
        ("%7B%7Btoken%7D%7D", "encodes"),
    ],
)
@pytest.mark.parametrize(
    "where",
    [
        '<img src="https://t.example.com/o/{}.gif" alt="">',
        '<img src="{}" width="1" height="1" alt="">',
        '<img src="' + url() + '" alt="" title="{}">',
        "<p>News</p>{}" + img(),
    ],
)
def test_an_unresolved_merge_tag_is_a_fault_that_names_the_tool(
    tag: str, tool: str, where: str
) -> None:
    fault = found(check(where.replace("{}", tag)), "merge-tag")
    assert fault.level is Level.FAULT
    assert tag in fault.sentence
    assert tool in fault.sentence
    assert "forged" not in problems(check(where.replace("{}", tag)))


def test_a_merge_tag_named_after_the_snippet_is_found_without_any_image() -> None:
    checked = check(html("<p>Hello {{ name }}</p>{{snippet}}"))
    assert problems(checked) == ["merge-tag"]
    assert "{{snippet}}" in found(checked, "merge-tag").sentence


def test_a_merge_tag_far_from_the_pixel_is_nobodys_fault_here() -> None:
    assert problems(check(html("<p>Hello {{ name }}</p>" + " " * 60 + img()))) == []


def test_the_place_is_the_line_the_byte_and_the_text_there() -> None:
    body = "<p>Grüße</p>\n  <b>x</b>"
    place = found(check(html(body + img(OTHER))), "other-campaign").place
    assert place is not None
    text = html(body + img(OTHER))
    assert place.line == 4
    assert place.byte == text.encode().index(b"<img")
    assert place.marked == img(OTHER)
    assert place.before.endswith("<b>x</b>")
    assert place.after.startswith("</body>")


CLIP = 102 * 1024


@pytest.mark.parametrize(
    ("filler", "expected"),
    [
        (CLIP - 5_000, "before-clip"),
        (CLIP - 4_000, "nearly-clipped"),
        (CLIP - len(img()), "nearly-clipped"),
        (CLIP - len(img()) + 1, "clipped"),
        (CLIP * 2, "clipped"),
    ],
)
def test_the_pixel_has_to_end_before_gmail_cuts_the_mail_off(filler: int, expected: str) -> None:
    checked = check("<p>" + "x" * (filler - 3) + img())
    finding = found(checked, expected)
    assert f"{filler:,} bytes of HTML stand before the pixel" in finding.sentence
    assert ("clipped" in problems(checked)) == (expected == "clipped")


def test_the_bytes_before_the_pixel_are_those_of_utf_8() -> None:
    checked = check("<p>" + "ü" * 52_500 + img())
    assert "105,003 bytes" in found(checked, "clipped").sentence


def test_a_long_mail_with_its_pixel_in_front_is_clipped_behind_it() -> None:
    checked = check(img() + "x" * 200_000)
    assert problems(checked) == []
    assert found(checked, "mail-clipped").level is Level.NOTE


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://localhost:8000", "this machine itself"),
        ("https://127.0.0.1", "this machine itself"),
        ("https://[::1]:8443", "this machine itself"),
        ("https://10.1.2.3", "private network"),
        ("https://192.168.0.2", "private network"),
        ("https://169.254.1.1", "private network"),
        ("https://[fd00::1]", "private network"),
        ("https://mail.local", "private network"),
        ("https://glimpse.test", "private network"),
        ("https://glimpse", "without a domain"),
    ],
)
def test_a_server_that_nobody_outside_reaches_is_a_fault(address: str, reason: str) -> None:
    checked = check(html(img(base=address)), at(address))
    fault = found(checked, "unreachable")
    assert fault.level is Level.FAULT
    assert reason in fault.sentence


def test_https_in_front_of_a_server_that_calls_itself_http_is_let_pass() -> None:
    assert problems(check(html(img()), at("http://t.example.com"))) == []


def test_a_public_url_with_a_path_and_a_port_is_understood() -> None:
    address = "https://t.example.com:8443/glimpse"
    assert problems(check(html(img(base=address)), at(address))) == []


def test_the_only_host_that_is_looked_up_is_the_servers_own() -> None:
    asked: list[str] = []

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return ["93.184.215.14"]

    setting = replace(SETTING, resolve=resolve)
    body = img(base="https://old.example.com") + '<img src="https://evil.example.net/x.gif">'
    check(html(body), setting)
    assert asked == ["t.example.com"]
    asked.clear()
    check(html(img()), replace(setting, public_url="http://localhost"))
    assert asked == []


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([], "no-address"),
        (["10.0.0.1"], "private-address"),
        (["10.0.0.1", "8.8.8.8"], "has-address"),
    ],
)
def test_what_the_look_up_says_is_told(addresses: list[str], expected: str) -> None:
    found(check(html(img()), replace(SETTING, resolve=lambda name: addresses)), expected)


def test_a_look_up_that_fails_is_a_warning() -> None:
    def fail(name: str) -> list[str]:
        raise OSError("no network")

    checked = check(html(img()), replace(SETTING, resolve=fail))
    assert problems(checked) == ["not-looked-up"]


def test_other_invisible_images_are_told_and_are_no_fault() -> None:
    body = img() + '<img src="https://track.example.net/x" width=1 height=1><img src="a.png">'
    checked = check(html(body))
    assert problems(checked) == []
    assert "track.example.net" in found(checked, "other-trackers").sentence
    assert "3" in found(checked, "images").sentence


def test_a_thousand_pixels_are_answered_and_not_listed() -> None:
    body = "".join(f'<img src="{url(number)}" alt="">' for number in range(1_000, 2_000))
    checked = check(html(body))
    assert found(checked, "several").sentence.startswith("1,000 different pixels")
    assert len(checked.findings) < 40


def test_a_token_of_a_former_key_is_known() -> None:
    setting = replace(SETTING, read_token=lambda token: 7 if token == TOKENS.make(7) else None)
    assert problems(check(html(img()), setting)) == []


def test_the_check_is_plain_python() -> None:
    code = "import sys, tracker.mailcheck; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_merge_tags_are_named_and_are_no_fault_before_sending() -> None:
    body = f"<p>Hello {{{{first_name}}}}, *|CITY|*, {{{{first_name}}}}</p>{'-' * 50}{img()}"
    checked = check(html(body))
    finding = found(checked, "other-tags")
    assert finding.level is Level.NOTE
    assert finding.sentence == "Merge tags for your tool to fill in: {{first_name}}, *|CITY|*."
    assert finding.place
    assert finding.place.marked == "{{first_name}}"
    assert problems(checked) == []


@pytest.mark.parametrize(
    ("to", "is_fault"),
    [
        ("To: Ann <ann@example.com>\r\n", True),
        ("To: ann@example.com, bea@example.com\r\n", False),
        ("To: ann@example.com\r\nCc: bea@example.com\r\n", False),
        ("To: {{contact.email}}\r\n", False),
        ("", False),
    ],
)
def test_in_a_finished_mail_to_one_reader_a_merge_tag_is_a_fault(to: str, is_fault: bool) -> None:
    head = f"From: news@example.com\r\n{to}Content-Type: text/html\r\n\r\n"
    checked = check(f"{head}<p>Hello {{{{first_name}}}}</p>{'<p>News</p>' * 9}{img()}")
    assert ("unfilled-tags" in problems(checked)) is is_fault
    assert ("other-tags" in levels(checked, Level.NOTE)) is not is_fault


@pytest.mark.parametrize("beside", ["{{snippet}}", "<!-- %%PIXEL%% -->", ""])
def test_the_merge_tag_of_the_snippet_itself_is_no_other(beside: str) -> None:
    checked = check(html(f"<p>News</p>{beside}{img()}"))
    assert "other-tags" not in levels(checked, Level.NOTE)


def test_of_many_merge_tags_the_first_five_are_named() -> None:
    checked = check(html("".join(f"<p>{{{{f{n}}}}}</p>" for n in range(9)) + "x" * 99 + img()))
    assert found(checked, "other-tags").sentence.endswith("{{f3}}, {{f4}} ….")
