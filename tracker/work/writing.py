"""A long file written beside the server: in steps, on from where the last one stood."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import Any, BinaryIO

from campaigns.imports.errors import LostLeaseError
from campaigns.models import Campaign
from tracker.end_marks import has_end_marks
from tracker.exports import PEOPLE_HEADER
from tracker.models import CampaignCounts, Work
from tracker.pixels import next_recipients
from tracker.segments.choice import Choice
from tracker.segments.files import segment_text
from tracker.segments.members import EVERYBODY
from tracker.snippet_files import FORMATS, PLAIN, snippet_text
from tracker.work.begin import begin
from tracker.work.files import discard, path_of
from tracker.work.lease import advance, finish
from tracker.work.run import Pause

# Up to so many recipients a file is sent while it is made.
AT_ONCE = 50_000
# Recipients that one step looks at.
STEP = 10_000
MARK = "\ufeff"


def want_snippets(campaign: Campaign, form: str, *, by: int | None, form_id: str) -> Work:
    # All of a file's lines have the same columns.
    has_ends = has_end_marks(campaign)
    return _wanted(Work.Kind.SNIPPETS, campaign, by, form_id, form=form, has_ends=has_ends)


def want_people(
    campaign: Campaign, form: str, choice: Choice = EVERYBODY, *, by: int | None, form_id: str
) -> Work:
    chosen = choice.as_json()
    return _wanted(Work.Kind.PEOPLE, campaign, by, form_id, form=form, choice=chosen)


def _wanted(
    kind: Work.Kind, campaign: Campaign, by: int | None, form_id: str, **parameters: Any
) -> Work:
    counts = CampaignCounts.objects.filter(campaign=campaign)
    work, _ = begin(
        kind,
        form_id=form_id,
        campaign=campaign,
        by=by,
        total=counts.values_list("recipients", flat=True).first() or 0,
        file=secrets.token_hex(16),
        **parameters,
    )
    return work


def write(work: Work, pause: Pause) -> None:
    """The text is on the disk before its position is committed, and cut off there by whoever goes
    on: no line is missing, none is doubled."""
    try:
        with open(path_of(work), "ab", opener=_private) as file:
            _go_on(work, file)
            while _step(work, file):
                pause()
            finish(work, Work.State.DONE, total=work.done, result={"bytes": file.tell()})
    except LostLeaseError:
        work.refresh_from_db()
        if work.is_over:
            # Somebody in it was erased meanwhile.
            discard(work)
        raise


def take_back(work: Work, pause: Pause) -> None:
    discard(work)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _go_on(work: Work, file: BinaryIO) -> None:
    written = work.position.get("bytes", 0)
    is_of_other_columns = written and work.position.get("columns") != len(PEOPLE_HEADER)
    if os.fstat(file.fileno()).st_size < written or (
        work.kind == Work.Kind.PEOPLE and is_of_other_columns
    ):
        # A power cut, somebody removed it, or an upgrade came between.
        advance(work, position={}, done=0)
        written = 0
    file.truncate(written)
    file.seek(written)


def _step(work: Work, file: BinaryIO) -> bool:
    """Whether there may be more."""
    assert work.campaign is not None
    after = work.position.get("recipient", 0)
    some = next_recipients(work.campaign, after, STEP)
    if not some and work.position:
        return False
    up_to = some[-1] if some else after
    file.write("".join(_text(work, after, up_to)).encode())
    file.flush()
    os.fsync(file.fileno())
    done = work.done + len(some)
    advance(
        work,
        position={"recipient": up_to, "bytes": file.tell(), "columns": len(PEOPLE_HEADER)},
        done=done,
        total=max(work.total, done),
    )
    return bool(some)


def _text(work: Work, after: int, up_to: int) -> Iterator[str]:
    assert work.campaign is not None
    form = work.parameters["form"]
    # As the pages send it: what is downloaded without further choice is often opened in Excel.
    if not after and form == PLAIN.name:
        yield MARK
    if work.kind == Work.Kind.SNIPPETS:
        has_ends = work.parameters.get("has_ends", False)
        blocks = snippet_text(
            work.campaign, FORMATS[form], after=after, up_to=up_to, has_ends=has_ends
        )
    else:
        choice = Choice.from_json(work.parameters["choice"])
        blocks = segment_text(work.campaign, choice, form, after=after, up_to=up_to)
    yield from (text for text, _ in blocks)
