"""Does anything keep clients from loading the pixel: hidden, without size, lazy, clipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracker.mailcheck.findings import Finding, Level
from tracker.mailcheck.images import ZERO
from tracker.mailcheck.presence import Located
from tracker.mailcheck.style_rules import declarations
from tracker.sentences import said

# Gmail shows the beginning of a long mail and hides the rest, pixel included, behind “View entire
# message”. Google names no number; senders measured 102 KB of decoded HTML, a little less with
# some signs: github.com/hteumeuleu/email-bugs/issues/41, and Mailchimp's help says the same.
GMAIL_SHOWS = 102 * 1024
# So close to the end that a header or footer added on the way pushes the pixel over it.
MARGIN = 4 * 1024

REASONS = {
    "display-none": (
        Level.FAULT,
        said(
            "The pixel is hidden with display:none, by itself, by an element around it or by a "
            "style."
        ),
        said(
            "Some clients skip what is not displayed, and filters distrust it. Move the pixel out "
            "of the hidden block, often the preview text at the top, and leave it unstyled."
        ),
    ),
    "hidden-attribute": (
        Level.FAULT,
        said(
            "The pixel is hidden with the attribute “hidden”, by itself or by an element around it."
        ),
        said("Take the attribute away: the pixel is invisible anyway."),
    ),
    "visibility-hidden": (
        Level.WARNING,
        said("The pixel is hidden with visibility:hidden, by itself or by an element around it."),
        said(
            "Take the style away: the pixel is invisible anyway, and filters distrust hidden "
            "images."
        ),
    ),
    "mso-hide": (
        Level.WARNING,
        said("The pixel is hidden from Outlook for Windows with mso-hide:all."),
        said("Move it out of that block: opens in Outlook for Windows are lost."),
    ),
    "not-outlook": (
        Level.WARNING,
        said("The pixel is inside a condition that leaves Outlook for Windows out."),
        said("Move it out of the <!--[if !mso]> … <![endif]--> block."),
    ),
}


def hiding_findings(located: Located) -> Iterator[Finding]:
    tag = located.pixel.image.tag
    found = False
    for reason in located.pixel.image.hidden_by:
        level, sentence, advice = REASONS[reason]
        yield located.finding(reason, level, sentence, advice)
        found = True
    style = declarations(tag.value("style") or "")
    sizes = [tag.value("width"), tag.value("height"), style.get("width"), style.get("height")]
    if any(size and ZERO.match(size) for size in sizes):
        yield located.finding(
            "no-size",
            Level.WARNING,
            said("The pixel has a width or height of 0, which some clients do not load."),
            said('Write width="1" height="1", as in the snippet.'),
        )
        found = True
    if (tag.value("loading") or "").strip().lower() == "lazy":
        yield located.finding(
            "lazy",
            Level.WARNING,
            said("The pixel is loaded lazily, so a reader who does not scroll down may not count."),
            said('Take loading="lazy" away.'),
        )
        found = True
    if not found:
        yield located.finding("not-hidden", Level.OK, said("Nothing hides the pixel."))


def clip_findings(live: Sequence[Located]) -> Iterator[Finding]:
    """About the first pixel: the one that Gmail shows soonest."""
    located = live[0]
    size = located.source.size
    before = located.source.byte_of(located.pixel.image.tag.start)
    end = located.source.byte_of(located.pixel.image.tag.end)
    where = {"before": before, "shown": GMAIL_SHOWS, "rest": max(GMAIL_SHOWS - end, 0)}
    if end > GMAIL_SHOWS:
        yield located.finding(
            "clipped",
            Level.FAULT,
            said(
                "Gmail cuts the mail off before the pixel: %(before)s bytes of HTML stand before "
                "the pixel; Gmail shows the first %(shown)s.",
                before=before,
                shown=GMAIL_SHOWS,
            ),
            said(
                "Move the pixel up, or make the HTML shorter. Until then most opens in Gmail are "
                "lost."
            ),
        )
    elif GMAIL_SHOWS - end < MARGIN:
        yield located.finding(
            "nearly-clipped",
            Level.WARNING,
            said(
                "Gmail only just shows the pixel: %(before)s bytes of HTML stand before the pixel; "
                "Gmail shows the first %(shown)s, which leaves %(rest)s.",
                **where,
            ),
            said(
                "Longer names or a footer added on the way may push it out of sight. Make the HTML "
                "shorter."
            ),
        )
    else:
        yield located.finding(
            "before-clip",
            Level.OK,
            said(
                "Gmail shows the pixel: %(before)s bytes of HTML stand before the pixel; Gmail "
                "shows the first %(shown)s, which leaves %(rest)s.",
                **where,
            ),
        )
        if size > GMAIL_SHOWS:
            yield Finding(
                "mail-clipped",
                Level.NOTE,
                said(
                    "The HTML has %(size)s bytes, so Gmail cuts the mail off, though after the "
                    "pixel.",
                    size=size,
                ),
                said(
                    "Readers in Gmail have to ask for the rest, and for your link to unsubscribe."
                ),
            )
