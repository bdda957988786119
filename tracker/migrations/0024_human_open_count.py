"""A column for how many of a pixel's opens were by people; what is recorded is counted next."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0023_simulations")]

    operations = [
        migrations.AddField(
            model_name="uniqueopen",
            name="human_open_count",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
