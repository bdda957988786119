"""What is said of addresses behind Excel's mark of text, counted while the file is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_noop

from campaigns.imports.reasons import as_kept, because

MARKED = gettext_noop(
    "Rows whose address stood behind an apostrophe, Excel's mark of text, which was left out: "
    "%(count)s."
)


def with_marked(notes: Sequence[Any], more: int) -> list[Any]:
    """Notes as they are kept, with so many rows more."""
    if not more:
        return list(notes)
    before = sum(values["count"] for pattern, values in notes if pattern == MARKED)
    return [*without_marked(notes), as_kept(because(MARKED, count=before + more))]


def without_marked(notes: Sequence[Any]) -> list[Any]:
    return [note for note in notes if note[0] != MARKED]
