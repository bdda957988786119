"""A walk through history remembers what its verdicts depend on."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0008_rulings")]
    operations = [
        migrations.AddField("rejudging", "basis", models.CharField(default="", max_length=64))
    ]
