"""Whether a campaign's opens are invented stands with its counts; it was read off its first open."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

# As tracker.simulation.spreading marked the ids of simulated opens when this was written.
MARK = 0x51_3D_A7_ED


def find_simulations(apps: Any, schema_editor: Any) -> None:
    counts = apps.get_model("tracker", "CampaignCounts")
    unique_opens = apps.get_model("tracker", "UniqueOpen")
    opens = apps.get_model("tracker", "Open")
    for campaign in list(counts.objects.filter(opens__gt=0).values_list("pk", flat=True)):
        # People's opens come later than those that were invented before the mail was sent.
        pixel = (
            unique_opens.objects.filter(campaign=campaign, is_test=False)
            .order_by("first_opened_at", "pk")
            .values_list("pk", flat=True)
            .first()
        )
        first = opens.objects.filter(pixel=pixel).order_by("opened_at", "pk").first()
        if first is not None and first.pk.int >> 30 & 0xFFFF_FFFF == MARK:
            counts.objects.filter(pk=campaign).update(is_simulation=True)


class Migration(migrations.Migration):
    dependencies = [("tracker", "0022_end_marks")]

    operations = [
        migrations.AddField(
            model_name="campaigncounts",
            name="is_simulation",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunPython(find_simulations, migrations.RunPython.noop),
    ]
