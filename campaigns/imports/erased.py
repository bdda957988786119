"""People who were erased stay away, unless a list is imported to bring them back."""

from __future__ import annotations

from datetime import timedelta

from campaigns.imports.rows import Row
from campaigns.models import Import, Tombstone
from campaigns.tombstones import Buried, is_stub, lift

# By how much the clocks of two machines may differ, and how long an erasure may take to commit.
CLOCKS_DIFFER = timedelta(minutes=10)


def erased_meanwhile(one: Import) -> Buried | None:
    """For its last step: whom somebody may have erased since it began, or none.

    Whoever is in its rows was not known as erased when they were read, or was asked back.
    """
    began = one.started_at or one.created_at
    if Tombstone.objects.filter(erased_at__gte=began - CLOCKS_DIFFER).exists():
        return Buried()
    return None


class Erased:
    """Of one chunk; asks the database before its rows are staged and after, not while."""

    def __init__(self, one: Import) -> None:
        self._buried = Buried()
        self._with_erased = one.with_erased
        self._coming_back: set[str] = set()

    def left_out(self, rows: list[Row]) -> list[Row]:
        """The rows of everybody else."""
        erased = self._buried.among(key for _, key, *_ in rows)
        if self._with_erased:
            back = {key for key in erased if not is_stub(key)}
            self._coming_back |= back
            erased -= back
        return [row for row in rows if row[1] not in erased] if erased else rows

    def lift(self) -> None:
        """Whoever was brought back is no longer known as erased; in the chunk's transaction."""
        for key in sorted(self._coming_back):
            lift(key)
