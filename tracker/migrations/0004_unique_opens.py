"""What opens make of a pixel moves into a narrow table of its own; this fills it."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

MOVE = """
INSERT INTO tracker_uniqueopen
    (pixel_id, campaign_id, is_test, open_count, first_opened_at, last_opened_at,
     last_user_agent_id, last_ip)
SELECT id, campaign_id, is_test, open_count, first_opened_at, last_opened_at,
       last_user_agent_id, last_ip
FROM tracker_pixel WHERE first_opened_at IS NOT NULL
"""


def leave_room(apps: Any, schema_editor: Any) -> None:
    """Free space in every page, so that PostgreSQL can update a row beside itself."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE tracker_uniqueopen SET (fillfactor = 80)")
        schema_editor.execute("ALTER TABLE tracker_pixel RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0001_initial"),
        ("tracker", "0003_leave_room_for_updates_in_place"),
    ]
    operations = [
        migrations.CreateModel(
            name="UniqueOpen",
            fields=[
                (
                    "pixel",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="unique_open",
                        serialize=False,
                        to="tracker.pixel",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                ("is_test", models.BooleanField()),
                ("open_count", models.PositiveIntegerField()),
                ("first_opened_at", models.DateTimeField()),
                ("last_opened_at", models.DateTimeField()),
                ("previous_first_opened_at", models.DateTimeField(null=True)),
                (
                    "last_user_agent",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tracker.useragent",
                    ),
                ),
                ("last_ip", models.GenericIPAddressField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            open_count__gt=0, last_opened_at__gte=models.F("first_opened_at")
                        ),
                        name="unique_open_has_opens_in_order",
                    )
                ],
                "indexes": [
                    models.Index(
                        fields=["campaign", "first_opened_at", "pixel"],
                        name="unique_open_campaign_first",
                    )
                ],
            },
        ),
        migrations.RunPython(leave_room, migrations.RunPython.noop),
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
    ]
