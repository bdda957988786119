"""Saved filters over recipients."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign


class Segment(models.Model):
    """A saved filter over recipients: all of them, or those of one campaign.

    ``conditions`` are those of ``tracker.segments.conditions``. Who is in it is found each time.
    """

    class JoinedBy(models.TextChoices):
        ALL = "all", gettext_lazy("all of them hold")
        ANY = "any", gettext_lazy("any of them holds")

    name = models.CharField(gettext_lazy("name"), max_length=80)
    # Whose recipients; none: everybody.
    campaign = models.ForeignKey(
        Campaign,
        models.PROTECT,
        verbose_name=gettext_lazy("recipients of"),
        related_name="+",
        null=True,
        blank=True,
    )
    joined_by = models.CharField(
        gettext_lazy("in it, if"), max_length=3, choices=JoinedBy, default=JoinedBy.ALL
    )
    conditions = models.JSONField(default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
