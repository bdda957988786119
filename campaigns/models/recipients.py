"""Whom we write to, whom we must not, and what they chose."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from campaigns.models.campaigns import Tracking
from campaigns.models.keys import email_key


class EmailKeyField(models.CharField[str, str]):
    """Derived from ``email`` on every insert and save, so that no caller can forget it."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = email_key(model_instance.email)  # type: ignore[attr-defined]  # of Recipient only
        setattr(model_instance, self.attname, key)
        return key


def suppresses(column: str) -> models.Exists:
    """Whether the address in that column must not be written to."""
    return models.Exists(SuppressedAddress.objects.filter(email_key=models.OuterRef(column)))


class RecipientQuerySet(models.QuerySet["Recipient"]):
    def erased(self) -> RecipientQuerySet:
        return self.filter(erased_at__isnull=False)

    def suppressed(self) -> RecipientQuerySet:
        """Who must not be written to; few, and found by their addresses."""
        unwanted = SuppressedAddress.objects.values("email_key")
        return self.filter(erased_at=None, email_key__in=unwanted)

    def to_be_written_to(self) -> RecipientQuerySet:
        """Neither erased nor suppressed; of a million, each is looked up by an index."""
        return self.filter(~suppresses("email_key"), erased_at=None)

    def matching(self, words: str) -> RecipientQuerySet:
        """Recipients whose address or name contains the words, whatever their letter case.

        In names SQLite ignores the case of ASCII letters only.
        """
        return self.filter(
            models.Q(email_key__contains=email_key(words)) | models.Q(name__icontains=words.strip())
        )


class Recipient(models.Model):
    """An address that we write to; it may receive many campaigns."""

    email = models.EmailField(gettext_lazy("address"), max_length=254)
    email_key = EmailKeyField(max_length=254, editable=False)
    name = models.CharField(gettext_lazy("name"), max_length=200, blank=True)
    # Whatever else the lists say about them: texts by the name of their column.
    attributes = models.JSONField(default=dict, db_default={}, blank=True)
    created_at = models.DateTimeField(
        gettext_lazy("created at"), default=timezone.now, editable=False
    )
    # Since then this is a stub: its pixels and their counts stay, nothing of the person does.
    erased_at = models.DateTimeField(null=True, editable=False)
    # Their own choice; empty: as the campaign says. Changed by tracker.consent, which takes it to
    # the pixels and adds a row to the history below.
    tracking = models.CharField(
        max_length=10, choices=Tracking, blank=True, default="", db_default=""
    )

    objects = RecipientQuerySet.as_manager()

    class Meta:
        ordering = ["email_key"]
        verbose_name = gettext_lazy("recipient")
        verbose_name_plural = gettext_lazy("recipients")
        constraints = [
            # Also serves: import (which of these addresses exist?) and every list by address.
            models.UniqueConstraint(
                fields=["email_key"],
                name="recipient_address_is_unique",
                violation_error_message=gettext_lazy(
                    "There is a recipient with this address already."
                ),
            ),
            models.CheckConstraint(
                condition=~models.Q(email_key=""), name="recipient_has_an_address"
            ),
        ]
        indexes = [
            # Whose opens must not have evidence: few rows, looked for every minute.
            models.Index(
                fields=["erased_at"],
                condition=models.Q(erased_at__isnull=False),
                name="recipient_erased",
            ),
        ]
        permissions = [("erase_recipient", "Can export and erase everything about a person")]

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


class Attribute(models.Model):
    """A name that attributes of recipients have; kept by ``campaigns.attributes``.

    Apart from the recipients, so that nobody has to read a million of them to offer it.
    """

    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["name"]
        constraints = [
            # Also serves: the list of names.
            models.UniqueConstraint(fields=["name"], name="attribute_name_is_unique"),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class SuppressedAddress(models.Model):
    """An address that must not be written to: no import adds it, and from then on no file of
    snippets, no new campaign and no marking as sent has it. What it opened before stays.

    Added and removed by ``campaigns.suppression``, or one by one in the admin.
    """

    email_key = models.CharField(gettext_lazy("address"), max_length=254)
    reason = models.CharField(gettext_lazy("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(
        gettext_lazy("created at"), default=timezone.now, editable=False
    )

    class Meta:
        ordering = ["email_key"]
        verbose_name = gettext_lazy("suppressed address")
        verbose_name_plural = gettext_lazy("suppressed addresses")
        constraints = [
            # Also serves: import (which of these must be left out?).
            models.UniqueConstraint(
                fields=["email_key"],
                name="suppressed_address_is_unique",
                violation_error_message=gettext_lazy("This address is suppressed already."),
            ),
        ]

    def __str__(self) -> str:
        return self.email_key

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email_key = email_key(self.email_key)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        # Before validate_constraints(), which compares it.
        self.email_key = email_key(self.email_key)


class CorrectedAddress(models.Model):
    """A mistyped address that somebody has corrected: who it is, whenever a list has it again."""

    email_key = models.CharField(gettext_lazy("mistyped address"), max_length=254)
    recipient = models.ForeignKey(
        Recipient,
        models.CASCADE,
        related_name="corrected_addresses",
        verbose_name=gettext_lazy("recipient"),
    )
    corrected_at = models.DateTimeField(
        gettext_lazy("corrected at"), default=timezone.now, editable=False
    )

    class Meta:
        ordering = ["email_key"]
        verbose_name = gettext_lazy("corrected address")
        verbose_name_plural = gettext_lazy("corrected addresses")
        # Taken back by deleting it; made by correcting, and by nobody's hand.
        default_permissions = ("view", "delete")
        constraints = [
            # Also serves: import (which of these addresses were mistyped?).
            models.UniqueConstraint(fields=["email_key"], name="corrected_address_is_unique"),
        ]

    def __str__(self) -> str:
        return self.email_key


class Tombstone(models.Model):
    """A person was erased: a keyed hash of their address, so that no import brings them back.

    Made and looked up by ``campaigns.tombstones``. Without the key it says of nobody who they were.
    """

    # Also serves: import (which of these addresses were erased?).
    email_hash = models.CharField(max_length=64, primary_key=True)
    erased_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"erased {self.erased_at:%Y-%m-%d}"


class Consent(models.Model):
    """One choice of a recipient about being tracked; the newest counts, none is ever changed."""

    class Source(models.TextChoices):
        IMPORT = "import", gettext_lazy("a list that was imported")
        ADMIN = "admin", gettext_lazy("a colleague, in the admin")
        PAGE = "page", gettext_lazy("the recipient, on their own page")
        COMMAND = "command", gettext_lazy("a command")

    recipient = models.ForeignKey(
        Recipient, models.PROTECT, related_name="consents", db_index=False
    )  # indexed below
    # Empty: the choice was taken back, the campaign's counts again.
    tracking = models.CharField(max_length=10, choices=Tracking, blank=True)
    # How it came into Glimpse; and where they said it, in the words of whoever brought it: the form
    # on the website, the CRM.
    source = models.CharField(max_length=10, choices=Source)
    origin = models.CharField(max_length=60, blank=True, default="", db_default="")
    at = models.DateTimeField(default=timezone.now)
    proof = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        indexes = [
            # One recipient's history, and how often it was changed lately.
            models.Index(fields=["recipient", "at"], name="consent_recipient_at"),
        ]

    def __str__(self) -> str:
        return f"{self.get_tracking_display() or 'as the campaign says'}, {self.at:%Y-%m-%d %H:%M}"

    @property
    def shown_source(self) -> str:
        return self.origin or str(self.get_source_display())
