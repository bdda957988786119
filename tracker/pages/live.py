"""What an open report asks for every few seconds: the figures that moved, or that none did."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from campaigns.models import Campaign
from tracker.pages.known_readers import KnownReaders
from tracker.reports.chart_page import Choice
from tracker.reports.live import Shared, version_of
from tracker.reports.report_page import live_fragment

readers = KnownReaders()
# All who look at a campaign share one look at its counts, and one drawing of what they changed.
campaigns: Shared[int, Campaign] = Shared(seconds=1.5, most=1_000)
fragments: Shared[tuple[int, str], str] = Shared(seconds=60, most=200)


@require_safe
@login_not_required  # asked by KnownReaders instead, who need not read the session each time
def campaign_live(request: HttpRequest, campaign_id: int) -> HttpResponse:
    if (elsewhere := readers.turn_away(request)) is not None:
        return elsewhere
    campaign = campaigns.get(campaign_id, lambda: _campaign(campaign_id))
    choice = Choice.from_url(request.GET.dict())
    version = version_of(campaign, choice)
    etag = quote_etag(version)
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        key = (campaign_id, version)
        answer = HttpResponse(fragments.get(key, lambda: live_fragment(campaign, choice)))
    answer["ETag"] = etag
    # The page says itself which version it has: a cache in between would hide the 304 from it.
    answer["Cache-Control"] = "private, no-store"
    return answer


def _campaign(campaign_id: int) -> Campaign:
    """One query."""
    return get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)
