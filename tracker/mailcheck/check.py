"""One mail in, all findings out: the order in which the checks are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tracker.mailcheck.addresses import Public, ReadToken, pixel_of
from tracker.mailcheck.end_marks import (
    Mark,
    end_mark_findings,
    end_mark_of,
    on_top,
    only_end_mark,
)
from tracker.mailcheck.findings import Finding, Level
from tracker.mailcheck.hiding import clip_findings, hiding_findings
from tracker.mailcheck.images import Image, Scan, is_tiny, scan
from tracker.mailcheck.lists import campaign_of, list_findings
from tracker.mailcheck.mail import HtmlPart, Mail, UnreadableMailError, read_mail
from tracker.mailcheck.markup import TooManyTagsError
from tracker.mailcheck.other_tags import other_tag_findings
from tracker.mailcheck.owners import Ends, Lists, Owner
from tracker.mailcheck.presence import (
    Located,
    absence_findings,
    count_findings,
    owner_findings,
)
from tracker.mailcheck.reach import Resolve, host_findings, other_host_findings, scheme_findings
from tracker.mailcheck.wholeness import OF_TOKENS, flaw_findings, wholeness_findings
from tracker.sentences import Sentence, said, said_of

# Of more pixels than that each is not looked at: that they are many is the finding.
MOST_LOOKED_AT = 5
MOST_HOSTS = 5


@dataclass(frozen=True, slots=True)
class Setting:
    """What the check has to know of this installation and this campaign.

    ``resolve`` is asked for PUBLIC_URL's own host, and for nothing if it is none.
    """

    public_url: str
    campaign_id: int
    campaign_name: str
    read_token: ReadToken
    owner_of: Callable[[int], Owner | None]
    resolve: Resolve | None = None
    lists: Lists | None = None
    ends: Ends | None = None


@dataclass(frozen=True, slots=True)
class MailCheck:
    """The gravest finding first."""

    findings: list[Finding]

    def of_level(self, level: Level) -> list[Finding]:
        return [finding for finding in self.findings if finding.level is level]

    @property
    def faults(self) -> list[Finding]:
        return self.of_level(Level.FAULT)

    @property
    def warnings(self) -> list[Finding]:
        return self.of_level(Level.WARNING)

    @property
    def is_ready(self) -> bool:
        return not self.faults

    @property
    def headline(self) -> Sentence:
        return headline_of(len(self.faults), len(self.warnings))

    def as_json(self) -> dict[str, Any]:
        return {
            "ready": self.is_ready,
            "headline": self.headline,
            "faults": len(self.faults),
            "warnings": len(self.warnings),
            "findings": [asdict(finding) for finding in self.findings],
        }


def headline_of(faults: int, warnings: int) -> Sentence:
    if faults:
        return said_of(
            "One thing to mend before you send", "%(number)s things to mend before you send", faults
        )
    if warnings:
        return said_of(
            "Ready to send, with one thing to look at",
            "Ready to send, with %(number)s things to look at",
            warnings,
        )
    return said("Ready to send")


def check_mail(content: bytes, setting: Setting) -> MailCheck:
    """Raises UnreadableMailError, and nothing else, whatever the bytes are."""
    mail = read_mail(content)
    public = Public.of(setting.public_url)
    try:
        scanned = [(part, scan(part.source.text)) for part in mail.parts]
    except TooManyTagsError as error:
        raise UnreadableMailError(
            said(
                "This has more than 200,000 HTML tags, which is no mail. Check the HTML that you "
                "send."
            )
        ) from error
    findings = [*mail.findings]
    if mail.parts:
        marks = list(_end_marks(scanned, setting, public))
        located = _located(scanned, marks, setting, public)
        findings += _of_pixels(scanned, located, marks, setting, public)
        findings += other_tag_findings(
            [part.source for part in mail.parts if part.is_shown],
            [*(one for _, one in located), *(mark.located for mark in marks)],
            is_to_one=mail.is_to_one,
        )
        findings += _of_other_images(scanned, setting, public)
    else:
        findings.append(_without_html(mail))
    findings += host_findings(public, setting.resolve)
    if setting.ends is not None and setting.ends.is_on:
        findings = list(map(on_top, findings))
    return MailCheck(sorted(findings, key=lambda finding: finding.level.weight))


def _located(
    scanned: Sequence[tuple[HtmlPart, Scan]],
    marks: Sequence[Mark],
    setting: Setting,
    public: Public,
) -> list[tuple[HtmlPart, Located]]:
    """Where pixels are; no end mark is one."""
    taken = {id(mark.located.pixel.image) for mark in marks}
    return [
        (part, Located(pixel, part.source))
        for part, found in scanned
        for image in found.images
        if id(image) not in taken and (pixel := pixel_of(image, public, setting.read_token))
    ]


def _of_pixels(
    scanned: Sequence[tuple[HtmlPart, Scan]],
    located: Sequence[tuple[HtmlPart, Located]],
    marks: Sequence[Mark],
    setting: Setting,
    public: Public,
) -> Iterator[Finding]:
    live = [one for part, one in located if one.pixel.image.is_live and part.is_shown]
    yield from end_mark_findings(marks, live, setting.ends, setting.campaign_id)
    if not live:
        unshown = [one for part, one in located if one.pixel.image.is_live and not part.is_shown]
        if unshown:
            yield unshown[0].finding(
                "unshown-part",
                Level.FAULT,
                said(
                    "The pixel is in an HTML part that no client shows: a later one takes its "
                    "place."
                ),
                said("Put it in the last alternative of the mail."),
            )
            return
        dead = [one for _, one in located if not one.pixel.image.is_live]
        if marks and not dead:
            yield only_end_mark(marks[-1])
            return
        yield from absence_findings([(part.source, found) for part, found in scanned], dead, public)
        return
    yield from count_findings(live)
    yield from owner_findings(live, setting.owner_of, setting.campaign_id, setting.campaign_name)
    for one in live[:MOST_LOOKED_AT]:
        yield from _of_address(one, setting, public)
        yield from hiding_findings(one)
    yield from clip_findings(live)
    yield from scheme_findings(live, public)
    yield from other_host_findings(live, public)


def _end_marks(
    scanned: Sequence[tuple[HtmlPart, Scan]], setting: Setting, public: Public
) -> Iterator[Mark]:
    for part, found in scanned:
        for image in found.images:
            mark = end_mark_of(image, public, setting.ends)
            if mark is not None and image.is_live and part.is_shown:
                yield Mark(Located(mark[0], part.source), found, mark[1])


def _of_address(one: Located, setting: Setting, public: Public) -> Iterator[Finding]:
    listed = campaign_of(one.pixel, public, setting.lists)
    if listed and setting.lists is not None:
        yield from list_findings(
            one, listed, setting.lists, setting.campaign_id, setting.campaign_name
        )
        yield from flaw_findings(one, OF_TOKENS)
    else:
        yield from wholeness_findings(one, public)


def _of_other_images(
    scanned: Sequence[tuple[HtmlPart, Scan]], setting: Setting, public: Public
) -> Iterator[Finding]:
    images = [image for _, found in scanned for image in found.images if image.is_live]
    others = [image for image in images if pixel_of(image, public, setting.read_token) is None]
    trackers = list(dict.fromkeys(_host(image) for image in others if is_tiny(image)))
    if trackers:
        shown = ", ".join(trackers[:MOST_HOSTS]) + (" …" if len(trackers) > MOST_HOSTS else "")
        yield Finding(
            "other-trackers",
            Level.NOTE,
            said("Other invisible images are in the mail, from %(shown)s.", shown=shown),
            said("The sending tool’s own tracking does not disturb this one."),
        )
    if images:
        yield Finding(
            "images",
            Level.NOTE,
            said("Images in the mail, the pixel included: %(images)s.", images=len(images)),
        )


def _host(image: Image) -> str:
    host = image.source.partition("//")[2].partition("/")[0]
    return host[:80] or said("no address")


def _without_html(mail: Mail) -> Finding:
    if mail.has_plain_text:
        return Finding(
            "plain-text",
            Level.FAULT,
            said("This is plain text, which cannot carry a pixel: opens of it cannot be counted."),
            said("Send the mail as HTML, or with an HTML part beside the plain text."),
        )
    return Finding(
        "no-html",
        Level.FAULT,
        said("The mail has no HTML part, so there is no place for a pixel."),
        said("Save the mail that you send as .eml, or paste its HTML source."),
    )
