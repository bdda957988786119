"""The invisible images, one per recipient and campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign, Recipient
from tracker.verdicts import LEAST_HUMAN, Verdict

if TYPE_CHECKING:
    from tracker.models.end_marks import EndLoad
    from tracker.models.opens import UniqueOpen


class PixelTracking(models.IntegerChoices):
    """What is recorded of a pixel's hits, after all choices and defaults; read by the writer."""

    IDENTIFIED = 0, "identified"
    ANONYMOUS = 1, "anonymous"
    OFF = 2, "off"


class PixelQuerySet(models.QuerySet["Pixel"]):
    def of_recipients(self) -> PixelQuerySet:
        """Without the campaigns' test pixels and stand-ins."""
        return self.filter(is_test=False, is_stand_in=False)

    def opened(self) -> PixelQuerySet:
        return self.filter(unique_open__isnull=False)

    def opened_by_people(self) -> PixelQuerySet:
        return self.filter(unique_open__verdict__gte=LEAST_HUMAN)

    def opened_by_machines_only(self) -> PixelQuerySet:
        return self.filter(unique_open__verdict__lt=Verdict.UNKNOWN.number)

    def fetched_in_advance_only(self) -> PixelQuerySet:
        return self.filter(unique_open__verdict=Verdict.PRIVACY_PREFETCH.number)

    def opened_by_scanners_and_bots_only(self) -> PixelQuerySet:
        return self.filter(unique_open__verdict__lt=Verdict.PRIVACY_PREFETCH.number)

    def opened_by_nobody_knows_whom(self) -> PixelQuerySet:
        return self.filter(unique_open__verdict=Verdict.UNKNOWN.number)

    def linked(self) -> PixelQuerySet:
        """Those whose opens are linked to them: only of these a list may tell whether they opened,
        and only these are in a breakdown."""
        return self.filter(tracking=PixelTracking.IDENTIFIED)

    def delivered(self) -> PixelQuerySet:
        return self.filter(sent_at__isnull=False, bounced_at__isnull=True)

    def unopened(self) -> PixelQuerySet:
        """Whom the mail reached, and whose pixel nobody has fetched, not even a machine."""
        return self.linked().delivered().filter(unique_open__isnull=True)

    def with_state(self) -> PixelQuerySet:
        """All that a row about a recipient shows, in one query."""
        return self.select_related("recipient", "unique_open__last_user_agent")

    def passed_over(self) -> PixelQuerySet:
        """Of erased people in campaigns that are marked as sent without them, and not off yet."""
        return self.filter(
            recipient__erased_at__isnull=False, sent_at=None, campaign__sent_at__isnull=False
        ).exclude(tracking=PixelTracking.OFF)

    def bounced(self) -> PixelQuerySet:
        return self.filter(bounced_at__isnull=False)


class Pixel(models.Model):
    """The invisible image in one recipient's copy of one campaign.

    ``tracker.pixels`` makes pixels and marks them sent or bounced. A hit does not change them: what
    opens make of a pixel stands in its ``UniqueOpen``.
    """

    class Status(models.TextChoices):
        READY = "ready", gettext_lazy("not sent")
        SENT = "sent", gettext_lazy("not opened")
        BOUNCED = "bounced", gettext_lazy("bounced")
        OPENED = "opened", gettext_lazy("opened")
        UNCLEAR = "unclear", gettext_lazy("unclear")
        PREFETCHED = "prefetched", gettext_lazy("fetched in advance")
        SCANNED = "scanned", gettext_lazy("scanner or bot")
        ANONYMOUS = "anonymous", gettext_lazy("anonymous")
        OFF = "off", gettext_lazy("not tracked")

    campaign = models.ForeignKey(
        Campaign,
        models.PROTECT,
        verbose_name=gettext_lazy("campaign"),
        related_name="pixels",
        db_index=False,
    )  # indexed by the constraint below
    recipient = models.ForeignKey(
        Recipient,
        models.PROTECT,
        verbose_name=gettext_lazy("recipient"),
        related_name="pixels",
        null=True,
        db_index=False,
    )  # indexed below
    is_test = models.BooleanField(gettext_lazy("is test"), default=False)
    # In the place of an anonymous recipient's pixel: its opens count, and nothing in the database
    # says whose they are. Its id is negative; tracker.stand_ins derives it.
    is_stand_in = models.BooleanField(default=False, db_default=False)
    # A stand-in is off while its recipient is: then its opens are left out of the rates.
    tracking = models.PositiveSmallIntegerField(
        choices=PixelTracking, default=PixelTracking.IDENTIFIED, db_default=0
    )
    sent_at = models.DateTimeField(gettext_lazy("sent at"), null=True)
    bounced_at = models.DateTimeField(gettext_lazy("bounced at"), null=True)

    objects = PixelQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("pixel")
        verbose_name_plural = gettext_lazy("pixels")
        constraints = [
            # Also serves: import (who has a pixel already?), a campaign's list by address, and
            # walking all its pixels (export, marking as sent).
            models.UniqueConstraint(
                fields=["campaign", "recipient"], name="pixel_is_one_per_campaign_and_recipient"
            ),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(is_test=True),
                name="pixel_for_tests_is_one_per_campaign",
            ),
            models.CheckConstraint(
                condition=Q(is_test=True, is_stand_in=False, recipient__isnull=True)
                | Q(is_test=False, is_stand_in=True, recipient__isnull=True)
                | Q(is_test=False, is_stand_in=False, recipient__isnull=False),
                name="pixel_has_a_recipient_or_is_a_test_or_a_stand_in",
            ),
            models.CheckConstraint(
                condition=Q(is_stand_in=True, pk__lt=0) | Q(is_stand_in=False, pk__gte=0),
                name="pixel_of_a_stand_in_is_negative",
            ),
        ]
        indexes = [
            # All campaigns of one recipient.
            models.Index(fields=["recipient"], name="pixel_recipient"),
            # "Bounced": few rows.
            models.Index(
                fields=["campaign", "id"],
                condition=Q(bounced_at__isnull=False),
                name="pixel_campaign_bounced",
            ),
        ]

    def __str__(self) -> str:
        return f"pixel {self.pk}"

    @property
    def opened(self) -> UniqueOpen | None:
        """What its opens made of it; none if it was never opened."""
        return getattr(self, "unique_open", None)

    @property
    def ended(self) -> EndLoad | None:
        """Whether its end mark was loaded; none too where the campaign has none."""
        return getattr(self, "end_load", None)

    @property
    def status(self) -> Status:
        if self.opened:
            return self._status_by_verdict(Verdict.of_number(self.opened.verdict))
        if self.bounced_at:
            return self.Status.BOUNCED
        if self.tracking != PixelTracking.IDENTIFIED:
            return self.Status[PixelTracking(self.tracking).name]
        return self.Status.SENT if self.sent_at else self.Status.READY

    def _status_by_verdict(self, verdict: Verdict) -> Status:
        if verdict.is_human:
            return self.Status.OPENED
        if verdict is Verdict.UNKNOWN:
            return self.Status.UNCLEAR
        is_prefetch = verdict is Verdict.PRIVACY_PREFETCH
        return self.Status.PREFETCHED if is_prefetch else self.Status.SCANNED

    @property
    def open_count(self) -> int | None:
        """None where nobody may know."""
        if self.tracking != PixelTracking.IDENTIFIED:
            return None
        return self.opened.open_count if self.opened else 0

    @property
    def human_open_count(self) -> int | None:
        """Opens by people; None where nobody may know."""
        if self.tracking != PixelTracking.IDENTIFIED:
            return None
        return self.opened.human_open_count if self.opened else 0
