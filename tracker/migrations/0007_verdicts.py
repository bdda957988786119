"""Every open carries a verdict; what was recorded before is unknown until `rejudge` has run."""

from __future__ import annotations

from django.db import migrations, models

# Numbers from tracker.verdicts, as they were and will be.
UNKNOWN = 4

COUNT = """
UPDATE tracker_campaigncounts SET unknown_opens = opens, unique_unknown_opens = unique_opens
"""


class Migration(migrations.Migration):
    dependencies = [("tracker", "0006_recounts")]
    operations = [
        migrations.AddField(
            "open",
            "verdict",
            models.PositiveSmallIntegerField(default=UNKNOWN),
            preserve_default=False,
        ),
        migrations.AddField(
            "open", "rule", models.PositiveSmallIntegerField(default=0), preserve_default=False
        ),
        migrations.AddField(
            "open",
            "rules_version",
            models.PositiveSmallIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            "uniqueopen",
            "verdict",
            models.PositiveSmallIntegerField(default=UNKNOWN),
            preserve_default=False,
        ),
        *[
            migrations.AddField("uniqueopen", name, models.DateTimeField(null=True))
            for name in ("first_human_opened_at", "previous_first_human_opened_at")
        ],
        migrations.AddField(
            "uniqueopen", "previous_verdict", models.PositiveSmallIntegerField(null=True)
        ),
        *[
            migrations.AddField(
                "campaigncounts", f"{name}_opens", models.PositiveBigIntegerField(default=0)
            )
            for name in (
                "human_client",
                "image_proxy_on_open",
                "privacy_prefetch",
                "security_scanner",
                "bot",
                "unknown",
            )
        ],
        *[
            migrations.AddField(
                "campaigncounts", f"unique_{name}_opens", models.IntegerField(default=0)
            )
            for name in ("human", "unknown", "prefetch")
        ],
        migrations.AddField("quarterhourcounts", "human_opens", models.BigIntegerField(default=0)),
        migrations.AddField(
            "quarterhourcounts", "unique_human_opens", models.IntegerField(default=0)
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
