"""Sums by provider, client, system and device, kept so that a page reads no opens."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0001_initial"),
        ("tracker", "0012_rulings_spread"),
    ]

    operations = [
        migrations.CreateModel(
            name="Breakdowns",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="breakdowns",
                        serialize=False,
                        to="campaigns.campaign",
                    ),
                ),
                ("computed_at", models.DateTimeField()),
                ("took", models.FloatField()),
                ("next_at", models.DateTimeField()),
                ("recipients", models.PositiveIntegerField()),
                ("sent", models.PositiveIntegerField()),
                ("bounces", models.PositiveIntegerField()),
                ("opens", models.PositiveBigIntegerField()),
                ("unique_human_opens", models.IntegerField()),
                ("unique_unknown_opens", models.IntegerField()),
                ("unique_prefetch_opens", models.IntegerField()),
            ],
            options={
                "verbose_name_plural": "breakdowns",
            },
        ),
        migrations.CreateModel(
            name="Breakdown",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("provider", "mailbox provider"),
                            ("client", "client"),
                            ("operating-system", "operating system"),
                            ("device", "device"),
                        ],
                        max_length=16,
                    ),
                ),
                ("key", models.CharField(max_length=254)),
                ("recipients", models.PositiveIntegerField(default=0)),
                ("sent", models.PositiveIntegerField(default=0)),
                ("bounces", models.PositiveIntegerField(default=0)),
                ("unique_opens", models.PositiveIntegerField(default=0)),
                ("unique_human_opens", models.PositiveIntegerField(default=0)),
                ("unique_unknown_opens", models.PositiveIntegerField(default=0)),
                ("unique_prefetch_opens", models.PositiveIntegerField(default=0)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("campaign", "kind", "key"), name="breakdown_is_one_per_key"
                    )
                ],
            },
        ),
    ]
