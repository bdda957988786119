from __future__ import annotations

import base64
import time
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.mailcheck.cases import (
    SETTING,
    check,
    found,
    html,
    img,
    problems,
    url,
)
from tracker.mailcheck import MOST_BYTES, MailCheck, UnreadableMailError, check_mail

HEAD = b"From: ann@example.com\r\nSubject: News\r\nMIME-Version: 1.0\r\n"


def message(body: str = "", **options: Any) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@example.com", "b@example.com", "Neues für dich"
    made.set_content("The same as text")
    made.add_alternative(body or html(img()), subtype="html", **options)
    return made


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit"])
def test_a_saved_mail_is_read_however_it_was_encoded(encoding: str) -> None:
    content = message(f"<p>Grüße</p>{img()}", cte=encoding).as_bytes(
        policy=policy.SMTP.clone(cte_type="8bit")
    )
    checked = check(content)
    assert problems(checked) == []
    place = found(checked, "once").place
    assert place is not None
    assert (place.line, place.byte) == (1, len("<p>Grüße</p>".encode()))


@pytest.mark.parametrize(
    ("charset", "text"), [("iso-8859-1", "Grüße"), ("utf-16", "Grüße"), ("shift_jis", "日本")]
)
def test_a_saved_mail_is_read_in_its_own_charset(charset: str, text: str) -> None:
    body = base64.b64encode((f"<p>{text}</p>" + img()).encode(charset))
    head = HEAD + f"Content-Type: text/html; charset={charset}\r\n".encode()
    checked = check(head + b"Content-Transfer-Encoding: base64\r\n\r\n" + body)
    assert problems(checked) == []
    place = found(checked, "once").place
    assert place is not None
    assert text in place.before


def test_a_pasted_mail_with_its_headers_is_taken_for_a_mail() -> None:
    assert problems(check(message().as_string())) == []


def test_a_mail_out_of_a_mailbox_file_is_read() -> None:
    assert problems(check(b"From ann@example.com Thu Mar 12\n" + message().as_bytes())) == []


def test_nested_parts_with_attachments_are_walked_through() -> None:
    made = message()
    shown = made.get_body(("html",))
    assert isinstance(shown, EmailMessage)
    shown.add_related(b"GIF89a", "image", "gif", cid="<logo>")
    made.add_attachment(html("<p>No pixel here</p>"), subtype="html", filename="offer.html")
    assert problems(check(made.as_bytes())) == []


def test_a_mail_in_plain_text_alone_cannot_carry_a_pixel() -> None:
    made = EmailMessage()
    made["Subject"] = "Plain"
    made.set_content(f"News {url()}")
    assert problems(check(made.as_bytes())) == ["plain-text"]
    assert problems(check("Hello, no HTML here")) == ["plain-text"]


def test_a_mail_without_any_text_says_that_it_has_no_html() -> None:
    made = EmailMessage()
    made["Subject"] = "Picture"
    made.set_content(b"GIF89a", "image", "gif")
    assert problems(check(made.as_bytes())) == ["no-html"]


def test_a_mail_forwarded_as_an_attachment_is_looked_into() -> None:
    made = EmailMessage()
    made["Subject"] = "Fwd: News"
    made.set_content("See below")
    made.add_attachment(message())
    assert problems(check(made.as_bytes())) == ["forwarded"]


def test_of_a_mail_with_html_its_attached_mail_is_not_asked() -> None:
    made = message(html("<p>Nothing</p>"))
    made.add_attachment(message())
    assert problems(check(made.as_bytes())) == ["missing"]


def test_several_html_parts_are_all_looked_at() -> None:
    made = message(html("<p>News</p>"))
    made.make_mixed()
    footer = EmailMessage()
    footer.set_content(img(), subtype="html")
    made.attach(footer)
    checked = check(made.as_bytes())
    assert problems(checked) == ["several-html-parts"]
    place = found(checked, "once").place
    assert place is not None
    assert place.part == "HTML part 2 of 2"


def test_a_pixel_in_an_alternative_that_no_client_shows_is_a_fault() -> None:
    made = message()
    made.add_alternative(html("<p>Newer</p>"), subtype="html")
    assert problems(check(made.as_bytes())) == ["unshown-part", "several-html-parts"]


def test_an_amp_version_is_warned_of() -> None:
    made = message()
    made.add_alternative("<html amp4email>", subtype="x-amp-html")
    assert problems(check(made.as_bytes())) == ["amp"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"Content-Type: text/html; charset=klingon\r\n", "unknown-charset"),
        (b"Content-Type: text/html; charset=punycode\r\n", "unknown-charset"),
        (b"Content-Type: text/html; charset=zip\r\n", "unknown-charset"),
        (b"Content-Type: text/html; charset=utf-8\r\n", "wrong-charset"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: odd\r\n", "unknown-encoding"),
    ],
)
def test_what_is_wrong_with_a_parts_text_is_said_and_the_rest_is_checked(
    lines: bytes, expected: str
) -> None:
    content = HEAD + lines + b"\r\n<p>Gr\xfc\xdfe</p>" + img().encode()
    checked = check(content)
    found(checked, expected)
    found(checked, "once")


