"""One email to many recipients."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy


class Tracking(models.TextChoices):
    """What may be recorded of a recipient's opens."""

    IDENTIFIED = "identified", gettext_lazy("identified")
    ANONYMOUS = "anonymous", gettext_lazy("anonymous")
    OFF = "off", gettext_lazy("off")


def validate_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            gettext("%(name)s is not a time zone: write a name such as Europe/Berlin.")
            % {"name": name}
        )


def default_time_zone() -> str:
    return settings.TIME_ZONE


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def active(self) -> CampaignQuerySet:
        return self.filter(archived_at=None)

    def archived(self) -> CampaignQuerySet:
        return self.exclude(archived_at=None)


_Campaigns = models.Manager.from_queryset(CampaignQuerySet)


class CampaignManager(_Campaigns["Campaign"]):
    """Of campaigns that are whole: no page, command or list knows one that is being made."""

    def get_queryset(self) -> CampaignQuerySet:
        return CampaignQuerySet(self.model, using=self._db).filter(is_being_made=False)


class Campaign(models.Model):
    """One email sent to many recipients."""

    name = models.CharField(gettext_lazy("name"), max_length=200)
    subject = models.CharField(gettext_lazy("subject"), max_length=255, blank=True)
    time_zone = models.CharField(
        gettext_lazy("time zone"),
        max_length=64,
        default=default_time_zone,
        validators=[validate_time_zone],
        help_text=gettext_lazy("Hours and days in the report are counted in this zone."),
    )
    created_at = models.DateTimeField(
        gettext_lazy("created at"), default=timezone.now, editable=False
    )
    sent_at = models.DateTimeField(
        gettext_lazy("sent at"),
        null=True,
        blank=True,
        editable=False,
        help_text=gettext_lazy("When the mail was first handed over."),
    )
    archived_at = models.DateTimeField(
        gettext_lazy("archived at"), null=True, blank=True, editable=False
    )
    # Of recipients who have not chosen; empty: as TRACKING_DEFAULT says. Changed by
    # tracker.consent, which takes it to the pixels.
    tracking = models.CharField(
        max_length=10, choices=Tracking, blank=True, default="", db_default=""
    )

    # Its recipients are still being added, in steps; see tracker.segments.making.
    is_being_made = models.BooleanField(default=False, db_default=False, editable=False)

    objects = CampaignManager()
    everything = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("campaign")
        verbose_name_plural = gettext_lazy("campaigns")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaign_report", args=[self.pk])

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
