"""Rulings reach all earlier opens by themselves; those that are there do so once more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tracker", "0011_horizon"),
    ]

    operations = [
        migrations.AddField(
            model_name="ruling",
            name="spread_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="ruling",
            name="spread_to",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="ruling",
            name="taken_back_at",
            field=models.DateTimeField(null=True),
        ),
    ]
