"""How far back the opens reach, and how many were removed."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def begin(apps: Any, schema_editor: Any) -> None:
    """One row, so that it can be locked."""
    apps.get_model("tracker", "Horizon").objects.create(pk=1)


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0001_initial"),
        ("tracker", "0010_opens_by_month"),
    ]

    operations = [
        migrations.CreateModel(
            name="Horizon",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("opens_kept_from", models.DateTimeField(null=True)),
                ("evidence_kept_from", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RemovedOpens",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="campaigns.campaign",
                    ),
                ),
                ("human_client_opens", models.PositiveBigIntegerField(default=0)),
                ("image_proxy_on_open_opens", models.PositiveBigIntegerField(default=0)),
                ("privacy_prefetch_opens", models.PositiveBigIntegerField(default=0)),
                ("security_scanner_opens", models.PositiveBigIntegerField(default=0)),
                ("bot_opens", models.PositiveBigIntegerField(default=0)),
                ("unknown_opens", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "removed opens",
            },
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
