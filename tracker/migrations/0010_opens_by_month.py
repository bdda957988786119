"""PostgreSQL keeps opens in a partition for each month; SQLite in one table, as before.

Opens that are there already are not copied: their table becomes the partition of all that was
recorded until the end of this month.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.utils import timezone

from tracker.retention.months import first_id, month_of, months_later
from tracker.retention.partitions import OTHERS, ensure_partitions

BEFORE = "tracker_open_before"
RENAME = f"""
ALTER TABLE tracker_open RENAME TO {BEFORE};
ALTER INDEX tracker_open_pkey RENAME TO {BEFORE}_pkey;
ALTER INDEX open_pixel_opened_at RENAME TO {BEFORE}_pixel_opened_at;
CREATE TABLE tracker_open (LIKE {BEFORE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (id);
ALTER TABLE tracker_open ADD PRIMARY KEY (id);
CREATE INDEX open_pixel_opened_at ON tracker_open (pixel_id, opened_at);
CREATE TABLE {OTHERS} PARTITION OF tracker_open DEFAULT;
"""
BACK = """
CREATE TABLE tracker_open_whole
    (LIKE tracker_open INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
INSERT INTO tracker_open_whole SELECT * FROM tracker_open;
DROP TABLE tracker_open;
ALTER TABLE tracker_open_whole RENAME TO tracker_open;
ALTER TABLE tracker_open ADD PRIMARY KEY (id);
CREATE INDEX open_pixel_opened_at ON tracker_open (pixel_id, opened_at);
"""


# What a clock that ran ahead has recorded.
MOVE = f"""
WITH moved AS (DELETE FROM {BEFORE} WHERE id >= %s RETURNING *)
INSERT INTO {OTHERS} SELECT * FROM moved
"""


def divide(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    until = first_id(months_later(month_of(timezone.now()), 1))
    with connection.cursor() as cursor:
        cursor.execute(RENAME)
        cursor.execute(f"SELECT 1 FROM {BEFORE} LIMIT 1")
        if cursor.fetchone() is None:
            cursor.execute(f"DROP TABLE {BEFORE}")
        else:
            cursor.execute(MOVE, [until])
            cursor.execute(
                f"ALTER TABLE tracker_open ATTACH PARTITION {BEFORE} "
                f"FOR VALUES FROM (MINVALUE) TO (%s)",
                [until],
            )
    ensure_partitions()


def unite(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BACK)


class Migration(migrations.Migration):
    dependencies = [("tracker", "0009_basis_of_a_walk")]
    operations = [migrations.RunPython(divide, unite)]
