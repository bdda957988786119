"""Last: is all of it there? Rows, sums, some rows field by field, and the counts recounted."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tracker.moving.faults import MoveError
from tracker.moving.state import state_of
from tracker.moving.tables import Table
from tracker.recount import verify
from tracker.sentences import counted

SAMPLE = 200


def check(source: str, target: str, all_tables: Sequence[Table]) -> int:
    """How many rows were looked at again; the caller holds the source at the moment of the move."""
    wrong = state_of(target, all_tables).differences(state_of(source, all_tables))
    looked_at = 0
    for table in all_tables:
        looked_at += _look_at_some(source, target, table, wrong)
    drift = verify(target).drift
    if drift:
        wrong.append(
            f"{counted(drift, 'count differs', 'counts differ')} from the recount; "
            f"`verify_counts` on the old database says whether that was so there too, and "
            f"`verify_counts --repair` sets it right"
        )
    if wrong:
        raise MoveError(f"The new database is not equal to the old one: {'; '.join(wrong[:10])}.")
    return looked_at


def _look_at_some(source: str, target: str, table: Table, wrong: list[str]) -> int:
    """Read back after the commit, by key."""
    keys = some_keys(table, source)
    for start in range(0, len(keys), 100):
        some = keys[start : start + 100]
        there = list(table.rows(target, only=some))
        here = list(table.rows(source, only=some))
        if len(here) != len(there) or not all(map(table.are_equal, here, there)):
            wrong.append(f"rows of {table.name} between {some[0]} and {some[-1]} differ")
    return len(keys)


def some_keys(table: Table, alias: str) -> Sequence[object]:
    """Each as likely as the other, whatever the number of rows."""
    chance = random.Random()  # noqa: S311  # no secret
    kept: list[object] = []
    for number, key in enumerate(table.keys(alias)):
        if number < SAMPLE:
            kept.append(key)
        elif (place := chance.randrange(number + 1)) < SAMPLE:
            kept[place] = key
    return kept
