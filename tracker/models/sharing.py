"""Links to one report for people without an account."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign


class SharedReportQuerySet(models.QuerySet["SharedReport"]):
    def live(self, *, at: datetime) -> SharedReportQuerySet:
        return self.filter(revoked_at=None, expires_at__gt=at)

    def expired_before(self, moment: datetime) -> SharedReportQuerySet:
        return self.filter(expires_at__lt=moment)


class SharedReport(models.Model):
    """A link under which people without an account read one campaign's report.

    The link's secret is not stored, only its hash: who reads the database cannot follow the link.
    """

    class State(models.TextChoices):
        LIVE = "live", gettext_lazy("live")
        EXPIRED = "expired", gettext_lazy("expired")
        REVOKED = "revoked", gettext_lazy("revoked")

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="shared_reports")
    secret_hash = models.CharField(max_length=64, editable=False)
    label = models.CharField(max_length=80)
    # As Django stores passwords; empty: the link alone is enough.
    password = models.CharField(max_length=128, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    # One a minute at most: a page that is reloaded all the time writes no more than that.
    views = models.PositiveIntegerField(default=0)

    objects = SharedReportQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also serves: the link that somebody follows.
            models.UniqueConstraint(
                fields=["secret_hash"], name="shared_report_secret_hash_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def state(self, *, at: datetime) -> State:
        if self.revoked_at is not None:
            return self.State.REVOKED
        return self.State.LIVE if self.expires_at > at else self.State.EXPIRED


class SharedReportTry(models.Model):
    """One wrong password for a shared report; kept for as long as it counts against the guesser."""

    shared_report = models.ForeignKey(
        SharedReport, models.CASCADE, related_name="tries", db_index=False
    )  # indexed below
    # Whose: one IPv4 address, or the /64 that one IPv6 household has.
    network = models.CharField(max_length=49)
    tried_at = models.DateTimeField()

    class Meta:
        indexes = [
            # How many tries lately, of one link and of one network.
            models.Index(fields=["shared_report", "tried_at"], name="shared_report_try_tried_at"),
        ]
        verbose_name_plural = "shared report tries"

    def __str__(self) -> str:
        return f"try from {self.network}"
