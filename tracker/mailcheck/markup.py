"""HTML as mail clients read it, with the position of every tag: after the standard's tokenizer.

Not the standard library's parser: it gives lines but no ends of tags, drops the tag in which the
text ends, and takes quadratic time on some broken markup. Here every pattern runs forward only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

MOST_TAGS = 200_000
SPACE = " \t\n\r\f"
_opening = re.compile(r"<[!?/A-Za-z]")
_name = re.compile(r"[^\s/>]*")
_before_attribute = re.compile(r"[\s/]*")
_attribute_name = re.compile(r"=?[^\s/>=]*")
_spaces = re.compile(r"\s*")
_unquoted = re.compile(r"[^\s>]*")
# Their content is text, whatever it looks like. Scripts do not run in mails, so <noscript> is none.
RAW_TEXT = {"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"}
_raw_ends = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in RAW_TEXT}


class TooManyTagsError(Exception):
    """More tags than any mail has."""


@dataclass(frozen=True, slots=True)
class Attribute:
    value: str
    raw: str
    quote: str


@dataclass(frozen=True, slots=True)
class StartTag:
    """``is_whole`` is false if the text ends within the tag: then no client knows it."""

    name: str
    start: int
    end: int
    attributes: dict[str, Attribute] = field(default_factory=dict)
    is_whole: bool = True

    def value(self, name: str) -> str | None:
        attribute = self.attributes.get(name)
        return None if attribute is None else attribute.value


@dataclass(frozen=True, slots=True)
class EndTag:
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Comment:
    """From ``start`` to ``end`` with its signs; the text between is ``inner_start`` to
    ``inner_end``. ``<![if …]>``, which only Outlook understands, is one as well."""

    start: int
    end: int
    inner_start: int
    inner_end: int


@dataclass(frozen=True, slots=True)
class Text:
    """``raw_in`` names the element whose content is never markup, such as ``style``."""

    start: int
    end: int
    raw_in: str = ""


Token = StartTag | EndTag | Comment | Text


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """Raises TooManyTagsError; no text is an error otherwise."""
    end = len(text) if end is None else end
    position, tags = start, 0
    while position < end:
        opening = _next_markup(text, position, end)
        if opening > position:
            yield Text(position, opening)
        if opening >= end:
            return
        tags += 1
        if tags > MOST_TAGS:
            raise TooManyTagsError
        token = _markup(text, opening, end)
        yield token
        position = token.end
        if isinstance(token, StartTag) and token.name in RAW_TEXT:
            closing = _raw_ends[token.name].search(text, position, end)
            raw_end = closing.start() if closing else end
            if raw_end > position:
                yield Text(position, raw_end, token.name)
            position = raw_end


def _next_markup(text: str, position: int, end: int) -> int:
    """The next “<” that begins a tag or a comment."""
    found = _opening.search(text, position, end)
    return found.start() if found else end


def _markup(text: str, start: int, end: int) -> StartTag | EndTag | Comment:
    if text.startswith("<!--", start) and start + 4 <= end:
        return _comment(text, start, end)
    if text[start + 1] in "!?":
        return _until_bracket(text, start, end, start + 2)
    if text[start + 1] == "/":
        if start + 2 < end and text[start + 2].isascii() and text[start + 2].isalpha():
            tag = _tag(text, start, end, start + 2)
            return EndTag(tag.name, start, tag.end)
        return _until_bracket(text, start, end, start + 2)
    return _tag(text, start, end, start + 1)


def _comment(text: str, start: int, end: int) -> Comment:
    inner = start + 4
    for empty in (">", "->"):
        if text.startswith(empty, inner) and inner + len(empty) <= end:
            return Comment(start, inner + len(empty), inner, inner)
    closing = text.find("-->", inner, end)
    if closing < 0:
        return Comment(start, end, inner, end)
    return Comment(start, closing + 3, inner, closing)


def _until_bracket(text: str, start: int, end: int, inner: int) -> Comment:
    closing = text.find(">", inner, end)
    if closing < 0:
        return Comment(start, end, min(inner, end), end)
    return Comment(start, closing + 1, inner, closing)


def _tag(text: str, start: int, end: int, name_start: int) -> StartTag:
    named = _name.match(text, name_start, end)
    assert named is not None  # it matches the empty text
    attributes: dict[str, Attribute] = {}
    position = named.end()
    while True:
        position = _end_of(_before_attribute, text, position, end)
        if position >= end or text[position] == ">":
            break
        name, attribute, position = _attribute(text, position, end)
        # The first one counts, as in browsers.
        attributes.setdefault(name, attribute)
    is_whole = position < end
    return StartTag(named[0].lower(), start, min(position + 1, end), attributes, is_whole)


def _attribute(text: str, position: int, end: int) -> tuple[str, Attribute, int]:
    name_end = _end_of(_attribute_name, text, position, end)
    name = text[position:name_end].lower()
    equals = _end_of(_spaces, text, name_end, end)
    if equals >= end or text[equals] != "=":
        return name, Attribute("", "", ""), name_end
    value_start = _end_of(_spaces, text, equals + 1, end)
    quote = text[value_start : min(value_start + 1, end)]
    if quote in ('"', "'"):
        closing = text.find(quote, value_start + 1, end)
        value_end = end if closing < 0 else closing
        raw = text[value_start + 1 : value_end]
        return name, Attribute(unescape(raw), raw, quote), min(value_end + 1, end)
    value_end = _end_of(_unquoted, text, value_start, end)
    raw = text[value_start:value_end]
    return name, Attribute(unescape(raw), raw, ""), value_end


def _end_of(pattern: re.Pattern[str], text: str, position: int, end: int) -> int:
    found = pattern.match(text, position, end)
    assert found is not None  # each of these patterns matches the empty text
    return found.end()
