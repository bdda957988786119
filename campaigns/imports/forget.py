"""A person is erased: their address goes from rejected lines, slips, staged rows and files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.db.models import Q

from campaigns.imports import files
from campaigns.imports.addresses import INVISIBLE
from campaigns.imports.ending import OVER, end
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.reasons import because
from campaigns.models import Import, RejectedLine, TypingSlip, email_key

DELETED_AT_ONCE = 500
_WITHOUT_INVISIBLE = dict.fromkeys(map(ord, INVISIBLE))
WHY_ENDED = because(
    "An address in this file was erased before it was imported. Upload the file again without it."
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many of each were removed."""

    rejected_lines: int
    typing_slips: int
    imports_ended: int


def forget(key: str) -> Forgotten:
    """``key`` as ``email_key`` makes it. Call this first, then erase the recipient.

    An import that waits or is being read with this address is ended as a whole: its file cannot
    be kept. One that is being stored is waited for.
    """
    ended = 0
    for one in (*Import.objects.exclude(state__in=OVER), *Import.objects.tried()):
        if _may_name(one, key):
            if one.is_over:
                files.discard_tried(one)
            else:
                end(one, WHY_ENDED)
            ended += 1
    slips, _ = TypingSlip.objects.filter(Q(email_key=key) | Q(suggestion=key)).delete()
    return Forgotten(_forget_rejected(key), slips, ended)


def _forget_rejected(key: str) -> int:
    """Looks at all of them: a line that could not be read may spell the address in any way."""
    found = [
        pk
        for pk, cells, reason in RejectedLine.objects.values_list(
            "pk", "cells", "reason"
        ).iterator()
        # The reason may say which address was meant.
        if any(key in _plain(text) for text in (*cells, reason))
    ]
    for start in range(0, len(found), DELETED_AT_ONCE):
        RejectedLine.objects.filter(pk__in=found[start : start + DELETED_AT_ONCE]).delete()
    return len(found)


def _may_name(one: Import, key: str) -> bool:
    """Another machine's file, or one that cannot be read, may do so."""
    if one.place != files.place():
        return True
    try:
        with Path(one.path).open("rb") as stream:
            table = open_table(stream)
            return any(
                key in _plain(cell)
                for batch in table.batches
                for cells in (*batch.rows, *(fault.cells for fault in batch.faults))
                for cell in cells
            )
    except (OSError, UnreadableFileError):
        return True


def _plain(cell: str) -> str:
    return email_key(cell.translate(_WITHOUT_INVISIBLE))
