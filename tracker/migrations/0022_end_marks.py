"""End marks, whose they are loaded, and how many in each breakdown."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0009_import_notes_and_corrections"),
        ("tracker", "0021_moves_of_the_erased"),
    ]

    operations = [
        migrations.CreateModel(
            name="EndLoad",
            fields=[
                (
                    "pixel",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="end_load",
                        serialize=False,
                        to="tracker.pixel",
                    ),
                ),
                ("first_loaded_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="EndMarks",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="end_marks",
                        serialize=False,
                        to="campaigns.campaign",
                    ),
                ),
                ("changes", models.PositiveBigIntegerField(db_default=0, default=0)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="breakdown",
            name="end_loads",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="breakdowns",
            name="end_changes",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
    ]
