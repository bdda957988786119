"""The list of all campaigns, as a page and as CSV."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from tracker.downloads import csv_download
from tracker.exports import campaign_rows
from tracker.pages.access import abilities, may_read
from tracker.reports.next_steps import first_steps
from tracker.reports.overview import Asked, campaigns_asked, overview_page
from tracker.reports.pulse import pulse_at, today_at
from tracker.reports.usual import LEAST_EARLIER, MOST_EARLIER


@require_safe
@may_read
def campaign_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    context = {
        "overview": overview_page(request.GET.dict(), now=now),
        "pulse": pulse_at(now),
        "today": today_at(now),
        "most_earlier": MOST_EARLIER,
        "least_earlier": LEAST_EARLIER,
        "next_steps": first_steps(),
    }
    return render(request, "tracker/campaign_list.html", {**context, **abilities(request)})


@require_safe
@may_read
def campaign_list_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The list as the URL searches, filters and sorts it, all of its pages."""
    campaigns = campaigns_asked(Asked.from_url(request.GET.dict()), now=timezone.now())
    return csv_download(request, campaign_rows(campaigns), "campaigns")
