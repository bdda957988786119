"""From the URL of a list snippet to whom it names, or to the reason why it names nobody.

One snippet for a whole list: ``/o/c/<token of the campaign>.gif?r=<address or code>``, where the
sending tool has put the recipient in the place of its merge tag.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import unquote, unquote_to_bytes

from tracker.ceiling import Ceiling, Place
from tracker.tokens import TOKEN_LENGTH, Tokens

PREFIX = "c/"
PARAMETER = b"r="
# An address has 254 letters, and one letter up to twelve bytes when it is percent-encoded.
MOST_BYTES = 254 * 12
ADDRESS_LENGTH = 254
# What nobody sees around an address. No address begins or ends with one of these.
AROUND = " \t\r\n\v\f\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\ufeff"
MAILTO = "mailto:"
# "Ann Lee <ann@example.com>"
IN_BRACKETS = re.compile(r"<([^<>]*@[^<>]*)>\Z")
# A merge tag that nobody filled in, as tracker.mailing_tools and tracker.mailcheck.merge_tags know
# them: no address begins and ends like that.
WHOLE_TAG = re.compile(
    r"\*\|.*\|\*|%.*%|[#$@]?\{.*\}|\[.*\]|«.*»|<[%?].*>|#.*#|\$.*\$|~~.*~~", re.DOTALL
)
# Without an @-sign, one of these is enough: "Dear {{ name }}".
SIGNS_OF_A_TAG = frozenset("{}[]<>«»|*%$")
# What tools write for a field that is empty.
NOTHING = frozenset(("", "null", "none", "nil", "undefined", "nan"))


class Unnamed(StrEnum):
    """Why a list snippet names nobody.

    UNRESOLVED: the sending tool did not fill in its merge tag.
    UNMATCHED: nobody of the campaign is called that.
    """

    UNRESOLVED = "unresolved"
    UNMATCHED = "unmatched"


# An address as the URL has it, without what stands around it; or a recipient's id, of a code. One
# space in front means: a plus sign stood there, which is either a letter or an encoded space.
Name = str | int


class ListReader:
    """Reads campaigns and codes without a database; addresses are looked up by the writer."""

    def __init__(self, campaigns: Tokens, codes: Tokens, ceiling: Ceiling) -> None:
        """``ceiling``: not that of the pixels, or inventing names would make it begin anew."""
        self._campaigns = campaigns
        self._codes = codes
        self._ceiling = ceiling

    def campaign_of(self, token: str) -> int:
        """Of what stands between /o/ and .gif; 0 for what these keys never signed."""
        named = self._campaigns.read(token[len(PREFIX) :]) if token.startswith(PREFIX) else None
        return named or 0

    def name_in(self, query: bytes) -> Name | Unnamed:
        value = value_in(query)
        if len(value) > MOST_BYTES:
            return Unnamed.UNMATCHED
        text = as_text(value)
        if is_merge_tag(text) or is_merge_tag(value.decode("latin-1")):
            return Unnamed.UNRESOLVED
        if "@" in text:
            # Control characters, line ends and their like are in no address.
            is_possible = len(text) <= ADDRESS_LENGTH and text.isprintable()
            if not is_possible:
                return Unnamed.UNMATCHED
            return f" {text[1:]}" if value[:1] == b"+" == text[:1].encode() else text
        recipient_id = self._codes.read(text) if len(text) == TOKEN_LENGTH else None
        return Unnamed.UNMATCHED if recipient_id is None else recipient_id

    def place(self, campaign_id: int, name: Name, microseconds: int) -> Place:
        """As Ceiling has it. By a hash: names that meet in one share a ceiling, which is rare."""
        return self._ceiling.place(hash((campaign_id, str(name).lower())), microseconds)


def value_in(query: bytes) -> bytes:
    """What is said of the recipient; an ampersand in it has to be written %26."""
    for part in query.split(b"&"):
        if part.startswith(PARAMETER):
            return part[len(PARAMETER) :]
    return b""


def as_text(value: bytes) -> str:
    """What the tool has filled in, percent-encoded once, twice or not at all."""
    text = _decoded(value)
    if "@" not in text and "%40" in text:
        text = unquote(text)
    text = text.strip(AROUND)
    if found := IN_BRACKETS.search(text):
        text = found[1]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if text[: len(MAILTO)].lower() == MAILTO:
        text = text[len(MAILTO) :]
    local, at, domain = text.rpartition("@")
    # Tools append their own parameters to any URL, and spaces may be written as pluses.
    domain = domain.partition("?")[0].rstrip("+")
    return f"{local}{at}{domain}".strip(AROUND)


def is_merge_tag(text: str) -> bool:
    """Also true of an empty text: there was nothing to fill in."""
    text = text.replace("+", " ").strip(AROUND)
    if text.lower() in NOTHING or WHOLE_TAG.fullmatch(text):
        return True
    return (
        "@" not in text and "%40" not in text and not SIGNS_OF_A_TAG.isdisjoint(_decoded_text(text))
    )


def _decoded(value: bytes) -> str:
    raw = unquote_to_bytes(value)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # as old tools write it


def _decoded_text(text: str) -> str:
    """Without escapes, whose percent signs say nothing."""
    return re.sub(r"%[0-9A-Fa-f]{2}", "", text)
