"""Free space in every page of pixels, so that PostgreSQL can update a pixel beside itself."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def leave_room(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE tracker_pixel SET (fillfactor = 70)")


class Migration(migrations.Migration):
    dependencies = [("tracker", "0002_add_roles")]
    operations = [migrations.RunPython(leave_room, migrations.RunPython.noop)]
