"""Anonymous recipients counted apart, choices that breakdowns notice, and curves without whoever
is off."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.db import migrations, models
from django.db.models import Count, F

from tracker.quarters import quarter_of

ANONYMOUS, OFF = 1, 2


def count_anonymous(apps: Any, schema_editor: Any) -> None:
    delivered = apps.get_model("tracker", "Pixel").objects.filter(
        is_stand_in=False, tracking=ANONYMOUS, sent_at__isnull=False, bounced_at__isnull=True
    )
    rows = delivered.order_by().values_list("campaign").annotate(Count("pk"))
    counts = apps.get_model("tracker", "CampaignCounts").objects
    for campaign_id, anonymous in list(rows):
        counts.filter(pk=campaign_id).update(anonymous=anonymous)


def take_from_quarters(apps: Any, schema_editor: Any) -> None:
    """First opens by people who are off since: no kind counts them, and now no quarter."""
    _change_quarters(apps, -1)


def give_back_to_quarters(apps: Any, schema_editor: Any) -> None:
    _change_quarters(apps, 1)


def _change_quarters(apps: Any, sign: int) -> None:
    set_apart = apps.get_model("tracker", "UniqueOpen").objects.filter(
        pixel__is_stand_in=True, pixel__tracking=OFF, first_human_opened_at__isnull=False
    )
    people: Counter[tuple[int, datetime]] = Counter(
        (campaign_id, quarter_of(moment))
        for campaign_id, moment in list(set_apart.values_list("campaign", "first_human_opened_at"))
    )
    quarters = apps.get_model("tracker", "QuarterHourCounts").objects
    for (campaign_id, starts_at), number in sorted(people.items()):
        quarters.filter(campaign=campaign_id, starts_at=starts_at).update(
            unique_human_opens=F("unique_human_opens") + sign * number
        )


class Migration(migrations.Migration):
    dependencies = [("tracker", "0016_names_in_every_language")]

    operations = [
        migrations.AddField(
            model_name="campaigncounts",
            name="anonymous",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="campaigncounts",
            name="choices",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="breakdowns",
            name="choices",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.RunPython(count_anonymous, migrations.RunPython.noop),
        migrations.RunPython(take_from_quarters, give_back_to_quarters),
    ]
