"""What judging remembers: people's rulings, patterns found, walks under way."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrPromise

from campaigns.models import Campaign
from tracker.language import translated
from tracker.models.agents import UserAgent
from tracker.models.opens import Open
from tracker.sentences import Sentence
from tracker.verdicts import Verdict

REACHES = {
    "network": gettext_lazy("every open from it"),
    "agent": gettext_lazy("every open with it"),
    "open": gettext_lazy("this open only"),
}


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
    # When everything that it is about had been judged by it; none: the schedule will see to it.
    spread_at = models.DateTimeField(null=True)
    spread_to = models.BigIntegerField(default=0)  # the next pixel's id
    # No longer holds; the row goes when everything has been judged without it.
    taken_back_at = models.DateTimeField(null=True)

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

    @property
    def kind(self) -> str:
        return "network" if self.network else "agent" if self.user_agent_id else "open"

    @property
    def label(self) -> Sentence:
        return Verdict.of_number(self.verdict).label

    @property
    def reach(self) -> StrPromise:
        """What it applies to, in words."""
        return REACHES[self.kind]

    @property
    def shown(self) -> str:
        """The same in the reader's language."""
        about = self.network or self.user_agent or gettext("this open")
        verdict = translated(Verdict.of_number(self.verdict).label)
        return gettext("%(about)s: %(verdict)s") % {"about": about, "verdict": verdict}


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
