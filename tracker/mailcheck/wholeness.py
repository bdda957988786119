"""Is the pixel's URL whole: not cut, not folded, not rewritten, its merge tag resolved."""

from __future__ import annotations

from collections.abc import Iterator

from tracker.mailcheck.addresses import Public
from tracker.mailcheck.findings import Finding, Level
from tracker.mailcheck.merge_tags import merge_tag_at
from tracker.mailcheck.presence import Located
from tracker.sentences import in_a_row, said

ANEW = said("Take the snippet anew and paste it as HTML source, in one piece.")
FLAWS = {
    "cut": (said("The pixel’s URL is cut off."), ANEW),
    "no-token": (
        said("The pixel’s URL ends before the part that names the recipient."),
        ANEW,
    ),
    "lower-case": (
        said(
            "Something has turned the pixel’s URL into small letters, so nobody can tell whose it "
            "is."
        ),
        said("Turn that off in the sending tool: the letters’ case matters."),
    ),
    "forged": (
        said("This server has never made this pixel’s URL: some of it is missing or was changed."),
        in_a_row(
            ANEW,
            said(
                "If it looks right, PIXEL_KEY has changed: the old key belongs in "
                "PIXEL_KEY_FALLBACKS."
            ),
        ),
    ),
    "broken": (
        said("Spaces or signs have slipped into the pixel’s URL."),
        in_a_row(said("The tool has wrapped a long line, or encoded it twice."), ANEW),
    ),
    "folded": (
        said("The pixel’s URL is broken across two lines."),
        said(
            "Browsers forgive it, some mail clients do not. Have the tool send quoted-printable or "
            "base64, which may wrap lines, and paste the snippet in one line."
        ),
    ),
    "stray": (said("Something was added to the end of the pixel’s URL."), ANEW),
    "no-gif": (
        said("The end of the pixel’s URL, “.gif”, is missing."),
        in_a_row(
            said("Some clients load nothing without it, and this server does not know it."), ANEW
        ),
    ),
    "curly-quotes": (
        said("Typographic quotation marks stand around the pixel’s URL instead of straight ones."),
        said(
            "A word processor or visual editor has replaced them. Paste the snippet in the HTML "
            "source."
        ),
    ),
    "still-encoded": (
        said("The source is still encoded: it says =3D where HTML says =."),
        said(
            "Upload the mail as a file (.eml) instead of pasting its encoded source. If the mail "
            "really is sent like this, it was encoded twice."
        ),
    ),
    "no-scheme": (
        said(
            "The pixel’s URL does not begin with https://, so mail clients do not know where to "
            "ask."
        ),
        ANEW,
    ),
    "not-in-src": (
        said("The pixel’s URL is not in the image’s src, where mail clients look for it."),
        said("Turn off the tool’s lazy loading of images for the pixel."),
    ),
}


# What is said of the token of a recipient's own pixel.
OF_TOKENS = frozenset(("cut", "no-token", "lower-case", "forged", "broken", "stray", "no-gif"))


def wholeness_findings(located: Located, public: Public) -> Iterator[Finding]:
    pixel = located.pixel
    tag = pixel.image.tag
    merge_tag = merge_tag_at(located.source.text, tag.start, tag.end)
    if merge_tag is not None:
        yield located.finding(
            "merge-tag",
            Level.FAULT,
            said(
                "A merge tag is not resolved: %(text)s. That is %(syntax)s.",
                text=merge_tag.text,
                syntax=merge_tag.syntax,
            ),
            said(
                "If this is the template, send one mail to yourself and check that. If it is the "
                "final mail, check that the list has a column of this name."
            ),
        )
        if pixel.pixel_id is None:
            return
    faults = list(flaw_findings(located))
    yield from faults
    if pixel.proxy:
        yield _rewritten(located)
    if not faults and not pixel.proxy and pixel.pixel_id is not None:
        yield located.finding("whole", Level.OK, said("The pixel’s URL is whole."))
    yield from _small_things(located, public)


def flaw_findings(located: Located, passed_over: frozenset[str] = frozenset()) -> Iterator[Finding]:
    for flaw in dict.fromkeys(located.pixel.flaws):
        if flaw in FLAWS and flaw not in passed_over:
            sentence, advice = FLAWS[flaw]
            yield located.finding(flaw, Level.FAULT, sentence, advice)


def _rewritten(located: Located) -> Finding:
    pixel = located.pixel
    if pixel.pixel_id is None:
        return located.finding(
            "rewritten-broken",
            Level.FAULT,
            said(
                "The sending tool loads the pixel by way of %(proxy)s, and its URL was damaged "
                "there.",
                proxy=pixel.proxy,
            ),
            said("Turn off link tracking or the image proxy for this image."),
        )
    return located.finding(
        "rewritten",
        Level.WARNING,
        said(
            "The sending tool has rewritten the pixel’s URL: it is loaded by way of %(proxy)s.",
            proxy=pixel.proxy,
        ),
        said(
            "If that server keeps a copy, only the first open arrives here, without the reader’s "
            "client and address. Turn off the image proxy or link tracking for this image."
        ),
    )


def _small_things(located: Located, public: Public) -> Iterator[Finding]:
    pixel = located.pixel
    quote = pixel.image.tag.attributes.get("src")
    is_quoted = quote is None or quote.quote or {"curly-quotes", "still-encoded"} & set(pixel.flaws)
    if not is_quoted:
        yield located.finding(
            "unquoted",
            Level.WARNING,
            said("The pixel’s URL has no quotation marks around it."),
            said('Write src="…": without them the next tool may cut it.'),
        )
    if pixel.query:
        yield located.finding(
            "query-added",
            Level.NOTE,
            said(
                "The sending tool has added “%(query)s” to the pixel’s URL. It works all the same.",
                query=pixel.query[:60],
            ),
        )
    if pixel.image.tag.value("alt") is None:
        yield located.finding(
            "no-alt",
            Level.WARNING,
            said('The pixel has lost its alt="".'),
            said(
                'Add alt="": without it screen readers read out the address, and clients that '
                "block images show a broken one."
            ),
        )
    if pixel.image.is_in_link:
        yield located.finding(
            "in-link",
            Level.WARNING,
            said("The pixel is inside a link."),
            said(
                "Move it out: an invisible link looks like a trick to mail filters, and some "
                "clients draw a frame around it."
            ),
        )