def test_base64_that_is_cut_off_is_said_so() -> None:
    body = base64.b64encode(html(img()).encode())[:-3]
    head = HEAD + b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    found(check(head + body), "cut-base64")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_an_html_file_is_read_in_its_charset(encoding: str) -> None:
    checked = check(html(f"<p>Grüße</p>{img()}").encode(encoding))
    assert problems(checked) == []
    place = found(checked, "once").place
    assert place is not None
    assert "Grüße" in place.before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Outlook message"),
        (b"PK\x03\x04...", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"x" * (MOST_BYTES + 1), "larger than 5 MB"),
        (b"<b>" * 200_001, "200,000 HTML tags"),
        (HEAD + b"Content-Type: application/pkcs7-mime\r\n\r\nabc", "encrypted"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableMailError, match=reason):
        check(content)


def test_mails_within_mails_without_end_are_refused() -> None:
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 5_000
    with pytest.raises(UnreadableMailError, match="mails within mails"):
        check(HEAD + nested)


@pytest.mark.parametrize(
    "bomb",
    [
        b"<!--" * 1_000_000,
        b"<!-- <!" * 500_000,
        b"<" * 4_000_000,
        b"<a " + b"x=" * 1_500_000,
        b"<a href='" * 400_000,
        b"</" * 2_000_000,
        b"<style>" * 500_000,
        b"<style>" + b".a{display:none}" * 300_000 + b"</style>" + b"<p class='a b c'>" * 9_000,
        b"<style>" + b"{" * 4_000_000,
        b"<style>" + b"/*" * 2_000_000,
        b"<p class='" + b"a " * 2_000_000 + b"'>",
        b"<style></style" * 300_000,
        b"<div style='" + b"display:none;" * 300_000 + b"'>",
        b"{{" * 2_000_000,
        b"*|" * 2_000_000,
        b"%%a" * 1_500_000,
        b"<p>" * 190_000 + b"</div>" * 5_000,
        b"<img src='https://t.example.com/o/" * 100_000,
        b"t.example.com/o/" * 300_000,
        b"<img src=https://t.example.com/o/>" * 100_000,
        b"&" * 5_000_000,
        b"\n" * 5_000_000 + b"<",
    ],
    ids=lambda bomb: repr(bomb[:12]),
)
def test_no_text_of_five_megabytes_takes_long(bomb: bytes) -> None:
    started = time.process_time()
    answer(bomb[:MOST_BYTES])
    # Some tenths of a second; a quadratic step would take hours.
    assert time.process_time() - started < 10


def answer(content: bytes) -> MailCheck | None:
    """None when it was refused; anything else than that error fails the test."""
    try:
        return check_mail(content, SETTING)
    except UnreadableMailError:
        return None


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    answer(content)


PIECES = st.sampled_from(
    [
        *(b"<", b">", b"<!--", b"-->", b"<img ", b"<img", b'"', b"'", b"=", b"src=", b"/", b"</"),
        *(b"<![endif]-->", b"<!--[if mso]>", b"<style>", b"</style>", b"<p>", b"<td", b"&amp;"),
        *(b"<div style='display:none'>", b"</div>", b"<noscript>", b"{{", b"}}", b"*|", b"%%"),
        *(url().encode(), img().encode(), url()[:40].encode(), b"\r\n", b"\n\n", b"\x00", b"\xff"),
        *(b"Content-Type: ", b"text/html", b"multipart/mixed; boundary=x", b"--x", b"--x--"),
        *(b"multipart/alternative; boundary=", b"message/rfc822", b"; charset*=utf-8''a%FF"),
        *(b"; charset=", b"utf-16", b"idna", b"hex", b"\xf0\x9f\x98", b"=?utf-8?b?", b"?="),
        *(b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"x-uuencode", b"=3D"),
        *(b"From: a\r\n", b"Content-Disposition: attachment\r\n", b"[", b"//[", b"https://", b"@"),
    ]
)


@settings(max_examples=400)
@given(st.lists(PIECES | st.binary(max_size=5), max_size=40).map(b"".join))
def test_no_broken_mail_raises_anything_else(content: bytes) -> None:
    for beginning in (b"", b"From: a\r\nContent-Type: "):
        checked = answer(beginning + content)
        if checked is not None:
            assert len(checked.findings) < 100


@given(st.text(max_size=200), st.text(max_size=200))
def test_wherever_the_snippet_stands_in_a_text_it_is_found_there(before: str, after: str) -> None:
    text = before.replace("<", "").replace("\x00", "") + img() + after.replace("<", "")
    text = "<p>" + text.encode("utf-8", "replace").decode()
    place = found(check(text), "once").place
    assert place is not None
    assert place.marked == img()
    assert text.encode()[place.byte :].startswith(img().encode())
    assert place.line == text[: text.index(img())].count("\n") + 1
