"""Makes room in the new database for opens of the time from which some are about to come."""

from __future__ import annotations

from uuid import UUID

from tracker.retention.months import moment_of, months
from tracker.retention.partitions import ensure_partitions

# Months that may lie between two neighbours; ids further apart were made by a clock that was wrong.
MOST_MONTHS = 120


def make_room(alias: str, first: UUID, last: UUID) -> None:
    """Before opens with ids from ``first`` to ``last`` are written; each begins with its time.

    Where no month is made, opens stand in the partition of all others.
    """
    try:
        begin, end = moment_of(first), moment_of(last)
    except OverflowError:
        return
    if len(list(months(begin, end))) <= MOST_MONTHS:
        ensure_partitions(begin, end, alias)
