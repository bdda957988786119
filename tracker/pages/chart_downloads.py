"""The figures of a report's charts as CSV, each in the campaign's own time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from campaigns.models import Campaign
from tracker.downloads import csv_download
from tracker.pages.access import may_read
from tracker.reports.chart_page import Choice
from tracker.reports.funnel import funnel_of, funnel_rows
from tracker.reports.habits import Habits, habits_of
from tracker.reports.heat_map import heat_map_rows
from tracker.reports.series import ends_of, whole_series
from tracker.reports.time_to_open import time_to_open_rows
from tracker.reports.totals import totals_of

# The columns of a file, each with what it takes from a stretch of time.
OPENS = {
    "opens": "opens",
    "human_opens": "human_opens",
    "other_opens": "others",
    "unique_opens": "unique_opens",
    "repeated_opens": "repeats",
    "unique_human_opens": "unique_human_opens",
}
# Where the chart shows people only.
OPENS_BY_PEOPLE = {
    "unique_human_opens": "unique_human_opens",
    "repeated_human_opens": "human_repeats",
    "human_opens": "human_opens",
}


@require_safe
@may_read
def campaign_opens_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    choice = Choice.from_url(request.GET.dict())
    title = f"opens by {choice.by} {campaign.pk} {campaign}"
    return csv_download(request, _opens_rows(campaign, choice), title)


@require_safe
@may_read
def campaign_time_to_open_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = _with_counts(campaign_id)
    rows = time_to_open_rows(_habits(campaign).time_to_open)
    return csv_download(request, rows, f"time to open {campaign.pk} {campaign}")


@require_safe
@may_read
def campaign_heat_map_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = _with_counts(campaign_id)
    rows = heat_map_rows(_habits(campaign).heat_map)
    return csv_download(request, rows, f"opens by hour and weekday {campaign.pk} {campaign}")


@require_safe
@may_read
def campaign_funnel_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = _with_counts(campaign_id)
    rows = funnel_rows(funnel_of(totals_of(campaign), {}))
    return csv_download(request, rows, f"funnel {campaign.pk} {campaign}")


def _opens_rows(campaign: Campaign, choice: Choice) -> Iterator[Sequence[str]]:
    """All windows, each stretch with its beginning on the campaign's clock, ISO 8601."""
    columns = OPENS_BY_PEOPLE if choice.split == "people" else OPENS
    yield ("starts_at", *columns)
    if (ends := ends_of(campaign)) is None:
        return
    for point in whole_series(campaign, ends, by=choice.by):
        counts = (str(getattr(point, name)) for name in columns.values())
        yield (point.starts_at.isoformat(), *counts)


def _with_counts(campaign_id: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)


def _habits(campaign: Campaign) -> Habits:
    return habits_of(campaign, totals_of(campaign), ends_of(campaign), now=timezone.now())
