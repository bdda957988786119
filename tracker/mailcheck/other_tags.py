"""Merge tags that have nothing to do with the pixel: names, links, whatever a tool fills in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracker.mailcheck.findings import Finding, Level, Source
from tracker.mailcheck.merge_tags import NAMES_US, NEAR, MergeTag, merge_tags
from tracker.mailcheck.presence import Located
from tracker.sentences import said

MOST_NAMED = 5


def other_tag_findings(
    sources: Sequence[Source], located: Sequence[Located], *, is_to_one: bool
) -> Iterator[Finding]:
    """Before a mail is sent they are as they should be; in one reader's copy they are left over."""
    first: dict[str, tuple[Source, MergeTag]] = {}
    for source in sources:
        spans = [one.pixel.image.tag for one in located if one.source is source]
        for tag in merge_tags(source.text):
            is_ours = NAMES_US.search(tag.text) or any(
                span.start - NEAR < tag.end and tag.start < span.end + NEAR for span in spans
            )
            if not is_ours:
                first.setdefault(tag.text, (source, tag))
    if not first:
        return
    shown = ", ".join(list(first)[:MOST_NAMED]) + (" …" if len(first) > MOST_NAMED else "")
    source, tag = next(iter(first.values()))
    place = source.place(tag.start, tag.end)
    if is_to_one:
        yield Finding(
            "unfilled-tags",
            Level.FAULT,
            said("Merge tags were not filled in: %(shown)s.", shown=shown),
            said(
                "This mail is addressed to one reader, who sees them as they stand here. Look for "
                "the fields in your list that they name."
            ),
            place,
        )
    else:
        yield Finding(
            "other-tags",
            Level.NOTE,
            said("Merge tags for your tool to fill in: %(shown)s.", shown=shown),
            said("Check a mail that it has sent to you: there they have to be gone."),
            place,
        )
