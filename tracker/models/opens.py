"""What was recorded: every open, and what they made of a pixel."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign
from tracker.clients import client_name
from tracker.models.agents import UserAgent
from tracker.models.pixels import Pixel


class Open(models.Model):
    """One recorded hit. Append-only: the counts are sums over these rows."""

    # The id of the hit: time-ordered, so new rows land at the index's end, and recording the
    # same hit again changes nothing.
    id = models.UUIDField(primary_key=True)
    # No constraint in the database: the pixel's UniqueOpen, written by the same statement, has it,
    # and only the first open pays for that.
    pixel = models.ForeignKey(
        Pixel,
        models.PROTECT,
        verbose_name=gettext_lazy("pixel"),
        related_name="opens",
        db_index=False,
        db_constraint=False,
    )
    opened_at = models.DateTimeField(gettext_lazy("opened at"))
    # What the evidence says, judged when it was recorded and again whenever the rules improve:
    # numbers from tracker.verdicts, and the version of the rules; 0 is "not judged yet".
    verdict = models.PositiveSmallIntegerField(gettext_lazy("verdict"))
    rule = models.PositiveSmallIntegerField(gettext_lazy("rule"))
    rules_version = models.PositiveSmallIntegerField(gettext_lazy("version of the rules"))
    # With it the pixel reached its ceiling; more may have followed. See tracker.ceiling.
    is_at_ceiling = models.BooleanField(
        gettext_lazy("more followed"), default=False, db_default=False
    )
    ip = models.GenericIPAddressField(gettext_lazy("IP address"), null=True)
    # No index and no constraint in the database: nothing asks for the opens of an agent, agents
    # are never deleted, and every open would pay for both.
    user_agent = models.ForeignKey(
        UserAgent,
        models.PROTECT,
        verbose_name=gettext_lazy("user agent"),
        related_name="+",
        null=True,
        db_index=False,
        db_constraint=False,
    )

    class Meta:
        verbose_name = gettext_lazy("open")
        verbose_name_plural = gettext_lazy("opens")
        indexes = [
            # One pixel's history, and its recount.
            models.Index(fields=["pixel", "opened_at"], name="open_pixel_opened_at"),
        ]

    def __str__(self) -> str:
        return f"open {self.pk}"


class UniqueOpen(models.Model):
    """What the opens of one pixel made of it; written by ``tracker.writer`` alone.

    Apart from the pixel, so that a hit writes one narrow row. The first open adds it; later ones
    change no column that an index holds, so PostgreSQL updates the row in place.
    """

    pixel = models.OneToOneField(
        Pixel, models.PROTECT, primary_key=True, related_name="unique_open"
    )
    # The pixel's own, repeated for the index below and for the writer's sums.
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    is_test = models.BooleanField()
    open_count = models.PositiveIntegerField()
    # Those of them by people.
    human_open_count = models.PositiveIntegerField(default=0, db_default=0)
    first_opened_at = models.DateTimeField()
    last_opened_at = models.DateTimeField()
    # The best verdict among its opens, which is the largest number, and the first open by a human.
    verdict = models.PositiveSmallIntegerField()
    first_human_opened_at = models.DateTimeField(null=True)
    # What these were before the last group that changed this row; no verdict if that group added
    # it. PostgreSQL's upsert tells the writer what is in the row, not what was.
    previous_first_opened_at = models.DateTimeField(null=True)
    previous_verdict = models.PositiveSmallIntegerField(null=True)
    previous_first_human_opened_at = models.DateTimeField(null=True)
    last_user_agent = models.ForeignKey(
        UserAgent,
        models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        db_constraint=False,
    )  # as Open.user_agent
    last_ip = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(open_count__gt=0, last_opened_at__gte=F("first_opened_at")),
                name="unique_open_has_opens_in_order",
            ),
        ]
        indexes = [
            # "Who opened", in the order of their first open.
            models.Index(
                fields=["campaign", "first_opened_at", "pixel"],
                name="unique_open_campaign_first",
            ),
        ]

    def __str__(self) -> str:
        return f"opens of pixel {self.pk}"

    @property
    def client(self) -> str:
        """The name of the program that opened last; reads ``last_user_agent``."""
        return client_name(self.last_user_agent.text) if self.last_user_agent else ""
