"""The sums that reports read, kept as opens are written."""

from __future__ import annotations

from django.db import models

from campaigns.models import Campaign
from tracker import rates
from tracker.verdicts import Verdict


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
    # Delivered recipients that are off: nothing is recorded of them, so no rate is over them.
    untracked = models.PositiveIntegerField(default=0, db_default=0)
    # Delivered recipients that are anonymous: they are in every rate, and in no list of openers.
    anonymous = models.PositiveIntegerField(default=0, db_default=0)
    # Unique opens from before their recipients went off. They stay among unique_opens and in no
    # kind of them, so that a rate never has people above its line that are not below it.
    unique_untracked_opens = models.PositiveIntegerField(default=0, db_default=0)
    # How often it changed what may be recorded of a recipient. No sum over anything: whoever has
    # seen fewer is out of date, also where one choice made up for another.
    choices = models.PositiveBigIntegerField(default=0, db_default=0)

    # Its opens are invented: in no usual rate, and every page about it says so. Written by
    # tracker.simulation alone.
    is_simulation = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name_plural = "campaign counts"
        permissions = [("view_report", "Can read reports")]

    def __str__(self) -> str:
        return f"counts of campaign {self.pk}"

    @property
    def delivered(self) -> int:
        return self.sent - self.bounces

    @property
    def trackable(self) -> int:
        """Delivered recipients who may be tracked: what rates are over."""
        return self.delivered - self.untracked

    @property
    def tracking_coverage(self) -> float | None:
        return rates.rate(self.trackable, self.delivered)

    @property
    def unique_tracked_opens(self) -> int:
        return self.unique_opens - self.unique_untracked_opens

    @property
    def is_opened(self) -> bool:
        """By anybody who may be tracked, or by a machine. Until then nothing can be said of how
        many read: the pixel may not even be in the mail."""
        return self.unique_tracked_opens > 0

    @property
    def unopened(self) -> int:
        """Of the trackable; nobody who bounced or was never sent to. None is left where more
        opened than count as delivered."""
        return max(self.trackable - self.unique_tracked_opens, 0)

    @property
    def unique_machine_opens(self) -> int:
        """Recipients that only scanners and bots opened for."""
        return (
            self.unique_tracked_opens
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
        """Over the trackable; of more unique opens than these no more than all."""
        return rates.OpenRates.of_at_most_all(
            self.trackable,
            human=self.unique_human_opens,
            unknown=self.unique_unknown_opens,
            prefetch=self.unique_prefetch_opens,
            machine=self.unique_machine_opens,
        )

    @property
    def open_rate(self) -> float | None:
        return self.rates.raw_open_rate

    @property
    def is_opened_beyond_delivered(self) -> bool:
        """Some of these unique opens are of the same people, or of people not delivered to."""
        return self.unique_tracked_opens > self.trackable

    @property
    def is_all_delivered(self) -> bool:
        return self.delivered == self.recipients

    @property
    def bounce_rate(self) -> float | None:
        return rates.rate(self.bounces, self.sent)

    @property
    def opens_per_opener(self) -> float | None:
        return rates.rate(self.opens, self.unique_opens)


class ListMisses(models.Model):
    """How often a campaign's list snippet named nobody on one day; what it said is not kept.

    Added up by ``tracker.list_misses``, which also removes old ones.
    """

    class Why(models.TextChoices):
        UNRESOLVED = "unresolved", "the tool did not fill in its merge tag"
        UNMATCHED = "unmatched", "nobody of the campaign"

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="list_misses", db_index=False
    )  # indexed by the constraint below
    day = models.DateField()  # in UTC
    why = models.CharField(max_length=10, choices=Why)
    number = models.PositiveBigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            # Also serves: what a campaign missed lately.
            models.UniqueConstraint(
                fields=["campaign", "day", "why"], name="list_misses_are_one_per_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.why} on {self.day}"


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
