"""What the database's files still hold of rows that were removed or changed is made to go.

SQLite overwrites what it frees (secure_delete in the settings), but the page so cleaned stands in
the write-ahead log at first, and the old one in the main file, until the log is written back.
PostgreSQL keeps old rows until a vacuum, which may not come for months in a table of a million.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from django.db import Error, connection
from django.db.models import Model

logger = logging.getLogger("campaigns.remains")

# A reader of an older moment is in the way: it is asked again, and hits wait that long at most.
TRIES = 12
BUSY_AT_MOST = 150  # milliseconds, of one try
PAUSE = 0.1  # seconds
# A larger table is left to PostgreSQL's own vacuum; recipients of a million are smaller.
LARGEST = 384 * 1024 * 1024
# Opens stand in a table for each month, which are vacuumed one by one.
LEAVES = """
SELECT leaf::text FROM (
    SELECT relid AS leaf FROM pg_partition_tree(%(table)s::regclass) WHERE isleaf
    UNION SELECT oid FROM pg_class WHERE oid = %(table)s::regclass AND relkind = 'r'
) AS leaves
WHERE pg_table_size(leaf) BETWEEN 1 AND %(largest)s ORDER BY 1
"""


def clear_remains(changed: Iterable[type[Model]] = ()) -> bool:
    """Whether nothing is left; if something is in the way, the schedule tries again.

    ``changed`` are the tables to be vacuumed on PostgreSQL. Inside a transaction nothing is done:
    pass it to ``on_commit``.
    """
    if connection.in_atomic_block:
        return False
    try:
        if connection.vendor == "sqlite":
            return _empty_log()
        _vacuum(changed)
    except Error as error:
        # What it was called after is committed: nobody is told that it failed.
        logger.warning("removed rows stay in the database's files for now: %s", error)
        return False
    return True


def _empty_log() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        (before,) = cursor.fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_AT_MOST}")
        try:
            for again in range(TRIES):
                if again:
                    time.sleep(PAUSE)
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                if not cursor.fetchone()[0]:
                    return True
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {before}")
    return False


def _vacuum(changed: Iterable[type[Model]]) -> None:
    """Nobody waits for it, and it waits for nobody; PostgreSQL leaves out what is not ours."""
    with connection.cursor() as cursor:
        for table in sorted({model._meta.db_table for model in changed}):
            cursor.execute(LEAVES, {"table": table, "largest": LARGEST})
            for (leaf,) in cursor.fetchall():
                # As PostgreSQL itself has written the name, quoted where it has to be.
                cursor.execute(f"VACUUM (SKIP_LOCKED, TRUNCATE FALSE) {leaf}")
