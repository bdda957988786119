"""First: every table's rows after the greatest key that is there, in steps that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from django.db import IntegrityError, transaction

from tracker.moving.databases import moment
from tracker.moving.tables import BATCH, Table

Told = Callable[[str, int], None]


def copy_all(source: str, target: str, all_tables: Sequence[Table], told: Told) -> int:
    """How many rows; a run that is killed goes on where this one stood.

    Not the last word: what changed meanwhile, or came with a smaller key, is found afterwards.
    """
    copied = 0
    with moment(source):
        for table in all_tables:
            rows = sum(_steps(source, target, table))
            copied += rows
            told(table.name, rows)
    return copied


def _steps(source: str, target: str, table: Table) -> Iterator[int]:
    """Rows of each step that was kept."""
    rows = table.rows(source, after=table.greatest(target))
    while some := list(islice(rows, BATCH)):
        try:
            with transaction.atomic(using=target):
                table.add(target, some)
        except IntegrityError:
            # The source has moved on since an earlier run: it made rows anew that stand there
            # under other keys (quarters, breakdowns), or one that these need was left out. What
            # follows knows both, and other tables may be whole.
            return
        yield len(some)
