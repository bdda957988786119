"""Rejected lines as a list: to be mended in a spreadsheet and imported again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from campaigns.imports.columns import LINE_HEADER, REASON_HEADER
from campaigns.models import Import, RejectedLine
from tracker.exports import harmless


def rejected_rows(one: Import) -> Iterator[Sequence[str]]:
    """The header is the file's own, behind number and reason."""
    known = (LINE_HEADER, REASON_HEADER)
    is_again = tuple(one.header[:2]) == known
    yield (*known, *map(harmless, one.header[2:] if is_again else one.header))
    for line in RejectedLine.objects.filter(of_import=one).order_by("line").iterator():
        cells = line.cells[2:] if is_again else line.cells
        yield (str(line.line), line.reason, *map(harmless, cells))
