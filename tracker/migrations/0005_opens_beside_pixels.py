"""Pixels lose what unique opens hold now; opens gain a mark for hits that were not recorded."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    # Apart from the step before: PostgreSQL alters no table whose new rows are still to be checked.
    dependencies = [("tracker", "0004_unique_opens")]
    operations = [
        migrations.RemoveConstraint("pixel", "pixel_opens_agree_with_their_times"),
        migrations.RemoveIndex("pixel", "pixel_campaign_first_opened"),
        *[
            migrations.RemoveField("pixel", name)
            for name in (
                "status",
                "first_opened_at",
                "last_opened_at",
                "last_ip",
                "last_user_agent",
                "open_count",
            )
        ],
        migrations.AddField(
            "open",
            "is_at_ceiling",
            models.BooleanField("more followed", db_default=False, default=False),
        ),
        migrations.AlterField(
            "open",
            "pixel",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="opens",
                to="tracker.pixel",
            ),
        ),
    ]
