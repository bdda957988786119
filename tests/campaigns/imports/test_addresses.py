from __future__ import annotations

import ast
import inspect
from typing import Any

import email_validator.syntax
import email_validator.validate_email
import pytest
from django.core.validators import validate_email
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from email_validator import validate_email as validate_international
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.imports.addresses import (
    REASONS,
    fault_of,
    key_if_ordinary,
    taken_out,
)
from campaigns.imports.slips import WELL_KNOWN, Slips, is_one_slip_away, meant_by
from campaigns.models import email_key


@pytest.mark.parametrize(
    "email",
    [
        "a@example.com",
        "Ann.Lee+news@Mail.Example.co.uk",
        "o'brien@example.com",
        "jürgen@example.com",
        "ann@münchen.example",
        "ann@xn--mnchen-3ya.example",
        "用户@例子.广告",
        "δοκιμή@παράδειγμα.δοκιμή",
        "_x_@a-b.example",
        f"{'a' * 64}@example.com",
    ],
)
def test_an_address_is_accepted(email: str) -> None:
    assert fault_of(email) == ""
    assert key_if_ordinary(email) in ("", email_key(email))


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("", "no address"),
        ("ann", "@-sign"),
        ("ann@", "after the @-sign"),
        ("@example.com", "before the @-sign"),
        ("ann@example", ""),
        ("ann@例子", "no dot"),
        ("foo@localhost", "no dot"),
        ("foo@mail.localhost", "no mail reaches “foo@mail.localhost”"),
        ("foo@printer.LOCAL", "its domain is reserved"),
        ("foo@example.test", "its domain is reserved"),
        ("foo@hidden.onion", "its domain is reserved"),
        ("foo@example.invalid", "its domain is reserved"),
        ("foo@2.0.192.in-addr.arpa", "its domain is reserved"),
        ("foo@[127.0.0.1]", "has to be a name"),
        ("foo@127.0.0.1", "its domain cannot exist"),
        ('"=1+1"@example.com', "quotation marks"),
        ("ann＠example.com", "another character"),
        ("ann.@example.com", "a dot stands before"),
        (".ann@example.com", "begins with a dot"),
        ("ann@a_b.example", "its domain cannot exist"),
        ("ann\u2028@example.com", "nobody sees"),
        ("ann..lee@example.com", ""),
        ("ann@exa mple.com", ""),
        ("ann@-example.com", ""),
        ("ann@xn--\u00fc.example", ""),
        ("a@example.com; b@example.com", "one address a line"),
        ("Ann <ann@example.com>", ""),
        (f"{'a' * 65}@example.com", ""),
        (f"ann@{'b' * 64}.example", ""),
        (f"ü{'a' * 250}@example.com", "longer than 254"),
        ("a\x07@example.com", "control character"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(email: str, reason: str) -> None:
    assert reason in fault_of(email)
    assert fault_of(email)
    assert not key_if_ordinary(email)


@given(
    st.sampled_from(["ann", "o'brien", "jürgen"]),
    st.sampled_from(["", "mail.", "a.b."]),
    st.sampled_from(SPECIAL_USE_DOMAIN_NAMES),
    st.booleans(),
)
def test_no_reserved_domain_is_taken(local: str, sub: str, name: str, is_upper: bool) -> None:
    email = f"{local}@{sub}{name.upper() if is_upper else name}"
    assert not key_if_ordinary(email)
    assert fault_of(email)


@pytest.mark.parametrize(
    ("email", "is_taken"),
    [
        ("ann@office.local", True),
        ("ann@mail.office.local", True),
        ("ann@firma", True),
        ("ann@backoffice.local", False),
        ("ann@localhost", False),
        ("a b@office.local", False),
        ("ann@", False),
    ],
)
def test_domains_of_an_offices_own_server_are_taken_where_they_are_named(
    email: str, is_taken: bool, settings: Any
) -> None:
    settings.INTERNAL_DOMAINS = ["office.local", "firma"]
    assert (fault_of(email) == "") == is_taken


def test_every_reason_of_the_library_has_words_of_ours() -> None:
    """Of all that it says, as its source has it."""
    trees = [
        ast.parse(inspect.getsource(module))
        for module in (email_validator.syntax, email_validator.validate_email)
    ]
    calls = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "EmailSyntaxError"
    ]
    texts = [
        "".join(
            part.value
            for part in ast.walk(call)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        for call in calls
    ]
    assert len(texts) > 30
    unsaid = {
        text for text in texts if " " in text and not any(part in text for part, _ in REASONS)
    }
    # About display names, which are taken out before, and options that are not used.
    rare = (
        "display name",
        "ASCII",
        "Unicode normalization",
        "after the email address",
        "an invalid",
        "close quote",
    )
    assert {text for text in unsaid if not any(word in text for word in rare)} == set()


@given(st.text(max_size=30))
def test_nothing_but_an_address_is_taken_out_of_a_cell(text: str) -> None:
    email, name = taken_out(text)
    assert set(email) | set(name) <= set(text)
    assert len(email) + len(name) <= len(text)
    again, _ = taken_out(email)
    assert fault_of(email) or again == email


PIECES = st.lists(
    st.sampled_from(["a", "B", "9", "-", "--", ".", "_", "+", "@", "x" * 60, "ü", " ", "com"]),
    max_size=9,
)


@given(PIECES.map("".join))
@example("a@b.com")
@example("a@" + "b." * 100 + "com")
@example("a@xn--a.com")
def test_what_passes_the_quick_way_passes_both_libraries(email: str) -> None:
    key = key_if_ordinary(email)
    if key:
        assert key == email_key(email)
        validate_email(email)
        validate_international(email, check_deliverability=False)


def test_the_quick_way_takes_the_addresses_that_lists_are_made_of() -> None:
    for domain in WELL_KNOWN:
        assert key_if_ordinary(f"Ann.Lee-Ross_7+x@{domain}") == f"ann.lee-ross_7+x@{domain}"


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmial.cmo", "gmail.com"),
        ("hotmal.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("yaho.com", "yahoo.com"),
        ("example.con", "example.com"),
        ("gmail.com", ""),
        ("mail.com", ""),
        ("email.com", ""),
        ("example.com", ""),
        ("bmx.de", ""),
        ("web.com", ""),
    ],
)
def test_slips_are_told_from_domains_of_their_own(domain: str, meant: str) -> None:
    assert meant_by(domain) == meant
    suggestion = Slips().suggestion(f"ann@{domain}")
    assert suggestion == (f"ann@{meant}" if meant else "")


def test_no_well_known_domain_is_a_slip_of_another() -> None:
    assert not [domain for domain in WELL_KNOWN if meant_by(domain)]


@given(st.text("ab", max_size=5), st.text("ab", max_size=5))
def test_one_slip_is_one_letter_more_less_other_or_two_changed_over(text: str, meant: str) -> None:
    slips = set()
    for at in range(len(meant) + 1):
        slips |= {meant[:at] + letter + meant[at:] for letter in "ab"}
        slips |= {meant[:at] + letter + meant[at + 1 :] for letter in ["", "a", "b"]}
        slips.add(meant[:at] + meant[at : at + 2][::-1] + meant[at + 2 :])
    slips = {slip for slip in slips if abs(len(slip) - len(meant)) <= 1} - {meant}
    assert is_one_slip_away(text, meant) == (text in slips)
