"""Two unique opens of an erased person stay two."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracker", "0020_work")]

    operations = [
        migrations.AddField(
            model_name="pendingmove",
            name="is_kept_apart",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
