"""The two roles as groups: marketers do everything, viewers read reports."""

from __future__ import annotations

from typing import Any

from django.apps import apps as installed_apps
from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWER = ("view_report",)
MARKETER = (
    *VIEWER,
    "add_campaign",
    "change_campaign",
    "view_campaign",
    "add_recipient",
    "change_recipient",
    "view_recipient",
    "view_pixel",
    "view_open",
)


def add_roles(apps: Any, schema_editor: Any) -> None:
    # Django makes permissions after the last migration only; these groups need them now.
    for label in ("campaigns", "tracker"):
        create_permissions(
            installed_apps.get_app_config(label),
            verbosity=0,
            using=schema_editor.connection.alias,
        )
    group_class = apps.get_model("auth", "Group")
    permission_class = apps.get_model("auth", "Permission")
    for name, codenames in (("Marketers", MARKETER), ("Viewers", VIEWER)):
        group, _ = group_class.objects.get_or_create(name=name)
        group.permissions.add(
            *permission_class.objects.filter(
                content_type__app_label__in=("campaigns", "tracker"), codename__in=codenames
            )
        )


class Migration(migrations.Migration):
    dependencies = [
        ("tracker", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(add_roles, migrations.RunPython.noop)]
