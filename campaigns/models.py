"""Whom we wrote to: campaigns, and the recipients that they may share."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone

if TYPE_CHECKING:
    pass


def email_key(email: str) -> str:
    """The form in which two spellings of one address are equal: NFC, trimmed, lower case.

    Not case folded: that would make one of faß.example and fass.example, which are two domains.
    """
    return unicodedata.normalize("NFC", email.strip()).lower()


def validate_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"{name} is not a time zone: write a name such as Europe/Berlin.")


def default_time_zone() -> str:
    return settings.TIME_ZONE


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def active(self) -> CampaignQuerySet:
        return self.filter(archived_at=None)

    def archived(self) -> CampaignQuerySet:
        return self.exclude(archived_at=None)


class Campaign(models.Model):
    """One email sent to many recipients."""

    name = models.CharField(max_length=200)
    subject = models.CharField(max_length=255, blank=True)
    time_zone = models.CharField(
        max_length=64,
        default=default_time_zone,
        validators=[validate_time_zone],
        help_text="Hours and days in the report are counted in this zone.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the mail was first handed over."
    )
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaign_report", args=[self.pk])

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class EmailKeyField(models.CharField[str, str]):
    """Derived from ``email`` on every insert and save, so that no caller can forget it."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = email_key(model_instance.email)  # type: ignore[attr-defined]  # of Recipient only
        setattr(model_instance, self.attname, key)
        return key


class RecipientQuerySet(models.QuerySet["Recipient"]):
    def matching(self, words: str) -> RecipientQuerySet:
        """Recipients whose address or name contains the words, whatever their letter case.

        In names SQLite ignores the case of ASCII letters only.
        """
        return self.filter(
            models.Q(email_key__contains=email_key(words)) | models.Q(name__icontains=words.strip())
        )


class Recipient(models.Model):
    """An address that we write to; it may receive many campaigns."""

    email = models.EmailField("address", max_length=254)
    email_key = EmailKeyField(max_length=254, editable=False)
    name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RecipientQuerySet.as_manager()

    class Meta:
        ordering = ["email_key"]
        constraints = [
            # Also serves: import (which of these addresses exist?) and every list by address.
            models.UniqueConstraint(
                fields=["email_key"],
                name="recipient_address_is_unique",
                violation_error_message="There is a recipient with this address already.",
            ),
            models.CheckConstraint(
                condition=~models.Q(email_key=""), name="recipient_has_an_address"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        update_fields = kwargs.get("update_fields")
        if update_fields is not None and "email" in update_fields:
            kwargs["update_fields"] = {*update_fields, "email_key"}
        super().save(*args, **kwargs)

    def clean(self) -> None:
        # Before validate_constraints(), which reads the derived column.
        self.email_key = email_key(self.email)
