"""Remembers what recounts found, for /metrics."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0005_opens_beside_pixels")]
    operations = [
        migrations.CreateModel(
            name="Recount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("counted_at", models.DateTimeField(auto_now_add=True)),
                ("checked", models.PositiveBigIntegerField()),
                ("drift", models.PositiveBigIntegerField()),
            ],
        ),
    ]
