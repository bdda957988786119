"""What takes minutes and is done beside the server."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign


class WorkQuerySet(models.QuerySet["Work"]):
    def unfinished(self) -> WorkQuerySet:
        return self.filter(state__in=Work.UNFINISHED)


class Work(models.Model):
    """Something that takes minutes, done beside the server; ``tracker.work`` moves it on.

    What it did and how far it got stand in one transaction: whoever goes on does nothing twice.
    """

    class Kind(models.TextChoices):
        REJUDGE = "rejudge", gettext_lazy("judging opens again")
        CAMPAIGN = "campaign", gettext_lazy("making a campaign")
        SNIPPETS = "snippets", gettext_lazy("preparing a file of snippets")
        PEOPLE = "people", gettext_lazy("preparing a file of recipients")

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waits for its turn")
        WORKING = "working", gettext_lazy("at work")
        DONE = "done", gettext_lazy("done")
        FAILED = "failed", gettext_lazy("failed")
        CANCELLED = "cancelled", gettext_lazy("cancelled")

    class Fault(models.TextChoices):
        DIED = "died", gettext_lazy("The process that did this has died several times.")
        UNEXPECTED = (
            "unexpected",
            gettext_lazy("An unexpected fault stopped this. The server’s log says more."),
        )
        NOBODY = "nobody", gettext_lazy("Nobody is left to write to, so no campaign was made.")
        ERASED = (
            "erased",
            gettext_lazy("Somebody in it was erased, so the file is gone. Prepare another one."),
        )

    UNFINISHED = (State.WAITING, State.WORKING)

    kind = models.CharField(max_length=20, choices=Kind)
    # What it is about, if it is one campaign; one that is being made goes when it is cancelled.
    campaign = models.ForeignKey(Campaign, models.SET_NULL, related_name="+", null=True)
    parameters = models.JSONField(default=dict)
    # Tells one form that was sent from the next, so that one sent twice asks for one thing.
    form_id = models.CharField(max_length=32)
    # The machine whose server does it: whose IMPORT_DIR, see campaigns.imports.files.
    place = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    fault = models.CharField(max_length=20, choices=Fault, blank=True)
    is_cancel_requested = models.BooleanField(default=False)
    # Who works on it, and its last sign of life.
    lease_owner = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField(null=True)
    # How often somebody began and got no further.
    attempts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    # Where whoever goes on begins, in the words of its kind.
    position = models.JSONField(default=dict)
    done = models.PositiveBigIntegerField(default=0)
    # 0: not known yet.
    total = models.PositiveBigIntegerField(default=0)
    # When the process that works on it now began, and with how much done: its rate is its own.
    resumed_at = models.DateTimeField(null=True)
    resumed_done = models.PositiveBigIntegerField(default=0)
    result = models.JSONField(default=dict)

    objects = WorkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["form_id"], name="work_is_one_per_form"),
        ]
        indexes = [
            # What there is to do: few rows, asked for every second.
            models.Index(
                fields=["kind", "id"],
                condition=models.Q(state__in=["waiting", "working"]),
                name="work_unfinished",
            ),
        ]
        default_permissions = ()
        permissions = [("rejudge", "Can judge recorded opens again")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("work", args=[self.pk])

    @property
    def is_over(self) -> bool:
        return self.state not in self.UNFINISHED
