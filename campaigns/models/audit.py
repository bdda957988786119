"""Who did what."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy


class AppendOnlyError(TypeError):
    """An entry of the audit log is neither changed nor deleted."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def about(self, kind: str, object_id: object) -> AuditQuerySet:
        return self.filter(object_kind=kind, object_id=str(object_id))

    def update(self, **kwargs: Any) -> int:
        raise AppendOnlyError(AppendOnlyError.__doc__)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError(AppendOnlyError.__doc__)


class AuditEntry(models.Model):
    """Who did what, when, to what; written by ``campaigns.audit.record`` and never changed.

    Objects stand here by their kind and id and never by their text: whoever is erased is gone from
    here too.
    """

    class Action(models.TextChoices):
        CAMPAIGN_CREATED = "campaign-created", gettext_lazy("created a campaign")
        CAMPAIGN_CHANGED = "campaign-changed", gettext_lazy("changed a campaign")
        CAMPAIGN_SENT = "campaign-sent", gettext_lazy("marked a campaign as sent")
        CAMPAIGN_BOUNCED = "campaign-bounced", gettext_lazy("marked recipients as bounced")
        CAMPAIGN_ARCHIVED = "campaign-archived", gettext_lazy("archived a campaign")
        CAMPAIGN_RESTORED = "campaign-restored", gettext_lazy("brought a campaign back")
        CAMPAIGN_TRACKING = "campaign-tracking", gettext_lazy("chose what a campaign records")
        END_MARKS_SWITCHED = "end-marks-switched", gettext_lazy("switched a campaign’s end marks")
        CAMPAIGN_SIMULATED = "campaign-simulated", gettext_lazy("simulated the opens of a campaign")
        RECIPIENTS_IMPORTED = "recipients-imported", gettext_lazy("imported recipients")
        RECIPIENT_ADDED = "recipient-added", gettext_lazy("added a recipient")
        RECIPIENT_CHANGED = "recipient-changed", gettext_lazy("changed a recipient")
        SLIPS_CORRECTED = "slips-corrected", gettext_lazy("corrected mistyped addresses")
        SUPPRESSED = "suppressed", gettext_lazy("suppressed addresses")
        SUPPRESSION_LIFTED = (
            "suppression-lifted",
            gettext_lazy("let suppressed addresses be written to"),
        )
        TRACKING_CHOSEN = "tracking-chosen", gettext_lazy("stored what recipients chose")
        DEFAULT_APPLIED = "default-applied", gettext_lazy("applied the installation’s default")
        SNIPPETS_TAKEN = "snippets-taken", gettext_lazy("took the snippets")
        REPORT_TAKEN = "report-taken", gettext_lazy("took the recipients of a report")
        SEGMENT_CREATED = "segment-created", gettext_lazy("created a segment")
        SEGMENT_CHANGED = "segment-changed", gettext_lazy("changed a segment")
        SEGMENT_DELETED = "segment-deleted", gettext_lazy("deleted a segment")
        SEGMENT_USED = "segment-used", gettext_lazy("made a campaign for a segment")
        SEGMENT_TAKEN = "segment-taken", gettext_lazy("took the recipients of a segment")
        REPORT_SHARED = "report-shared", gettext_lazy("shared a report")
        SHARE_CHANGED = "share-changed", gettext_lazy("changed the password of a shared link")
        SHARE_REVOKED = "share-revoked", gettext_lazy("revoked a shared link")
        RULED = "ruled", gettext_lazy("decided about opens")
        RULING_TAKEN_BACK = "ruling-taken-back", gettext_lazy("took a decision back")
        REJUDGED = "rejudged", gettext_lazy("judged opens again")
        PERSON_EXPORTED = "person-exported", gettext_lazy("exported a person")
        OWN_COPY_TAKEN = "own-copy-taken", gettext_lazy("took a copy of what is kept about them")
        PERSON_ERASED = "person-erased", gettext_lazy("erased a person")
        TOMBSTONE_LIFTED = "tombstone-lifted", gettext_lazy("let an erased person come back")
        OPENS_PRUNED = "opens-pruned", gettext_lazy("removed old opens or their evidence")
        BACKUP_BEGUN = "backup-begun", gettext_lazy("began a backup")
        ACCOUNT_ADDED = "account-added", gettext_lazy("added an account")
        ACCOUNT_CHANGED = "account-changed", gettext_lazy("changed an account")
        ACCOUNT_REMOVED = "account-removed", gettext_lazy("removed an account")
        PASSWORD_CHANGED = "password-changed", gettext_lazy("changed a password")
        GROUP_ADDED = "group-added", gettext_lazy("added a group")
        GROUP_CHANGED = "group-changed", gettext_lazy("changed a group")
        GROUP_REMOVED = "group-removed", gettext_lazy("removed a group")

    class Source(models.TextChoices):
        ADMIN = "admin", gettext_lazy("admin")
        PAGE = "page", gettext_lazy("page")
        COMMAND = "command", gettext_lazy("command")

    at = models.DateTimeField(gettext_lazy("time"), default=timezone.now)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, db_index=False
    )
    # Stays when the account goes; of a command, the account of the operating system.
    by_name = models.CharField(max_length=150, blank=True)
    # Other parts add actions of their own: no constraint, no choices that a migration would hold.
    action = models.CharField(max_length=40)
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=40, blank=True)
    source = models.CharField(gettext_lazy("source"), max_length=10, choices=Source)
    details = models.JSONField(default=dict)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            # All about one object: a person's export.
            models.Index(fields=["object_kind", "object_id"], name="audit_object"),
        ]
        default_permissions = ("view",)
        verbose_name = gettext_lazy("audit log entry")
        verbose_name_plural = gettext_lazy("audit log entries")

    def __str__(self) -> str:
        return f"{self.by_name or 'somebody'} {self.action_label}, {self.at:%Y-%m-%d %H:%M} UTC"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError(AppendOnlyError.__doc__)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError(AppendOnlyError.__doc__)

    @property
    def action_label(self) -> str:
        if self.action in self.Action.values:
            return str(self.Action(self.action).label)
        return self.action.replace("-", " ")
