"""A person is erased: their address goes from rejected lines, slips, staged rows and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Q

from campaigns.imports import files
from campaigns.imports.broken import Theirs
from campaigns.imports.columns import reading_of
from campaigns.imports.ending import OVER, end
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.reasons import because
from campaigns.models import Import, RejectedLine, TypingSlip
from campaigns.models.keys import spellings_of

DELETED_AT_ONCE = 500
WHY_ENDED = because(
    "An address in this file was erased before it was imported. Upload the file again without it."
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many of each were removed."""

    rejected_lines: int
    typing_slips: int
    imports_ended: int


def forget(key: str, name: str = "") -> Forgotten:
    """``key`` as ``email_key`` makes it. Call this first, then erase the recipient.

    An import that waits or is being read with this address is ended as a whole: its file cannot
    be kept. One that is being stored is waited for.
    """
    theirs = Theirs([key], name)
    ended = 0
    for one in imports_naming(theirs):
        if one.is_over:
            files.discard_tried(one)
        else:
            end(one, WHY_ENDED)
        ended += 1
    keys = spellings_of(key)
    slips, _ = TypingSlip.objects.filter(Q(email_key__in=keys) | Q(suggestion__in=keys)).delete()
    found = lines_of(theirs)
    for start in range(0, len(found), DELETED_AT_ONCE):
        RejectedLine.objects.filter(pk__in=found[start : start + DELETED_AT_ONCE]).delete()
    return Forgotten(len(found), slips, ended)


def imports_naming(theirs: Theirs) -> Iterator[Import]:
    """Those that have their file still, and whose file has them, or may have."""
    for one in (*Import.objects.exclude(state__in=OVER), *Import.objects.tried()):
        if _may_name(one, theirs):
            yield one


def lines_of(theirs: Theirs) -> list[int]:
    """Looks at all of them: a line that could not be read may spell the address in any way."""
    lines = RejectedLine.objects.values_list("pk", "cells", "reason").iterator()
    # The reason may say which address was meant.
    return [
        pk for pk, cells, reason in lines if theirs.names(cells) or theirs.has_address([reason])
    ]


def _may_name(one: Import, theirs: Theirs) -> bool:
    """Another machine's file, or one that cannot be read, may do so."""
    if one.place != files.place():
        return True
    try:
        with Path(one.path).open("rb") as stream:
            table = open_table(stream, reading=reading_of(one.columns or {}))
            return any(
                theirs.names(cells)
                for batch in table.batches
                for cells in (*batch.rows, *(fault.cells for fault in batch.faults))
            )
    except (OSError, UnreadableFileError):
        return True
