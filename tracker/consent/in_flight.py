"""Groups that were being written when a choice was committed: waited for, until they are through.

A group is one statement, or one transaction if it has end marks, and sees the pixels as they were
when it began or later. One that begins later sees the choice.
"""

from __future__ import annotations

from time import monotonic, sleep

from django.db import connection

WAIT_AT_MOST = 10.0  # seconds
EVERY = 0.005

# All writers that are at it now. Without the right to look, a writer seems to be at it always.
AT_IT = """
SELECT pid, coalesce(xact_start, query_start) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'glimpse writer'
    AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle'
"""


def wait_for_writers(at_most: float = WAIT_AT_MOST) -> bool:
    """True when all that began before this call have ended.

    SQLite's writers hold the whole database while they write, so none is at it after a commit.
    """
    if connection.vendor != "postgresql":
        return True
    until = monotonic() + at_most
    waited_for = _at_it()
    while waited_for:
        if monotonic() > until:
            return False
        sleep(EVERY)
        waited_for &= _at_it()
    return True


def _at_it() -> set[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(AT_IT)
        return set(cursor.fetchall())
