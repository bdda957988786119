"""How often a campaign's list snippet named nobody, by day."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0005_names_in_every_language"),
        ("tracker", "0017_who_counts"),
    ]

    operations = [
        migrations.CreateModel(
            name="ListMisses",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("unresolved", "the tool did not fill in its merge tag"),
                            ("unmatched", "nobody of the campaign"),
                        ],
                        max_length=10,
                    ),
                ),
                ("number", models.PositiveBigIntegerField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="list_misses",
                        to="campaigns.campaign",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="listmisses",
            constraint=models.UniqueConstraint(
                fields=("campaign", "day", "why"), name="list_misses_are_one_per_day"
            ),
        ),
    ]
