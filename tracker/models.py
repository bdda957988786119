"""The tables of what came back: pixels, their opens, and the counts that reports read."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from campaigns.models import Campaign, Recipient
from tracker import rates
from tracker.clients import client_name
from tracker.hits import USER_AGENT_LENGTH
from tracker.verdicts import LEAST_HUMAN, Verdict


class UserAgent(models.Model):
    """What mail clients call themselves, once each, so that the opens stay narrow."""

    text = models.CharField(max_length=USER_AGENT_LENGTH)

    class Meta:
        constraints = [
            # Also serves: the writer's look-up of the agents that it has not met before.
            models.UniqueConstraint(fields=["text"], name="user_agent_text_is_unique"),
        ]

    def __str__(self) -> str:
        return self.text


class PixelQuerySet(models.QuerySet["Pixel"]):
    def of_recipients(self) -> PixelQuerySet:
        """Without the campaigns' test pixels."""
        return self.filter(is_test=False)

    def opened(self) -> PixelQuerySet:
        return self.filter(unique_open__isnull=False)

    def opened_by_people(self) -> PixelQuerySet:
        return self.filter(unique_open__verdict__gte=LEAST_HUMAN)

    def opened_by_machines_only(self) -> PixelQuerySet:
        return self.filter(unique_open__verdict__lt=Verdict.UNKNOWN.number)

    def opened_by_nobody_knows_whom(self) -> PixelQuerySet:
        return self.filter(unique_open__verdict=Verdict.UNKNOWN.number)

    def unopened(self) -> PixelQuerySet:
        return self.filter(unique_open__isnull=True)

    def with_state(self) -> PixelQuerySet:
        """All that a row about a recipient shows, in one query."""
        return self.select_related("recipient", "unique_open__last_user_agent")

    def bounced(self) -> PixelQuerySet:
        return self.filter(bounced_at__isnull=False)


class Pixel(models.Model):
    """The invisible image in one recipient's copy of one campaign.

    ``tracker.pixels`` makes pixels and marks them sent or bounced. A hit does not change them: what
    opens make of a pixel stands in its ``UniqueOpen``.
    """

    class Status(models.TextChoices):
        READY = "ready", "not sent"
        SENT = "sent", "not opened"
        BOUNCED = "bounced", "bounced"
        OPENED = "opened", "opened"
        UNCLEAR = "unclear", "unclear"
        PREFETCHED = "prefetched", "fetched in advance"
        SCANNED = "scanned", "machine only"

    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="pixels", db_index=False
    )  # indexed by the constraint below
    recipient = models.ForeignKey(
        Recipient, models.PROTECT, related_name="pixels", null=True, db_index=False
    )  # indexed below
    is_test = models.BooleanField(default=False)
    sent_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)

    objects = PixelQuerySet.as_manager()

    class Meta:
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
                condition=Q(is_test=True, recipient__isnull=True)
                | Q(is_test=False, recipient__isnull=False),
                name="pixel_has_a_recipient_or_is_a_test",
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
    def status(self) -> Status:
        if self.opened:
            return self._status_by_verdict(Verdict.of_number(self.opened.verdict))
        if self.bounced_at:
            return self.Status.BOUNCED
        return self.Status.SENT if self.sent_at else self.Status.READY

    def _status_by_verdict(self, verdict: Verdict) -> Status:
        if verdict.is_human:
            return self.Status.OPENED
        if verdict is Verdict.UNKNOWN:
            return self.Status.UNCLEAR
        is_prefetch = verdict is Verdict.PRIVACY_PREFETCH
        return self.Status.PREFETCHED if is_prefetch else self.Status.SCANNED


class Open(models.Model):
    """One recorded hit. Append-only: the counts are sums over these rows."""

    # The id of the hit: time-ordered, so new rows land at the index's end, and recording the
    # same hit again changes nothing.
    id = models.UUIDField(primary_key=True)
    # No constraint in the database: the pixel's UniqueOpen, written by the same statement, has it,
    # and only the first open pays for that.
    pixel = models.ForeignKey(
        Pixel, models.PROTECT, related_name="opens", db_index=False, db_constraint=False
    )
    opened_at = models.DateTimeField()
    # What the evidence says, judged when it was recorded and again whenever the rules improve:
    # numbers from tracker.verdicts, and the version of the rules; 0 is "not judged yet".
    verdict = models.PositiveSmallIntegerField()
    rule = models.PositiveSmallIntegerField()
    rules_version = models.PositiveSmallIntegerField()
    # More hits followed in the same minute than one pixel may have recorded; see tracker.ceiling.
    is_at_ceiling = models.BooleanField("more followed", default=False, db_default=False)
    ip = models.GenericIPAddressField("IP address", null=True)
    # No index and no constraint in the database: nothing asks for the opens of an agent, agents
    # are never deleted, and every open would pay for both.
    user_agent = models.ForeignKey(
        UserAgent,
        models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        db_constraint=False,
    )

    class Meta:
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


