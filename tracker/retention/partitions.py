"""PostgreSQL keeps the opens of each month in a partition of their own; made ahead, dropped whole.

A month that nobody made loses nothing: its opens stand in the partition of all others, and move
when theirs is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from time import sleep
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from tracker.retention.months import first_id, month_of, months, months_later

# Months that stand ready beside the present one.
AHEAD = 2
OTHERS = "tracker_open_others"
# Two processes that make the same month do it one after the other. Any number of our own.
LOCK = 0x676C_696D_7073
DROP_TRIES = 60
DROP_WAITS_MS = 100
DROP_EVERY = 0.5

BOUNDS = re.compile(r"FROM \((MINVALUE|'([^']+)')\) TO \('([^']+)'\)")
PARTITIONS = """
SELECT child.relname, pg_get_expr(child.relpartbound, child.oid)
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'tracker_open'::regclass
"""


@dataclass(frozen=True, slots=True)
class Partition:
    """Opens whose ids are not below ``start`` (none: any) and below ``end``."""

    name: str
    start: UUID | None
    end: UUID


def is_partitioned(alias: str = DEFAULT_DB_ALIAS) -> bool:
    """SQLite has one table for all opens."""
    return connections[alias].vendor == "postgresql"


def partition_name(month: datetime) -> str:
    return f"tracker_open_{month:%Y_%m}"


def partitions(alias: str = DEFAULT_DB_ALIAS) -> list[Partition]:
    """In order of time, without the partition of all others."""
    with connections[alias].cursor() as cursor:
        cursor.execute(PARTITIONS)
        found = [
            Partition(name, UUID(match[2]) if match[2] else None, UUID(match[3]))
            for name, bound in cursor.fetchall()
            if (match := BOUNDS.search(bound))
        ]
    return sorted(found, key=lambda one: one.end)


def ensure_partitions(
    first: datetime | None = None, last: datetime | None = None, alias: str = DEFAULT_DB_ALIAS
) -> list[str]:
    """Make what is missing from the month of ``first`` (now) to AHEAD months after ``last`` (now).

    Returns the names of those that it made; on SQLite there is nothing to make.
    """
    if not is_partitioned(alias):
        return []
    now = timezone.now()
    until = months_later(month_of(last or now), AHEAD)
    wanted = list(months(first or now, until))
    there = partitions(alias)
    missing = [month for month in wanted if not any(_holds(one, month) for one in there)]
    if missing:
        with transaction.atomic(alias), connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            there = partitions(alias)
            missing = [month for month in missing if not any(_holds(one, month) for one in there)]
            for month in missing:
                _make(cursor, month)
    return [partition_name(month) for month in missing]


class PartitionInUseError(Exception):
    """Somebody reads the opens all the time; nothing was dropped."""


def close_partition(cursor: CursorWrapper, partition: Partition) -> None:
    """Until the transaction ends no hit is recorded into that partition; into others they are."""
    cursor.execute(f'LOCK TABLE "{partition.name}" IN SHARE ROW EXCLUSIVE MODE')


def drop_partition(cursor: CursorWrapper, partition: Partition) -> None:
    """Inside the caller's transaction; every open in it is gone for good.

    Needs the table of all opens for itself, for a moment. Whoever waits for that makes all hits
    wait behind it, so it is asked for briefly and often.
    """
    for _ in range(DROP_TRIES):
        try:
            with transaction.atomic(cursor.db.alias):
                cursor.execute(f"SET LOCAL lock_timeout = '{DROP_WAITS_MS}ms'")
                cursor.execute(f'DROP TABLE "{partition.name}"')
                cursor.execute("SET LOCAL lock_timeout = 0")
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            sleep(DROP_EVERY)
        else:
            return
    raise PartitionInUseError(
        f"{partition.name} could not be dropped: a long query reads the opens. "
        "Nothing was removed from it; try again when that has ended."
    )


def _holds(partition: Partition, month: datetime) -> bool:
    return (partition.start is None or partition.start <= first_id(month)) and (
        first_id(month) < partition.end
    )


def _make(cursor: CursorWrapper, month: datetime) -> None:
    """Filled before it is attached, so that an open is in one place or the other all the time."""
    name = partition_name(month)
    bounds: list[Any] = [first_id(month), first_id(months_later(month, 1))]
    cursor.execute(f"CREATE TABLE {name} (LIKE tracker_open INCLUDING ALL)")
    cursor.execute(f"LOCK TABLE {OTHERS} IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute(f"SELECT 1 FROM {OTHERS} WHERE id >= %s AND id < %s LIMIT 1", bounds)
    if cursor.fetchone():
        cursor.execute(
            f"WITH moved AS (DELETE FROM {OTHERS} WHERE id >= %s AND id < %s RETURNING *) "
            f"INSERT INTO {name} SELECT * FROM moved",
            bounds,
        )
    cursor.execute(
        f"ALTER TABLE tracker_open ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", bounds
    )


def oldest_kept(now: datetime, kept_months: int) -> datetime:
    """The first moment that stays when ``kept_months`` whole months before this one are kept.

    No hit is older than 1970, so a number that means "for ever" may be as great as it likes.
    """
    month = month_of(now)
    return months_later(month, -min(kept_months, (month.year - 1970) * 12))
