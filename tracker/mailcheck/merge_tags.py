"""Merge tags that the sending tool has left in the mail, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tracker.sentences import Sentence, said

NEAR = 40
# Each pattern is bounded, so that no text makes it slow. The most particular come first.
SYNTAXES = (
    (r"\*\|[^|<>]{1,120}\|\*", said("%(signs)s, as Mailchimp writes it", signs="*|…|*")),
    (
        r"%%[^%<>]{1,120}%%",
        said("%(signs)s, as Salesforce Marketing Cloud writes it", signs="%%…%%"),
    ),
    (
        r"<%[=-]?[^%]{1,120}%>",
        said("%(signs)s, as Adobe Campaign and ERB templates write it", signs="<%= … %>"),
    ),
    (
        r"\$\{[^{}<>]{1,120}\}",
        said("%(signs)s, as Oracle Responsys and FreeMarker templates write it", signs="${…}"),
    ),
    (
        r"\{\$[^{}<>]{1,120}\}",
        said("%(signs)s, as MailerLite and Smarty templates write it", signs="{$…}"),
    ),
    (r"\[\[[^\[\]<>]{1,120}\]\]", said("%(signs)s, as Mailjet writes it", signs="[[…]]")),
    (
        r"\{%[^%<>]{1,120}%\}",
        said("%(signs)s, as Liquid and Jinja templates write it", signs="{% … %}"),
    ),
    (
        r"\{\{[^{}<>]{1,120}\}\}",
        said(
            "%(signs)s, as Brevo, HubSpot, SendGrid, Klaviyo and listmonk write it", signs="{{ … }}"
        ),
    ),
    (
        r"%7B%7B.{1,120}?%7D%7D",
        said(
            "%(signs)s, written as %(code)s by a tool that encodes links",
            signs="{{ … }}",
            code="%7B%7B",
        ),
    ),
    (r"%[A-Z][A-Z_-]{2,40}%", said("%(signs)s, as ActiveCampaign writes it", signs="%…%")),
    (r"\[(?:SNIPPET|PIXEL|PIXEL_URL)\]", said("%(signs)s, as phpList writes it", signs="[…]")),
)
# A glance at the first sign spares most places of a text the attempt at each of the patterns.
FIRST_SIGNS = r"(?=[*%<$\{\[])"
ONE_OF = "|".join(f"(?P<s{n}>{pattern})" for n, (pattern, _) in enumerate(SYNTAXES))
ANY = re.compile(f"{FIRST_SIGNS}(?:{ONE_OF})")
NAMES_US = re.compile(r"snippet|pixel", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MergeTag:
    text: str
    start: int
    end: int
    syntax: Sentence


def merge_tags(text: str, start: int = 0, end: int | None = None) -> Iterator[MergeTag]:
    for found in ANY.finditer(text, start, len(text) if end is None else end):
        assert found.lastgroup is not None  # one of the groups matched
        syntax = SYNTAXES[int(found.lastgroup[1:])][1]
        yield MergeTag(found[0], found.start(), found.end(), syntax)


def merge_tag_at(text: str, start: int, end: int) -> MergeTag | None:
    """The first in an element or right next to it."""
    return next(merge_tags(text, max(0, start - NEAR), min(len(text), end + NEAR)), None)


def merge_tag_for_us(text: str) -> MergeTag | None:
    """One that by its name was meant to become the snippet."""
    return next((tag for tag in merge_tags(text) if NAMES_US.search(tag.text)), None)
