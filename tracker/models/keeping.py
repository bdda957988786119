"""What recounting and retention remember of opens that were counted or removed."""

from __future__ import annotations

from django.db import models

from campaigns.models import Campaign


class Horizon(models.Model):
    """How far back the opens reach: what is older has been removed by ``tracker.retention``.

    One row. Whoever removes opens or judges them again holds its lock, so that neither counts what
    the other has just changed. Before ``opens_kept_from`` there are counts
    and unique opens, and no opens; before ``evidence_kept_from`` opens have no address and no
    user agent.
    """

    opens_kept_from = models.DateTimeField(null=True)
    evidence_kept_from = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"opens from {self.opens_kept_from}, evidence from {self.evidence_kept_from}"

    @classmethod
    def now(cls) -> Horizon:
        return cls.objects.get_or_create(pk=1)[0]

    @classmethod
    def held(cls) -> Horizon:
        """Locked until the transaction ends."""
        cls.now()
        return cls.objects.select_for_update().get(pk=1)


class RemovedOpens(models.Model):
    """How many opens of a campaign were removed, by verdict: counts are sums over both."""

    campaign = models.OneToOneField(Campaign, models.PROTECT, primary_key=True, related_name="+")
    human_client_opens = models.PositiveBigIntegerField(default=0)
    image_proxy_on_open_opens = models.PositiveBigIntegerField(default=0)
    privacy_prefetch_opens = models.PositiveBigIntegerField(default=0)
    security_scanner_opens = models.PositiveBigIntegerField(default=0)
    bot_opens = models.PositiveBigIntegerField(default=0)
    unknown_opens = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "removed opens"

    def __str__(self) -> str:
        return f"removed opens of campaign {self.pk}"


class Recount(models.Model):
    """One recount of everything, and how many counts it left off."""

    counted_at = models.DateTimeField(auto_now_add=True)
    checked = models.PositiveBigIntegerField()
    drift = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.drift} of {self.checked} off"
