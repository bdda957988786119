"""Opens by people by the time since the mail was sent: quarters of an hour added up to steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Literal

from django.db.models import BigIntegerField, F, Func, Q, Sum

from campaigns.models import Campaign
from tracker.models import QuarterHourCounts
from tracker.quarters import QUARTER, quarter_of

Counted = Literal["human_opens", "unique_human_opens"]


class EpochSeconds(Func):
    """A moment as whole seconds since 1970."""

    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(FLOOR(DATE_PART('epoch', %(expressions)s)) AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


def steps_since_sent(
    campaigns: Sequence[Campaign],
    *,
    counted: Counted,
    step: timedelta,
    until: timedelta,
    with_earlier: bool = False,
) -> Mapping[int, Mapping[int, int]]:
    """By campaign and step: the sum. One query; what was never sent has none.

    Step 0 begins with the quarter in which the mail was sent. ``with_earlier`` adds to it what was
    opened before, because the mail was marked as sent too late.
    """
    windows = [
        _window(campaign, campaign.sent_at, until, with_earlier)
        for campaign in campaigns
        if campaign.sent_at is not None
    ]
    found: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    if not windows:
        return found
    sent = EpochSeconds(F("campaign__sent_at"))
    since = EpochSeconds(F("starts_at")) - (sent - sent % int(QUARTER.total_seconds()))
    # Bounds of each campaign's own, as plain moments, so that the index serves each of them.
    rows = (
        QuarterHourCounts.objects.filter(reduce(or_, windows))
        .exclude(**{counted: 0})
        .annotate(step=since / int(step.total_seconds()))
        .values("campaign_id", "step")
        .annotate(sum=Sum(counted))
        .values_list("campaign_id", "step", "sum")
        .order_by()
    )
    for campaign_id, number, total in rows:
        found[campaign_id][max(number, 0)] += total
    return found


def _window(campaign: Campaign, sent_at: datetime, until: timedelta, with_earlier: bool) -> Q:
    begin = quarter_of(sent_at)
    window = Q(campaign=campaign, starts_at__lt=begin + until)
    return window if with_earlier else window & Q(starts_at__gte=begin)
