"""What may be recorded of each pixel, and stand-ins for those whose recipient is anonymous."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


def begin(apps: Any, schema_editor: Any) -> None:
    """Until now everybody was identified."""
    apps.get_model("tracker", "AppliedTracking").objects.create(pk=1, default="identified")


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0004_consent"),
        ("tracker", "0014_shared_reports"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="pixel", name="pixel_has_a_recipient_or_is_a_test"),
        migrations.AddField(
            model_name="pixel",
            name="is_stand_in",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="pixel",
            name="tracking",
            field=models.PositiveSmallIntegerField(
                choices=[(0, "identified"), (1, "anonymous"), (2, "off")],
                db_default=0,
                default=0,
            ),
        ),
        migrations.AddConstraint(
            model_name="pixel",
            constraint=models.CheckConstraint(
                condition=Q(is_test=True, is_stand_in=False, recipient__isnull=True)
                | Q(is_test=False, is_stand_in=True, recipient__isnull=True)
                | Q(is_test=False, is_stand_in=False, recipient__isnull=False),
                name="pixel_has_a_recipient_or_is_a_test_or_a_stand_in",
            ),
        ),
        migrations.AddConstraint(
            model_name="pixel",
            constraint=models.CheckConstraint(
                condition=Q(is_stand_in=True, pk__lt=0) | Q(is_stand_in=False, pk__gte=0),
                name="pixel_of_a_stand_in_is_negative",
            ),
        ),
        migrations.AddField(
            model_name="campaigncounts",
            name="untracked",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="campaigncounts",
            name="unique_untracked_opens",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name="PendingMove",
            fields=[
                (
                    "pixel",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="tracker.pixel",
                    ),
                ),
                ("since", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="AppliedTracking",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("default", models.CharField(max_length=10)),
            ],
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
