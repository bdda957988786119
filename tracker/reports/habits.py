"""When people open: read once from the quarters, for the time to open and for the heat map."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, F, Q, Sum, When

from campaigns.models import Campaign
from tracker.models import CampaignCounts
from tracker.quarters import QUARTER
from tracker.reports.heat_map import HeatMap, heat_map
from tracker.reports.series import Ends, quarters_of
from tracker.reports.time_to_open import LONGEST, TimeToOpen, time_to_open

# As far as the time to open is told apart: a campaign that is opened for years costs no more.
READ = timedelta(seconds=LONGEST)

# When it begins, its human opens, its first ones.
Quarter = tuple[datetime | None, int, int]


@dataclass(frozen=True, slots=True)
class Habits:
    """``is_latest_only`` where the heat map leaves out what is older than it reaches back."""

    time_to_open: TimeToOpen | None
    heat_map: HeatMap | None
    is_latest_only: bool


def habits_of(
    campaign: Campaign, totals: CampaignCounts, ends: Ends | None, *, now: datetime
) -> Habits:
    """One query."""
    if ends is None:
        return Habits(None, None, is_latest_only=False)
    latest = max(ends.first, ends.last - READ)
    spans = [(latest - QUARTER, ends.last + QUARTER)]
    if campaign.sent_at:
        # Of the quarter in which it was sent, too.
        spans.append((campaign.sent_at - QUARTER, campaign.sent_at + READ))
    read = _read(campaign, spans, until=campaign.sent_at)
    # Opened before the time that was marked as sending, or never marked: from the first open on.
    since = min(ends.first, campaign.sent_at or ends.first) if latest == ends.first else latest
    hours = heat_map(_within(read, *spans[0]), campaign.zone, since=since, now=now)
    return Habits(_time_to_open(campaign, totals, read, now), hours, latest > ends.first)


def time_to_open_of(
    campaign: Campaign, totals: CampaignCounts, *, now: datetime
) -> TimeToOpen | None:
    """That alone. One query; none for a campaign that is not marked as sent."""
    if campaign.sent_at is None:
        return None
    span = (campaign.sent_at - QUARTER, campaign.sent_at + READ)
    return _time_to_open(campaign, totals, _read(campaign, [span], until=campaign.sent_at), now)


def _time_to_open(
    campaign: Campaign, totals: CampaignCounts, read: list[Quarter], now: datetime
) -> TimeToOpen | None:
    sent_at = campaign.sent_at
    if sent_at is None:
        return None
    # The quarter in which it was sent begins later than that.
    begins, ends = sent_at - QUARTER, sent_at + READ
    before = sum(people for starts_at, _, people in read if not starts_at or starts_at <= begins)
    firsts = [
        (starts_at, people)
        for starts_at, _, people in read
        if starts_at and begins < starts_at < ends
    ]
    openers = totals.unique_human_opens
    return time_to_open(firsts, sent_at=sent_at, before=before, openers=openers, now=now)


def _within(read: list[Quarter], begins: datetime, ends: datetime) -> list[tuple[datetime, int]]:
    return [(at, opens) for at, opens, _ in read if at and begins < at < ends]


def _read(
    campaign: Campaign, spans: list[tuple[datetime, datetime]], *, until: datetime | None
) -> list[Quarter]:
    """The quarters within the spans one by one; all others before ``until`` as one without time."""
    wanted = Q()
    for begins, ends in spans:
        wanted |= Q(starts_at__gt=begins, starts_at__lt=ends)
    at = Case(When(wanted, then=F("starts_at")))
    quarters = quarters_of(campaign)
    if until is None:
        quarters = quarters.filter(wanted)
    else:
        quarters = quarters.filter(wanted | Q(starts_at__lte=until - QUARTER))
    rows = quarters.values(at=at).annotate(
        opens=Sum("human_opens"), people=Sum("unique_human_opens")
    )
    return list(rows.order_by("at").values_list("at", "opens", "people"))
