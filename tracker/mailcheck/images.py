"""The images of a mail, each with what around it keeps clients from loading it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tracker.mailcheck.markup import Comment, EndTag, StartTag, Text, Token, tokens
from tracker.mailcheck.style_rules import declarations, hiding_selectors, is_hidden_by

VOID = {
    *("area", "base", "br", "col", "embed", "hr", "image", "img", "input", "link", "meta"),
    *("param", "source", "track", "wbr"),
}
# A start tag of the right ends an open element of the left.
ENDS_BEFORE = {
    "p": {
        *("address", "article", "blockquote", "center", "div", "dl", "fieldset", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre"),
        *("section", "table", "ul"),
    },
    "li": {"li"},
    "td": {"td", "th", "tr"},
    "th": {"td", "th", "tr"},
    "tr": {"tr"},
}
CONDITION = re.compile(r"\[if\s([^\]]{0,200})\](>(<!)?)?\s*\Z", re.IGNORECASE)
CONDITION_STARTS = re.compile(r"\s*\[if\s", re.IGNORECASE)
CONDITION_ENDS = re.compile(r"\s*(<!)?\[endif\]\s*\Z", re.IGNORECASE)
NOT_OUTLOOK = re.compile(r"!\s*\(?\s*((gte?|lte?)\s+)?mso", re.IGNORECASE)
ZERO = re.compile(r"\s*0*(\.0*)?\s*(px|em|rem|pt|%)?\s*(!\s*important)?\s*\Z")


@dataclass(frozen=True, slots=True)
class Image:
    """``hidden_by``: what hides it, by itself or around it; ``inside``: where no image is."""

    tag: StartTag
    raw: str
    hidden_by: tuple[str, ...] = ()
    inside: str = ""  # comment, outlook-only, noscript, template or the name of a raw element
    is_in_link: bool = False

    @property
    def source(self) -> str:
        return self.tag.value("src") or ""

    @property
    def is_live(self) -> bool:
        """Whether a client takes it for an image at all."""
        return not self.inside and self.tag.is_whole


@dataclass(slots=True)
class Scan:
    """All images, and the tokens in which an address may stand by mistake."""

    images: list[Image] = field(default_factory=list)
    others: list[Token] = field(default_factory=list)


def scan(text: str) -> Scan:
    """Raises TooManyTagsError."""
    walk = _Walk(text)
    for token in tokens(text):
        if isinstance(token, StartTag):
            walk.enter(token)
        elif isinstance(token, EndTag):
            walk.leave(token.name)
        elif isinstance(token, Comment):
            walk.pass_comment(token)
        else:
            walk.pass_text(token)
    return walk.found


@dataclass(frozen=True, slots=True)
class _Open:
    name: str
    hidden_by: tuple[str, ...] = ()
    inside: str = ""
    is_in_link: bool = False


@dataclass(slots=True)
class _Walk:
    """Which elements are open, and what they do to the images in them."""

    text: str
    found: Scan = field(default_factory=Scan)
    opened: list[_Open] = field(default_factory=lambda: [_Open("")])
    counts: Counter[str] = field(default_factory=Counter)
    hiding: set[str] = field(default_factory=set)  # selectors of the styles so far
    is_for_others: bool = False  # not for Outlook

    def enter(self, tag: StartTag) -> None:
        while tag.name in ENDS_BEFORE.get(self.opened[-1].name, ()):
            self.counts[self.opened.pop().name] -= 1
        around = self._around(tag)
        if tag.name in ("img", "image"):
            hidden_by = (*around.hidden_by, *(["not-outlook"] if self.is_for_others else []))
            raw = self.text[tag.start : tag.end]
            self.found.images.append(Image(tag, raw, hidden_by, around.inside, around.is_in_link))
        else:
            self.found.others.append(tag)
        if tag.name not in VOID:
            self.opened.append(around)
            self.counts[tag.name] += 1

    def leave(self, name: str) -> None:
        """An end tag without its start tag closes nothing."""
        while self.counts[name]:
            closed = self.opened.pop().name
            self.counts[closed] -= 1
            if closed == name:
                return

    def pass_comment(self, comment: Comment) -> None:
        inner = self.text[comment.inner_start : comment.inner_end]
        self.is_for_others = _condition_after(inner, self.is_for_others)
        self.found.images += _images_within(self.text, comment, _kind_of(inner))
        self.found.others.append(comment)

    def pass_text(self, text: Text) -> None:
        self.found.others.append(text)
        if text.raw_in:
            self.found.images += _images_within(self.text, text, text.raw_in)
        if text.raw_in == "style":
            self.hiding |= hiding_selectors(self.text[text.start : text.end])

    def _around(self, tag: StartTag) -> _Open:
        outer = self.opened[-1]
        return _Open(
            tag.name,
            tuple(dict.fromkeys((*outer.hidden_by, *hidden_by(tag, self.hiding)))),
            outer.inside or (tag.name if tag.name in ("noscript", "template") else ""),
            outer.is_in_link or (tag.name == "a" and "href" in tag.attributes),
        )


def hidden_by(tag: StartTag, hiding: set[str]) -> Iterator[str]:
    style = declarations(tag.value("style") or "")
    display = style.get("display", "none" if is_hidden_by(hiding, tag) else "")
    if display.startswith("none"):
        yield "display-none"
    if style.get("visibility", "").startswith(("hidden", "collapse")):
        yield "visibility-hidden"
    if style.get("mso-hide", "").startswith("all"):
        yield "mso-hide"
    if "hidden" in tag.attributes:
        yield "hidden-attribute"


def is_tiny(image: Image) -> bool:
    """Whether it has the size of a pixel, or none."""
    sizes = (image.tag.value("width"), image.tag.value("height"))
    return all(size and (size.strip() in ("1", "1px") or ZERO.match(size)) for size in sizes)


def _kind_of(comment: str) -> str:
    return "outlook-only" if CONDITION_STARTS.match(comment) else "comment"


def _condition_after(comment: str, is_for_others: bool) -> bool:
    """Between ``<!--[if !mso]><!-->`` and ``<!--<![endif]-->`` Outlook for Windows sees nothing."""
    if CONDITION_ENDS.match(comment):
        return False
    condition = CONDITION.match(comment)
    if condition is None:
        return is_for_others
    return NOT_OUTLOOK.search(condition[1]) is not None


def _images_within(text: str, token: Comment | Text, inside: str) -> Iterator[Image]:
    """Images that are none, because they stand where everything is text."""
    start, end = token.start, token.end
    if isinstance(token, Comment):
        start, end = token.inner_start, token.inner_end
    for inner in tokens(text, start, end):
        if isinstance(inner, StartTag) and inner.name in ("img", "image"):
            yield Image(inner, text[inner.start : inner.end], inside=inside)
