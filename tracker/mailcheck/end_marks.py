"""The end mark of a mail: there, once, behind everything else, and below the pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape

from tracker.mailcheck.addresses import Pixel, Public, pixel_of
from tracker.mailcheck.findings import Finding, Level
from tracker.mailcheck.images import Image, Scan, is_tiny
from tracker.mailcheck.lists import listed_in
from tracker.mailcheck.markup import Text
from tracker.mailcheck.owners import Ends
from tracker.mailcheck.presence import PASTE, Located
from tracker.sentences import said

# Signs that nobody sees; senders fill up the preview text with them.
INVISIBLE = dict.fromkeys(map(ord, "\u00a0\u00ad\u034f\u200b\u200c\u200d\u2060\ufeff"))
AT_THE_END = said("Put the recipient’s end mark as the last thing before </body>.")
PASTE_ON_TOP = said(
    "Paste the recipient’s snippet as HTML source, as the first thing behind <body>, and check "
    "once more."
)
AT_THE_TOP = said("Put the recipient’s snippet as the first thing behind <body>.")


@dataclass(frozen=True, slots=True)
class Mark:
    """An end mark and what it goes with: a pixel, or whoever a list snippet names."""

    located: Located
    scan: Scan
    campaign_id: int = 0

    @property
    def start(self) -> int:
        return self.located.pixel.image.tag.start

    @property
    def end(self) -> int:
        return self.located.pixel.image.tag.end

    def goes_with(self, pixel: Pixel, campaign_id: int) -> bool:
        """False only where both can be read and name two."""
        own = self.located.pixel
        if self.campaign_id:
            is_theirs = pixel.pixel_id is None and pixel.query in ("", own.query)
            return is_theirs and self.campaign_id == campaign_id
        return pixel.pixel_id is None or pixel.pixel_id == own.pixel_id


def end_mark_of(image: Image, public: Public, ends: Ends | None) -> tuple[Pixel, int] | None:
    """The image, if its token can be read as an end mark's; and the campaign of a list's one."""
    if ends is None:
        return None
    mark = pixel_of(image, public, ends.read_token)
    if mark is None:
        return None
    campaign_id = listed_in(mark, public, ends.campaign_of)
    return (mark, campaign_id) if campaign_id or mark.pixel_id is not None else None


def end_mark_findings(
    marks: Sequence[Mark], live: Sequence[Located], ends: Ends | None, campaign_id: int
) -> Iterator[Finding]:
    if ends is None or not ends.is_on:
        yield from _of_a_campaign_without(marks)
        return
    if not marks:
        yield Finding(
            "no-end-mark",
            Level.FAULT,
            said(
                "This campaign has end marks, and there is none in the mail: every copy would seem "
                "to be cut off."
            ),
            AT_THE_END,
        )
        return
    if not live:
        return
    faults = [
        *_of_number(marks),
        *_of_owner(marks[-1], live[0], campaign_id),
        *_of_place(marks[-1], live[0]),
    ]
    yield from faults
    if not faults:
        yield marks[-1].located.finding(
            "end-mark",
            Level.OK,
            said("The end mark is in the mail, once, and nothing stands behind it."),
        )


def on_top(finding: Finding) -> Finding:
    """Beside an end mark the pixel's place is another one."""
    return replace(finding, advice=PASTE_ON_TOP) if finding.advice == PASTE else finding


def only_end_mark(mark: Mark) -> Finding:
    return mark.located.finding(
        "only-end-mark",
        Level.FAULT,
        said("Only the end mark is in the mail, and loading that is no open."),
        AT_THE_TOP,
    )


def _of_a_campaign_without(marks: Sequence[Mark]) -> Iterator[Finding]:
    if marks:
        yield marks[0].located.finding(
            "end-mark-off",
            Level.WARNING,
            said("An end mark is in the mail, but this campaign has none: nothing comes of it."),
            said("Switch it on on the page Snippets before you send, or take the image out."),
        )


def _of_number(marks: Sequence[Mark]) -> Iterator[Finding]:
    if len(marks) > 1:
        yield marks[0].located.finding(
            "end-mark-twice",
            Level.FAULT,
            said("The end mark is in the mail %(marks)s times.", marks=len(marks)),
            said("Keep the last one: any other is loaded where the mail is cut off."),
        )


def _of_owner(mark: Mark, pixel: Located, campaign_id: int) -> Iterator[Finding]:
    if not mark.goes_with(pixel.pixel, campaign_id):
        yield mark.located.finding(
            "end-mark-of-other",
            Level.FAULT,
            said("The end mark goes with another recipient’s pixel."),
            said("Take both from the same line of the snippets."),
        )
    if mark.located.pixel.image.hidden_by:
        yield mark.located.finding(
            "end-mark-hidden",
            Level.WARNING,
            said("The end mark is hidden, so some clients never load it."),
            said("Move it out of the hidden block, and leave it unstyled."),
        )


def _of_place(mark: Mark, pixel: Located) -> Iterator[Finding]:
    tag = pixel.pixel.image.tag
    if mark.located.source is not pixel.source:
        return
    if mark.start < tag.start:
        yield mark.located.finding(
            "swapped",
            Level.FAULT,
            said("The end mark stands before the pixel: the two are swapped."),
            said("The snippet belongs at the very top of the mail, the end mark at its very end."),
        )
        return
    if _seen(mark, mark.end, len(mark.located.source.text)):
        yield mark.located.finding(
            "end-mark-early",
            Level.WARNING,
            said(
                "Something stands behind the end mark: a copy that is cut off there seems to be "
                "whole."
            ),
            AT_THE_END,
        )
    if _seen(mark, 0, tag.start) > _seen(mark, tag.end, mark.start):
        yield pixel.finding(
            "pixel-low",
            Level.WARNING,
            said(
                "Most of the mail stands before the pixel: where that part is cut off, nobody "
                "counts as an opener."
            ),
            AT_THE_TOP,
        )


def _seen(mark: Mark, start: int, end: int) -> int:
    """How much a reader sees there: signs, and a sign for each image."""
    text = mark.located.source.text
    signs = sum(
        len("".join(unescape(text[one.start : one.end]).translate(INVISIBLE).split()))
        for one in mark.scan.others
        if isinstance(one, Text) and not one.raw_in and start <= one.start < end
    )
    images = (one for one in mark.scan.images if one.is_live and start <= one.tag.start < end)
    return signs + sum(not is_tiny(one) for one in images)
