"""Lists of recipients on their way into a campaign."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from campaigns.models.campaigns import Campaign


class ImportQuerySet(models.QuerySet["Import"]):
    def unfinished(self) -> ImportQuerySet:
        """Asked for by a person, and neither stored nor given up yet."""
        return self.filter(state__in=Import.UNFINISHED)

    def tried(self) -> ImportQuerySet:
        """Dry runs of uploads whose file is kept for a while, to be imported."""
        return self.filter(is_dry_run=True, is_ours=True, state=Import.State.DONE).exclude(path="")


class Import(models.Model):
    """One file of recipients on its way into a campaign; ``campaigns.imports`` moves it on."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", gettext_lazy("waits for you to confirm the columns")
        WAITING = "waiting", gettext_lazy("waits for its turn")
        READING = "reading", gettext_lazy("reading the file")
        STORING = "storing", gettext_lazy("storing the recipients")
        DONE = "done", gettext_lazy("done")
        FAILED = "failed", gettext_lazy("failed")
        CANCELLED = "cancelled", gettext_lazy("cancelled")

    UNFINISHED = (State.WAITING, State.READING, State.STORING)

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="imports")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    # What the file is called, and where it lies. A path within IMPORT_DIR is ours to delete.
    file_name = models.CharField(max_length=255)
    path = models.CharField(max_length=4096)
    is_ours = models.BooleanField()
    # Which machine's IMPORT_DIR it is.
    place = models.CharField(max_length=64)
    size = models.BigIntegerField()
    modified_at = models.FloatField(default=0)  # of the file, in seconds since 1970
    header = models.JSONField(default=list)
    columns = models.JSONField(null=True)
    # How the file was read and what of it was not: patterns and values, as ``reasons`` keeps them.
    notes = models.JSONField(default=list)
    is_dry_run = models.BooleanField(default=False)
    # The dry run whose file this import took over; its own, ``real``, took over this one's.
    trial = models.OneToOneField(
        "self", models.SET_NULL, related_name="real", null=True, editable=False
    )
    with_erased = models.BooleanField(default=False)

    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADED)
    error = models.TextField(blank=True)
    error_kept = models.JSONField(default=list)
    is_cancel_requested = models.BooleanField(default=False)
    # Who works on it, and its last sign of life.
    lease_owner = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField(null=True)
    # How often somebody began and got no further.
    attempts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # How far the file was read: everything up to this line is staged. Where a resumed run began.
    last_line = models.BigIntegerField(default=0)
    bytes_read = models.BigIntegerField(default=0)
    resumed_at_line = models.BigIntegerField(default=0)

    # rows = created + updated + duplicates + suppressed + erased + rejected, when it is done.
    rows = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    # Known before; what the file says of them was added.
    updated = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    suppressed = models.BigIntegerField(default=0)
    # People who must not come back, unless this list was imported to bring them.
    erased = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    slips = models.BigIntegerField(default=0)
    # Of the rows above: mistyped, and known as whom a person has corrected them to.
    corrected = models.BigIntegerField(default=0)
    # New to the campaign.
    added = models.BigIntegerField(default=0)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # What there is to do: few rows, asked for every few seconds.
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=["waiting", "reading", "storing"]),
                name="import_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.DONE, self.State.FAILED, self.State.CANCELLED)

    @property
    def is_tried(self) -> bool:
        """As ``tried()``."""
        is_done = self.state == self.State.DONE
        return is_done and self.is_dry_run and self.is_ours and bool(self.path)


class RejectedLine(models.Model):
    """A line that an import could not take: kept until its import is deleted, to be mended."""

    of_import = models.ForeignKey(
        Import, models.CASCADE, related_name="rejected_lines", db_index=False
    )  # indexed by the constraint below
    line = models.BigIntegerField()
    reason = models.CharField(max_length=400)
    # The same as pattern and values, for a page to translate; see ``campaigns.imports.reasons``.
    reason_kept = models.JSONField(default=list)
    cells = models.JSONField()

    class Meta:
        constraints = [
            # Also serves: an import's rejected lines in order.
            models.UniqueConstraint(
                fields=["of_import", "line"], name="rejected_line_is_one_per_line"
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class TypingSlip(models.Model):
    """An imported address whose domain looks mistyped, and what was probably meant."""

    of_import = models.ForeignKey(
        Import, models.CASCADE, related_name="typing_slips", db_index=False
    )  # indexed by the constraint below
    line = models.BigIntegerField()
    email_key = models.CharField(max_length=254)
    suggestion = models.CharField(max_length=254)

    class Meta:
        constraints = [
            # Also serves: an import's slips in order.
            models.UniqueConstraint(
                fields=["of_import", "line"], name="typing_slip_is_one_per_line"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email_key}: did you mean {self.suggestion}?"
