"""Is this an address? A microsecond for the ordinary ones; two libraries for the rest."""

from __future__ import annotations

import re
import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_noop
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError
from email_validator import validate_email as validate_international

from campaigns.imports.reasons import because
from campaigns.models import email_key
from campaigns.tombstones import is_stub

ADDRESS_LENGTH = 254
LOCAL_LENGTH = 64
SHOWN = 100
# No mail server on the internet has one: localhost, printer.local, name.test.
_NOWHERE = "|".join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))
# Accepts less than the libraries, and nothing that they refuse; no such address is too long.
_is_ordinary = re.compile(
    r"(?=[^@]{1,64}@.{1,185}\Z)"
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    rf"(?!(?i:{_NOWHERE})\Z)[A-Za-z]{{2,63}}",
    re.ASCII,
).fullmatch
# Spreadsheets and web pages leave these around an address, where nobody sees them.
INVISIBLE = " \t\r\n\v\f\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\ufeff"
# In no address at all, also within one.
_NEVER = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"))
# Programs that mail write “Ann Lee <ann@example.com>”, web pages “mailto:ann@example.com”.
_in_brackets = re.compile(r"([^<>]*)<([^<>]*)>[\s;,]*").fullmatch
_AROUND = INVISIBLE + "'\""
MAILTO = "mailto:"

# What the library says, by a part of it, and how it is said here; the first that fits.
REASONS = (
    ("must have an @-sign", gettext_noop("“%(email)s” is not an email address: it has no @-sign")),
    (
        "at-sign",
        gettext_noop("“%(email)s” is not an email address: its @-sign is another character"),
    ),
    (
        "something before the @-sign",
        gettext_noop("“%(email)s” is not an email address: there is nothing before the @-sign"),
    ),
    (
        "something after the @-sign",
        gettext_noop("“%(email)s” is not an email address: there is nothing after the @-sign"),
    ),
    (
        "should have a period",
        gettext_noop("“%(email)s” is not an email address: there is no dot after the @-sign"),
    ),
    (
        "special-use",
        gettext_noop(
            "no mail reaches “%(email)s”: its domain is reserved, and no server on the internet "
            "has it"
        ),
    ),
    (
        "Quoting",
        gettext_noop(
            "“%(email)s” is not an email address: quotation marks before the @-sign are not read"
        ),
    ),
    (
        "IP address",
        gettext_noop("“%(email)s” is not an email address: its domain has to be a name"),
    ),
    (
        "two periods in a row",
        gettext_noop("“%(email)s” is not an email address: it has two dots in a row"),
    ),
    (
        "start with a period",
        gettext_noop("“%(email)s” is not an email address: it begins with a dot"),
    ),
    (
        "period immediately before the @-sign",
        gettext_noop("“%(email)s” is not an email address: a dot stands before its @-sign"),
    ),
    (
        "too long",
        gettext_noop("“%(email)s” is not an email address: it is too long"),
    ),
    (
        "by so many characters",
        gettext_noop("“%(email)s” is not an email address: a part of its domain is too long"),
    ),
    (
        "before the @-sign",
        gettext_noop(
            "“%(email)s” is not an email address: there is a character before the @-sign that "
            "cannot be there"
        ),
    ),
    (
        "after the @-sign",
        gettext_noop("“%(email)s” is not an email address: its domain cannot exist"),
    ),
    (
        "An email address cannot",
        gettext_noop("“%(email)s” is not an email address: its domain cannot exist"),
    ),
    (
        "angle bracket",
        gettext_noop("“%(email)s” is not an email address: its angle brackets do not match"),
    ),
    (
        "unsafe characters",
        gettext_noop("“%(email)s” is not an email address: it holds a character that nobody sees"),
    ),
)
OTHERWISE = gettext_noop("“%(email)s” is not an email address")


def key_if_ordinary(email: str) -> str:
    """The address's key, or the empty text if somebody has to look closer."""
    # Two hyphens may be an encoded international domain.
    return email.lower() if _is_ordinary(email) and "--" not in email else ""


def taken_out(cell: str) -> tuple[str, str]:
    """The address without what stands around it, and the name that stood before it."""
    text, name = cell.translate(_NEVER).strip(INVISIBLE), ""
    if found := _in_brackets(text):
        before, text = (part.strip(_AROUND) for part in found.groups())
        name = "" if "@" in before else before
    elif text[:1] in "'\"" and text[:1] == text[-1:]:
        text = text.strip(_AROUND)
    elif has_text_mark(text):
        text = text[1:].strip(INVISIBLE)
    if text[: len(MAILTO)].lower() == MAILTO:
        text = text[len(MAILTO) :].partition("?")[0].strip(INVISIBLE)
    return (text[:-1] if text[-1:] in (";", ",") else text), name


def has_text_mark(cell: str) -> bool:
    """Excel's apostrophe in front of what it should take for a text; no address begins with one."""
    text = cell.strip(INVISIBLE)
    return text[:1] == "'" and text[-1:] != "'" and "@" in text


def is_address(cell: str) -> bool:
    """Whether this cell holds one, with or without something around it."""
    return "@" in cell and not fault_of(taken_out(cell)[0])


def fault_of(email: str) -> str:
    """Why this trimmed text is no address that mail could be sent to; empty if it is one."""
    if not email:
        return because("there is no address in this line")
    if "\x00" in email:
        return because(
            "“%(email)s” is not an email address: it holds a NUL character",
            email=email[:SHOWN].replace("\x00", "\ufffd"),
        )
    key = email_key(email)
    # Of the key, too: lower case and composition can make a text longer.
    if max(len(email), len(key)) > ADDRESS_LENGTH:
        return because("the address is longer than %(most)s characters", most=ADDRESS_LENGTH)
    if email.rfind("@") > LOCAL_LENGTH:
        return because(
            "the part before the @-sign is longer than %(most)s characters", most=LOCAL_LENGTH
        )
    return _not_an_address(email, key)


def _not_an_address(email: str, key: str) -> str:
    shown = email[:SHOWN]
    if any(unicodedata.category(letter) == "Cc" for letter in email):
        return because(
            "“%(email)s” is not an email address: it holds a control character", email=shown
        )
    if sum(map(email.count, ("@", "＠"))) > 1 and any(mark in email for mark in ",; \xa0"):
        return because("“%(email)s” is not an email address: write one address a line", email=shown)
    # Whoever was erased is known by that, and stays away.
    is_ours = is_stub(key) or _is_of_own_server(key)
    try:
        validate_international(email, check_deliverability=False, globally_deliverable=not is_ours)
        if email.isascii() and not is_ours:
            validate_email(email)
    except EmailNotValidError as error:
        text = str(error)
        pattern = next((ours for part, ours in REASONS if part in text), OTHERWISE)
        if is_ours and pattern is _SPECIAL:
            return ""
        return because(pattern, email=shown)
    except ValidationError:
        return because(OTHERWISE, email=shown)
    return ""


_SPECIAL = dict(REASONS)["special-use"]


def _is_of_own_server(key: str) -> bool:
    """A domain that only an office's own mail server knows."""
    domain = key.rpartition("@")[2]
    return any(domain == own or domain.endswith(f".{own}") for own in settings.INTERNAL_DOMAINS)
