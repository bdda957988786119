from __future__ import annotations

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.apps import apps as installed_apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models


def let_marketers_judge_again(apps: Any, schema_editor: Any) -> None:
    # Django makes permissions after the last migration only; the group needs this one now.
    create_permissions(
        installed_apps.get_app_config("tracker"),
        verbosity=0,
        using=schema_editor.connection.alias,
    )
    permission = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="tracker", codename="rejudge"
    )
    for group in apps.get_model("auth", "Group").objects.filter(name="Marketers"):
        group.permissions.add(*permission)


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0005_names_in_every_language"),
        ("tracker", "0019_segments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Work",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("rejudge", "judging opens again"),
                            ("campaign", "making a campaign"),
                            ("snippets", "preparing a file of snippets"),
                            ("people", "preparing a file of recipients"),
                        ],
                        max_length=20,
                    ),
                ),
                ("parameters", models.JSONField(default=dict)),
                ("form_id", models.CharField(max_length=32)),
                ("place", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits for its turn"),
                            ("working", "at work"),
                            ("done", "done"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("died", "The process that did this has died several times."),
                            (
                                "unexpected",
                                "An unexpected fault stopped this. The server’s log says more.",
                            ),
                            ("nobody", "Nobody is left to write to, so no campaign was made."),
                            (
                                "erased",
                                "Somebody in it was erased, so the file is gone. Prepare another one.",
                            ),
                        ],
                        max_length=20,
                    ),
                ),
                ("is_cancel_requested", models.BooleanField(default=False)),
                ("lease_owner", models.CharField(blank=True, max_length=64)),
                ("seen_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("position", models.JSONField(default=dict)),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField(default=0)),
                ("resumed_at", models.DateTimeField(null=True)),
                ("resumed_done", models.PositiveBigIntegerField(default=0)),
                ("result", models.JSONField(default=dict)),
                (
                    "campaign",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "permissions": [("rejudge", "Can judge recorded opens again")],
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["waiting", "working"])),
                        fields=["kind", "id"],
                        name="work_unfinished",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("form_id",), name="work_is_one_per_form")
                ],
            },
        ),
        migrations.RunPython(let_marketers_judge_again, migrations.RunPython.noop),
    ]
