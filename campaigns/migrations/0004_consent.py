"""What recipients allow: their choice, the campaign's default, and the history of choices."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

CHOICES = [("identified", "identified"), ("anonymous", "anonymous"), ("off", "off")]


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_persons"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="tracking",
            field=models.CharField(
                blank=True, choices=CHOICES, db_default="", default="", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="recipient",
            name="tracking",
            field=models.CharField(
                blank=True, choices=CHOICES, db_default="", default="", max_length=10
            ),
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tracking", models.CharField(blank=True, choices=CHOICES, max_length=10)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("import", "a list that was imported"),
                            ("admin", "a colleague, in the admin"),
                            ("page", "the recipient, on their own page"),
                            ("command", "a command"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("proof", models.CharField(blank=True, max_length=500)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consents",
                        to="campaigns.recipient",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["recipient", "at"], name="consent_recipient_at")],
            },
        ),
    ]
