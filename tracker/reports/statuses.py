"""Where a campaign stands, from its own moments and its counts: as a filter and in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import F, Q
from django.utils.translation import gettext, gettext_lazy

from campaigns.models import Campaign
from tracker.models import CampaignCounts
from tracker.reports.spans import ago

# So long after the last open a campaign is still being opened now.
NOW = timedelta(minutes=15)
# By then somebody, or at least a machine, has fetched a pixel of any mail that arrived.
SILENT_AFTER = timedelta(hours=2)


class Status(StrEnum):
    DRAFT = "draft"
    READY = "ready"
    SENT = "sent"
    OPENING = "opening"
    SILENT = "silent"
    ARCHIVED = "archived"


LABELS = {
    Status.DRAFT: gettext_lazy("draft"),
    Status.READY: gettext_lazy("ready"),
    Status.SENT: gettext_lazy("sent"),
    Status.OPENING: gettext_lazy("being opened now"),
    Status.SILENT: gettext_lazy("no hit"),
    Status.ARCHIVED: gettext_lazy("archived"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """``note`` is what a person should do something about."""

    status: Status
    note: str = ""

    @property
    def label(self) -> str:
        return str(LABELS[self.status])


def standing_of(campaign: Campaign, totals: CampaignCounts, *, now: datetime) -> Standing:
    if campaign.archived_at is not None:
        return Standing(Status.ARCHIVED)
    if campaign.sent_at is None:
        return _before_sending(totals)
    if totals.last_opened_at and totals.last_opened_at >= now - NOW:
        return Standing(Status.OPENING)
    since = now - campaign.sent_at
    if since >= SILENT_AFTER and not totals.opens and totals.trackable > 0:
        return Standing(
            Status.SILENT, gettext("Sent %(ago)s and no hit at all") % {"ago": ago(since)}
        )
    return Standing(Status.SENT)


def _before_sending(totals: CampaignCounts) -> Standing:
    if not totals.recipients:
        return Standing(Status.DRAFT)
    note = gettext("It is being opened, but not marked as sent") if totals.opens else ""
    return Standing(Status.READY, note)


def having(status: Status, *, now: datetime) -> Q:
    """Campaigns to show under a status; those being opened now and the silent are sent, too."""
    if status is Status.ARCHIVED:
        return Q(archived_at__isnull=False)
    here = Q(archived_at=None)
    is_empty = Q(counts=None) | Q(counts__recipients=0)
    silent = Q(counts__opens=0, counts__sent__gt=F("counts__bounces") + F("counts__untracked"))
    return {
        Status.DRAFT: here & Q(sent_at=None) & is_empty,
        Status.READY: here & Q(sent_at=None, counts__recipients__gt=0),
        Status.SENT: here & Q(sent_at__isnull=False),
        Status.OPENING: here & Q(sent_at__isnull=False, counts__last_opened_at__gte=now - NOW),
        Status.SILENT: here & Q(sent_at__lte=now - SILENT_AFTER) & silent,
    }[status]
