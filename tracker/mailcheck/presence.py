"""Is the pixel in the mail, once, and whose is it; and if it is not there, where did it go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tracker.mailcheck.addresses import Pixel, Public, mentions
from tracker.mailcheck.findings import Finding, Level, Source
from tracker.mailcheck.images import Scan, is_tiny
from tracker.mailcheck.markup import Comment, StartTag, Text
from tracker.mailcheck.merge_tags import MergeTag, merge_tag_for_us, merge_tags
from tracker.mailcheck.owners import Owner
from tracker.sentences import in_a_row, said

PASTE = said(
    "Paste the recipient’s snippet as HTML source, as the last thing before </body>, and check "
    "once more."
)


@dataclass(frozen=True, slots=True)
class Located:
    """A pixel and the part that it stands in."""

    pixel: Pixel
    source: Source

    def finding(self, name: str, level: Level, sentence: str, advice: str = "") -> Finding:
        tag = self.pixel.image.tag
        return Finding(name, level, sentence, advice, self.source.place(tag.start, tag.end))


def count_findings(live: Sequence[Located]) -> Iterator[Finding]:
    """For at least one live pixel."""
    ids = {located.pixel.pixel_id or located.pixel.url for located in live}
    last = live[-1]
    if len(live) == 1:
        yield last.finding("once", Level.OK, said("The pixel is in the mail, once."))
    elif len(ids) == 1:
        yield last.finding(
            "twice",
            Level.WARNING,
            said("The same pixel is in the mail %(live)s times.", live=len(live)),
            said("One is enough: each opening counts as several opens of one recipient."),
        )
    else:
        yield last.finding(
            "several",
            Level.FAULT,
            said(
                "%(ids)s different pixels are in this mail, so one reader counts as several.",
                ids=len(ids),
            ),
            said("Keep the one of the mail’s own recipient and take the others out."),
        )


def owner_findings(
    live: Sequence[Located],
    owner_of: Callable[[int], Owner | None],
    campaign_id: int,
    campaign_name: str,
) -> Iterator[Finding]:
    seen: set[int] = set()
    for located in live:
        pixel_id = located.pixel.pixel_id
        if pixel_id is not None and pixel_id not in seen and len(seen) < 10:
            seen.add(pixel_id)
            yield _owner_finding(located, owner_of(pixel_id), campaign_id, campaign_name)


def _owner_finding(
    located: Located, owner: Owner | None, campaign_id: int, campaign_name: str
) -> Finding:
    if owner is None:
        return located.finding(
            "unknown-pixel",
            Level.FAULT,
            said("The pixel is signed with this server’s key, but this server has no such pixel."),
            said(
                "It comes from another installation or an older database. Take the snippets of "
                "this campaign anew."
            ),
        )
    if owner.campaign_id != campaign_id:
        return located.finding(
            "other-campaign",
            Level.FAULT,
            said(
                "The pixel belongs to another campaign, “%(campaign_name)s”: its opens would count "
                "there.",
                campaign_name=owner.campaign_name,
            ),
            said(
                "Take the snippets of “%(campaign_name)s” and merge them into this mail.",
                campaign_name=campaign_name,
            ),
        )
    if owner.is_test:
        return located.finding(
            "test-pixel",
            Level.WARNING,
            said("This is the campaign’s test pixel, whose opens never count."),
            said(
                "That is right for a mail to yourself. The mail to the recipients needs the "
                "snippet of each."
            ),
        )
    return located.finding(
        "this-campaign",
        Level.OK,
        said("The pixel is of this campaign and belongs to %(address)s.", address=owner.address),
        said("It must be in the copy for this recipient only: every other copy needs its own."),
    )


def absence_findings(
    sources: Sequence[tuple[Source, Scan]], dead: Sequence[Located], public: Public
) -> Iterator[Finding]:
    """Why no client would find a pixel: the one best explanation."""
    if dead:
        yield _dead_finding(dead[0])
        return
    for source, scan in sources:
        tag = merge_tag_for_us(source.text) or _merge_tag_in_tiny_image(source, scan)
        if tag is not None:
            yield Finding(
                "merge-tag",
                Level.FAULT,
                said(
                    "The snippet was not merged in: %(text)s is still there. That is %(syntax)s.",
                    text=tag.text,
                    syntax=tag.syntax,
                ),
                said(
                    "If this is the template, send one mail to yourself and check that. If it is "
                    "the final mail, check that the list has a column of this name, and that its "
                    "content is merged as HTML."
                ),
                source.place(tag.start, tag.end),
            )
            return
        mention = next(mentions(source.text, public), None)
        if mention is not None:
            yield _mention_finding(source, scan, mention)
            return
    yield Finding(
        "missing",
        Level.FAULT,
        said("There is no pixel of this server in the mail, so no open would be recorded."),
        PASTE,
    )


def _merge_tag_in_tiny_image(source: Source, scan: Scan) -> MergeTag | None:
    spans = ((image.tag.start, image.tag.end) for image in scan.images if is_tiny(image))
    return next((tag for span in spans for tag in merge_tags(source.text, *span)), None)


INSIDE = {
    "comment": (
        "in-comment",
        said("The pixel is inside a comment, which no client reads."),
        said("Take the <!-- and --> away."),
    ),
    "outlook-only": (
        "outlook-only",
        said("The pixel is inside a condition for Outlook, so only Outlook for Windows loads it."),
        said("Move it out of the <!--[if mso]> … <![endif]--> block."),
    ),
    "noscript": (
        "in-noscript",
        said("The pixel is inside <noscript>, which many webmails throw away."),
        said("Take the <noscript> around it away: mails run no scripts anyway."),
    ),
    "template": (
        "in-template",
        said("The pixel is inside <template>, which is never shown."),
        said("Move it out."),
    ),
}


def _dead_finding(located: Located) -> Finding:
    image = located.pixel.image
    if not image.tag.is_whole:
        return located.finding(
            "unclosed",
            Level.FAULT,
            said("The mail ends within the pixel’s element, so no client knows it is an image."),
            said("The mail was cut off, or a quotation mark is missing. Paste the snippet anew."),
        )
    in_raw_text = (
        "in-raw-text",
        said("The pixel is inside <%(element)s>, where everything is text.", element=image.inside),
        said("Move it out."),
    )
    name, sentence, advice = INSIDE.get(image.inside, in_raw_text)
    return located.finding(name, Level.FAULT, sentence, advice)


def _mention_finding(source: Source, scan: Scan, mention: re.Match[str]) -> Finding:
    start, end = mention.span()
    place = source.place(start, end)
    token = next((one for one in scan.others if one.start <= start < one.end), None)
    if any(image.tag.start <= start < image.tag.end for image in scan.images):
        return Finding(
            "not-in-src",
            Level.FAULT,
            said("The pixel’s URL is not in the image’s src, where mail clients look for it."),
            PASTE,
            place,
        )
    if isinstance(token, StartTag):
        if token.name == "a":
            sentence = said("The pixel’s address stands in a link, not in an image.")
        else:
            sentence = said(
                "The pixel’s address stands in the element <%(element)s>, not in an image.",
                element=token.name,
            )
        return Finding(
            "not-an-image",
            Level.FAULT,
            sentence,
            in_a_row(said("Clients load it as the address of an <img> only."), PASTE),
            place,
        )
    if isinstance(token, Comment):
        return Finding(
            "in-comment",
            Level.FAULT,
            said("The pixel’s address stands in a comment only."),
            PASTE,
            place,
        )
    if isinstance(token, Text) and token.raw_in:
        return Finding(
            "as-style",
            Level.FAULT,
            said(
                "The pixel’s address stands in <%(raw_in)s>, not in an image.", raw_in=token.raw_in
            ),
            in_a_row(said("Many clients load no background images."), PASTE),
            place,
        )
    return Finding(
        "as-text",
        Level.FAULT,
        said(
            "The snippet is in the mail as text: readers would see its code, and nothing is loaded."
        ),
        said(
            "The editor or the merge has escaped it. Paste it in the HTML source, or merge the "
            "column as HTML (in many tools with three braces or a filter such as “raw” or “safe”)."
        ),
        place,
    )
