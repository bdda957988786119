"""A breakdown of one campaign as CSV: by provider, client, system, device or an attribute."""

from __future__ import annotations

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from campaigns.models import Campaign
from tracker.breakdowns.refresh import attributes_up_to_date
from tracker.downloads import csv_download
from tracker.models import Breakdown
from tracker.pages.access import may_read
from tracker.reports import by_attribute
from tracker.reports.breakdowns import breakdown_page, csv_rows
from tracker.reports.totals import totals_of


@require_safe
@may_read
def breakdown_csv(request: HttpRequest, campaign_id: int, kind: str) -> StreamingHttpResponse:
    if kind not in Breakdown.Kind.values:
        raise Http404(f"There is no breakdown by {kind}.")
    campaign = get_object_or_404(
        Campaign.objects.select_related("counts", "breakdowns", "end_marks"), pk=campaign_id
    )
    page = breakdown_page(campaign, totals_of(campaign))
    lines = page.tables[Breakdown.Kind(kind)].lines if page else ()
    return csv_download(
        request, csv_rows(Breakdown.Kind(kind), lines), f"{kind} {campaign.pk} {campaign}"
    )


@require_safe
@may_read
def attribute_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    """Of ?attribute=NAME; a name that is not broken down by is a header alone."""
    campaigns = Campaign.objects.select_related("counts", "breakdowns", "end_marks")
    campaign = get_object_or_404(campaigns, pk=campaign_id)
    asked = request.GET.get("attribute", "")
    attributes = attributes_up_to_date(campaign, totals_of(campaign))
    chosen = next((one for one in attributes if one["name"] == asked), None)
    title = f"attribute {asked} {campaign.pk} {campaign}"
    return csv_download(request, by_attribute.csv_rows(chosen), title)
