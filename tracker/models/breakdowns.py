"""A campaign's sums by provider, client, system and device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign
from tracker import rates

if TYPE_CHECKING:
    from tracker.models.counts import CampaignCounts
    from tracker.models.end_marks import EndMarks


class Breakdowns(models.Model):
    """When a campaign's breakdowns were added up, and the counts that they saw.

    Written by ``tracker.breakdowns.refresh`` alone. Other counts since then mean that the rows of
    ``Breakdown`` are older than the campaign's totals.
    """

    SEEN = (
        "recipients",
        "sent",
        "bounces",
        "opens",
        "unique_human_opens",
        "unique_unknown_opens",
        "unique_prefetch_opens",
        "choices",
    )

    campaign = models.OneToOneField(
        Campaign, models.CASCADE, primary_key=True, related_name="breakdowns"
    )
    computed_at = models.DateTimeField()
    took = models.FloatField()  # seconds
    # Not again before: the dearer it was, the later.
    next_at = models.DateTimeField()
    # Sums by the values of attributes, as tracker.breakdowns.by_attribute makes them; none where
    # it is older than these. Beside the counts, so that a report asks for both at once.
    attributes = models.JSONField(null=True)
    recipients = models.PositiveIntegerField()
    sent = models.PositiveIntegerField()
    bounces = models.PositiveIntegerField()
    opens = models.PositiveBigIntegerField()
    unique_human_opens = models.IntegerField()
    unique_unknown_opens = models.IntegerField()
    unique_prefetch_opens = models.IntegerField()
    # None: added up when a choice was not noticed yet, so they are out of date.
    choices = models.PositiveBigIntegerField(null=True)
    # As ``EndMarks.changes``; 0 for a campaign without end marks.
    end_changes = models.PositiveBigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name_plural = "breakdowns"

    def __str__(self) -> str:
        return f"breakdowns of campaign {self.pk}"

    def has_seen(self, counts: CampaignCounts, end_marks: EndMarks | None = None) -> bool:
        if self.end_changes != (end_marks.changes if end_marks else 0):
            return False
        return all(getattr(self, name) == getattr(counts, name) for name in self.SEEN)


class Breakdown(models.Model):
    """One line of a campaign's breakdown: a mailbox provider, a client, a system or a device.

    Of recipients whose opens are linked to them: whoever is anonymous or off is in no line, neither
    above nor below its rate. Sums only, and no provider or domain of fewer than five recipients.
    """

    class Kind(models.TextChoices):
        PROVIDER = "provider", gettext_lazy("mailbox provider")
        CLIENT = "client", gettext_lazy("client")
        OPERATING_SYSTEM = "operating-system", gettext_lazy("operating system")
        DEVICE = "device", gettext_lazy("device")

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="+", db_index=False
    )  # indexed by the constraint below
    kind = models.CharField(max_length=16, choices=Kind.choices)
    key = models.CharField(max_length=254)
    # Of mailbox providers; the other kinds count people who opened, and nothing else.
    recipients = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    bounces = models.PositiveIntegerField(default=0)
    unique_opens = models.PositiveIntegerField(default=0)
    unique_human_opens = models.PositiveIntegerField(default=0)
    unique_unknown_opens = models.PositiveIntegerField(default=0)
    unique_prefetch_opens = models.PositiveIntegerField(default=0)
    # Of unique_human_opens: those whose end mark was loaded.
    end_loads = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            # Also serves: a campaign's page, and the providers of earlier campaigns.
            models.UniqueConstraint(
                fields=["campaign", "kind", "key"], name="breakdown_is_one_per_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.key}"

    @property
    def rates(self) -> rates.OpenRates:
        unique = self.unique_human_opens + self.unique_unknown_opens + self.unique_prefetch_opens
        return rates.OpenRates(
            self.sent - self.bounces,
            human=self.unique_human_opens,
            unknown=self.unique_unknown_opens,
            prefetch=self.unique_prefetch_opens,
            machine=self.unique_opens - unique,
        )
