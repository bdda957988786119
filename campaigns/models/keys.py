"""The one form of an address by which two spellings of it are the same, and its other spellings."""

from __future__ import annotations

import unicodedata

import idna

# What a label of an international domain begins with where the network reads it (RFC 5890).
PREFIX = "xn--"


def email_key(email: str) -> str:
    """The form in which two spellings of one address are equal: NFC, trimmed, lower case, and the
    domain in its own letters.

    Not case folded: that would make one of faß.example and fass.example, which are two domains.
    """
    key = _in_one_case(email.strip())
    # Nearly all have none: an import makes a million keys.
    return _in_own_letters(key) if PREFIX in key else key


def network_form(key: str) -> str:
    """The key with its domain as the network reads it; itself if that is the same or none."""
    local, at, domain = key.rpartition("@")
    if domain.isascii():
        return key
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode('ascii')}"
    except (idna.IDNAError, UnicodeError):
        return key


def spellings_of(key: str) -> set[str]:
    """The key, and the form that it had before domains were compared in their own letters."""
    return {key, network_form(key)}


def _in_one_case(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _in_own_letters(key: str) -> str:
    local, at, domain = key.rpartition("@")
    labels = map(_own_letters, domain.split("."))
    # What the network stores may be a capital to Unicode: Cherokee.
    return f"{local}{at}{_in_one_case('.'.join(labels))}"


def _own_letters(label: str) -> str:
    """As it is if it says nothing: then no mail server is called so."""
    if not label.startswith(PREFIX):
        return label
    try:
        return idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        return label