class CampaignCounts(models.Model):
    """Totals of one campaign, changed in the transaction that changes what they count."""

    campaign = models.OneToOneField(
        Campaign, models.PROTECT, primary_key=True, related_name="counts"
    )
    recipients = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    bounces = models.PositiveIntegerField(default=0)
    opens = models.PositiveBigIntegerField(default=0)
    unique_opens = models.PositiveIntegerField(default=0)
    last_opened_at = models.DateTimeField(null=True)
    # Opens by verdict; they add up to opens.
    human_client_opens = models.PositiveBigIntegerField(default=0)
    image_proxy_on_open_opens = models.PositiveBigIntegerField(default=0)
    privacy_prefetch_opens = models.PositiveBigIntegerField(default=0)
    security_scanner_opens = models.PositiveBigIntegerField(default=0)
    bot_opens = models.PositiveBigIntegerField(default=0)
    unknown_opens = models.PositiveBigIntegerField(default=0)
    # Unique opens by the best verdict of each; with unique_machine_opens they add up to
    # unique_opens. A pixel moves when a better open comes, so what is added may be negative; the
    # sum never is.
    unique_human_opens = models.IntegerField(default=0)
    unique_unknown_opens = models.IntegerField(default=0)
    unique_prefetch_opens = models.IntegerField(default=0)

    class Meta:
        verbose_name_plural = "campaign counts"
        permissions = [("view_report", "Can read reports")]

    def __str__(self) -> str:
        return f"counts of campaign {self.pk}"

    @property
    def delivered(self) -> int:
        return self.sent - self.bounces

    @property
    def unopened(self) -> int:
        return self.recipients - self.unique_opens

    @property
    def unique_machine_opens(self) -> int:
        """Recipients that only scanners and bots opened for."""
        return (
            self.unique_opens
            - self.unique_human_opens
            - self.unique_unknown_opens
            - self.unique_prefetch_opens
        )

    @property
    def by_verdict(self) -> dict[str, int]:
        """Opens by verdict, the verdict's name as key."""
        return {verdict.value: getattr(self, f"{verdict.value}_opens") for verdict in Verdict}

    @property
    def rates(self) -> rates.OpenRates:
        return rates.OpenRates(
            self.delivered,
            human=self.unique_human_opens,
            unknown=self.unique_unknown_opens,
            prefetch=self.unique_prefetch_opens,
            machine=self.unique_machine_opens,
        )

    @property
    def open_rate(self) -> float | None:
        return rates.rate(self.unique_opens, self.delivered)

    @property
    def bounce_rate(self) -> float | None:
        return rates.rate(self.bounces, self.sent)

    @property
    def opens_per_opener(self) -> float | None:
        return rates.rate(self.opens, self.unique_opens)


class Ruling(models.Model):
    """A person's own judgement; it overrides every rule, also when history is judged again.

    About one open, about a network (CIDR) or about a user agent: exactly one of the three.
    """

    open = models.ForeignKey(
        Open, models.PROTECT, related_name="rulings", null=True, blank=True, db_constraint=False
    )
    network = models.CharField(max_length=49, blank=True)
    user_agent = models.ForeignKey(
        UserAgent, models.PROTECT, related_name="rulings", null=True, blank=True
    )
    verdict = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=200, blank=True)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True
    )
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(open__isnull=False, network="", user_agent__isnull=True)
                | Q(open__isnull=True, user_agent__isnull=False, network="")
                | Q(open__isnull=True, user_agent__isnull=True) & ~Q(network=""),
                name="ruling_is_about_one_thing",
            ),
        ]

    def __str__(self) -> str:
        about = self.network or self.user_agent or f"open {self.open_id}"
        return f"{about}: {Verdict.of_number(self.verdict).label}"


class FanOut(models.Model):
    """One address that opened the pixels of many recipients within minutes: a scanner's trail."""

    ip = models.GenericIPAddressField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    recipients = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ip", "starts_at"], name="fan_out_is_one_per_window"),
        ]

    def __str__(self) -> str:
        return f"{self.ip}: {self.recipients} recipients from {self.starts_at:%Y-%m-%d %H:%M} UTC"


class Rejudging(models.Model):
    """One walk through history with the current rules; where it stands, so that it can go on."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", null=True)
    rules_version = models.PositiveSmallIntegerField()
    # What else the verdicts depend on, condensed: rulings and lists of networks.
    basis = models.CharField(max_length=64, default="")
    last_pixel_id = models.BigIntegerField(default=0)
    judged = models.PositiveBigIntegerField(default=0)
    changed = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.judged} judged, {self.changed} changed"


class Recount(models.Model):
    """One recount of everything, and how many counts it left off."""

    counted_at = models.DateTimeField(auto_now_add=True)
    checked = models.PositiveBigIntegerField()
    drift = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.drift} of {self.checked} off"


class QuarterHourCounts(models.Model):
    """One campaign's opens in one quarter of an hour, UTC; quarters without opens have no row.

    Quarters, because every time zone's hours and days are made of whole ones.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_index=False)
    starts_at = models.DateTimeField()
    opens = models.BigIntegerField(default=0)
    # An open that arrives late but happened first moves a unique open between two quarters, so
    # what is added here may be negative; the sum never is.
    unique_opens = models.IntegerField(default=0)
    # The same of human opens; a unique one stands in the quarter of the first human open.
    human_opens = models.BigIntegerField(default=0)
    unique_human_opens = models.IntegerField(default=0)

    class Meta:
        constraints = [
            # Also serves: the report's chart, one campaign from one moment to another.
            models.UniqueConstraint(
                fields=["campaign", "starts_at"], name="quarter_is_one_per_campaign"
            ),
        ]
        verbose_name_plural = "quarter-hour counts"

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} UTC"
