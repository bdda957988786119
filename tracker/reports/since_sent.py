"""Opens by people by the time since the mail was sent: quarters of an hour added up to steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Literal, NamedTuple

from django.db.models import BigIntegerField, F, Func, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from campaigns.models import Campaign
from tracker.models import QuarterHourCounts
from tracker.quarters import QUARTER, quarter_of

Counted = Literal["human_opens", "unique_human_opens"]
HOUR = timedelta(hours=1)


class EpochSeconds(Func):
    """A moment as whole seconds since 1970."""

    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(FLOOR(DATE_PART('epoch', %(expressions)s)) AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


class Hour(NamedTuple):
    """Four quarters, and the first of them."""

    whole: int
    first_quarter: int


def steps_since_sent(
    campaigns: Sequence[Campaign], *, counted: Counted, step: timedelta, until: timedelta
) -> Mapping[int, Mapping[int, int]]:
    """By campaign and step: the sum. One query; what was never sent has none.

    Step 0 begins with the quarter in which the mail was sent.
    """
    found: dict[int, dict[int, int]] = defaultdict(dict)
    windows = [
        _until(campaign, sent_at, until) & Q(starts_at__gte=quarter_of(sent_at))
        for campaign, sent_at in _sent(campaigns)
    ]
    if windows:
        rows = _by_step(windows, counted, step).annotate(sum=Sum(counted))
        for campaign_id, number, total in rows.values_list("campaign_id", "step", "sum"):
            found[campaign_id][number] = total
    return found


def hours_since_sent(
    campaigns: Sequence[Campaign], *, counted: Counted, until: timedelta
) -> Mapping[int, Mapping[int, Hour]]:
    """The same by hours, what was opened before in hour 0: then the mail was marked too late."""
    found: dict[int, dict[int, Hour]] = defaultdict(dict)
    windows = [_until(campaign, sent_at, until) for campaign, sent_at in _sent(campaigns)]
    if not windows:
        return found
    begins = Q(since__gte=0, rest=0)
    rows = (
        _by_step(windows, counted, HOUR)
        .annotate(sum=Sum(counted), begins=Coalesce(Sum(counted, filter=begins), 0))
        .values_list("campaign_id", "step", "sum", "begins")
    )
    for campaign_id, number, total, first_quarter in rows:
        hour = max(number, 0)
        before = found[campaign_id].get(hour, Hour(0, 0))
        found[campaign_id][hour] = Hour(before.whole + total, before.first_quarter + first_quarter)
    return found


def _sent(campaigns: Sequence[Campaign]) -> list[tuple[Campaign, datetime]]:
    return [(one, one.sent_at) for one in campaigns if one.sent_at is not None]


def _until(campaign: Campaign, sent_at: datetime, until: timedelta) -> Q:
    """Bounds of each campaign's own, as plain moments, so that the index serves each of them."""
    return Q(campaign=campaign, starts_at__lt=quarter_of(sent_at) + until)


def _by_step(windows: Sequence[Q], counted: Counted, step: timedelta) -> QuerySet[Any, Any]:
    """Grouped by campaign and step; ``rest``: seconds of the step that have passed."""
    sent = EpochSeconds(F("campaign__sent_at"))
    since = EpochSeconds(F("starts_at")) - (sent - sent % int(QUARTER.total_seconds()))
    seconds = int(step.total_seconds())
    return (
        QuarterHourCounts.objects.filter(reduce(or_, windows))
        .exclude(**{counted: 0})
        .annotate(since=since, step=since / seconds, rest=since % seconds)
        .values("campaign_id", "step")
        .order_by()
    )
