"""Persons can be erased: stubs, tombstones, and the audit log of who did what."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_imports"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="time"),
                ),
                ("by_name", models.CharField(blank=True, max_length=150)),
                ("action", models.CharField(max_length=40)),
                ("object_kind", models.CharField(max_length=40)),
                ("object_id", models.CharField(blank=True, max_length=40)),
                (
                    "source",
                    models.CharField(
                        choices=[("admin", "admin"), ("page", "page"), ("command", "command")],
                        max_length=10,
                    ),
                ),
                ("details", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "audit log entry",
                "verbose_name_plural": "audit log entries",
                "ordering": ["-pk"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                ("email_hash", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("erased_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AlterModelOptions(
            name="recipient",
            options={
                "ordering": ["email_key"],
                "permissions": [
                    ("erase_recipient", "Can export and erase everything about a person")
                ],
            },
        ),
        migrations.AddField(
            model_name="recipient",
            name="erased_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="recipient",
            index=models.Index(
                condition=models.Q(("erased_at__isnull", False)),
                fields=["erased_at"],
                name="recipient_erased",
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["object_kind", "object_id"], name="audit_object"),
        ),
        migrations.AddField("import", "erased", models.BigIntegerField(default=0)),
        migrations.AddField("import", "with_erased", models.BooleanField(default=False)),
    ]
