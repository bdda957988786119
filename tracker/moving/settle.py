"""Then: both databases side by side, row by row, and what differs made equal, all at once."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any

from django.db import transaction

from tracker.moving.tables import BATCH, Row, Table

DELETED_AT_ONCE = 500

Told = Callable[[str, "Settled"], None]


@dataclass(frozen=True)
class Settled:
    """Of one table: rows compared, and how many of them were not right yet."""

    compared: int
    added: int
    changed: int
    removed: int

    @property
    def mended(self) -> int:
        return self.added + self.changed + self.removed


def settle(source: str, target: str, all_tables: Sequence[Table], told: Told) -> dict[str, Settled]:
    """One transaction of the new database; the caller holds the old one at one moment.

    So the new one goes from one state that it had to the state at that moment, whatever refers
    to whatever: references are looked at when the transaction ends.
    """
    settled: dict[str, Settled] = {}
    with transaction.atomic(using=target):
        for table in all_tables:
            settled[table.name] = _settle(source, target, table)
            told(table.name, settled[table.name])
            table.give_keys_after(target, table.last_key_given(source))
    return settled


def _settle(source: str, target: str, table: Table) -> Settled:
    """Rows that go or change leave first: one that comes may need what is unique about them."""
    compared = added = changed = removed = 0
    with ExitStack() as stack:
        coming = Waiting(stack.enter_context(tempfile.TemporaryFile()))
        going = Waiting(stack.enter_context(tempfile.TemporaryFile()))
        for right, wrong in side_by_side(table.rows(source), table.rows(target)):
            compared += right is not None
            if right is not None and wrong is not None and table.are_equal(right, wrong):
                continue
            if right is not None:
                coming.append(right)
            if wrong is not None:
                going.append(wrong[:1])
            added += wrong is None
            removed += right is None
            changed += right is not None and wrong is not None
        for keys in going.in_groups(DELETED_AT_ONCE):
            table.delete(target, [key for (key,) in keys])
        for rows in coming.in_groups(BATCH):
            table.add(target, rows)
    return Settled(compared, added, changed, removed)


def side_by_side(
    rights: Iterator[Row], wrongs: Iterator[Row]
) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of two streams, each in the order of its keys, paired by key."""
    right, wrong = next(rights, None), next(wrongs, None)
    while right is not None or wrong is not None:
        if wrong is None or (right is not None and right[0] < wrong[0]):
            yield right, None
            right = next(rights, None)
        elif right is None or wrong[0] < right[0]:
            yield None, wrong
            wrong = next(wrongs, None)
        else:
            yield right, wrong
            right, wrong = next(rights, None), next(wrongs, None)


class Waiting:
    """Rows on the disk, however many: memory is for one group."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._group: list[Row] = []

    def append(self, row: Row) -> None:
        self._group.append(row)
        if len(self._group) == BATCH:
            self._put_away()

    def in_groups(self, size: int) -> Iterator[Sequence[Row]]:
        self._put_away()
        self._file.seek(0)
        while True:
            try:
                group: list[Any] = pickle.load(self._file)  # noqa: S301  # we wrote it just now
            except EOFError:
                return
            for start in range(0, len(group), size):
                yield group[start : start + size]

    def _put_away(self) -> None:
        if self._group:
            pickle.dump(self._group, self._file)
            self._group = []
