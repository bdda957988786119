"""The names of attributes, and those that recipients have already."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

NAMES = {
    "postgresql": "SELECT DISTINCT left(said, 120) FROM campaigns_recipient, jsonb_object_keys("
    "CASE WHEN jsonb_typeof(attributes) = 'object' THEN attributes ELSE '{}' END) AS said",
    "sqlite": "SELECT DISTINCT substr(said.key, 1, 120) FROM campaigns_recipient, "
    "json_each(attributes) AS said WHERE json_type(attributes) = 'object'",
}


def keep_names(apps: Any, schema_editor: Any) -> None:
    """Every recipient is read once."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(NAMES[connection.vendor])
        names = [name for (name,) in cursor.fetchall() if name]
    attribute_model = apps.get_model("campaigns", "Attribute")
    attribute_model.objects.bulk_create([attribute_model(name=name) for name in sorted(names)])


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_names_in_every_language")]
    operations = [
        migrations.CreateModel(
            name="Attribute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120)),
            ],
            options={
                "ordering": ["name"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("name",), name="attribute_name_is_unique")
                ],
            },
        ),
        migrations.RunPython(keep_names, migrations.RunPython.noop),
    ]
