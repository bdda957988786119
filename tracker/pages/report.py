"""One campaign's report, its definitions, and its people as CSV."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from campaigns.audit import Action, record
from campaigns.models import Campaign
from tracker.downloads import csv_download
from tracker.end_marks import end_marks_of
from tracker.exports import people_rows
from tracker.list_misses import missed_of, with_missed
from tracker.pages.access import abilities, may_read
from tracker.pages.long_files import is_long
from tracker.pixels import is_anybody_unsent
from tracker.reports.breakdowns import breakdown_page
from tracker.reports.by_attribute import attribute_table
from tracker.reports.chart_page import Choice
from tracker.reports.figures import figures_of
from tracker.reports.live import version_of
from tracker.reports.next_steps import next_steps
from tracker.reports.people import Query, people_page
from tracker.reports.report_page import moving_parts
from tracker.reports.series import with_ends
from tracker.reports.silence import silence_of
from tracker.reports.totals import totals_of
from tracker.reports.usual import trend_against_the_usual


@require_safe
@may_read
def campaign_report(request: HttpRequest, campaign_id: int) -> HttpResponse:
    with_sums = with_ends(
        with_missed(Campaign.objects.select_related("counts", "breakdowns", "end_marks"))
    )
    campaign = get_object_or_404(with_sums, pk=campaign_id)
    parameters = request.GET.dict()
    query = Query.from_url(parameters)
    now = timezone.now()
    parts = moving_parts(campaign, Choice.from_url(parameters), query, now=now)
    totals = totals_of(campaign)
    silence = silence_of(campaign, totals)
    context = {
        **parts.context,
        "is_anybody_unsent": is_anybody_unsent(campaign, totals),
        "live_query": parts.choice.query,
        "version": version_of(campaign, parts.choice),
        "breakdowns": breakdown_page(campaign, totals) if totals.opens else None,
        "by_attribute": attribute_table(
            campaign, totals, query.attribute, keep=query.parameters(parts.keep)
        ),
        "people": people_page(campaign, totals, query, keep=parts.keep),
        "silence": silence,
        "trend": trend_against_the_usual(campaign, totals, now=now),
        "missed": missed_of(campaign),
        "is_long": is_long(totals.recipients),
        "next_steps": [] if silence else next_steps(campaign, totals),
    }
    with timezone.override(campaign.zone):
        return render(request, "tracker/campaign_report.html", {**context, **abilities(request)})


@require_safe
@may_read
def campaign_report_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if request.method == "GET":
        record(Action.REPORT_TAKEN, campaign, request.user)
    return csv_download(request, people_rows(campaign), f"report {campaign.pk} {campaign}")


@require_safe
@may_read
def campaign_figures(request: HttpRequest, campaign_id: int) -> HttpResponse:
    with_sums = Campaign.objects.select_related("counts", "breakdowns", "end_marks")
    campaign = get_object_or_404(with_sums, pk=campaign_id)
    totals = totals_of(campaign)
    # Only a campaign with end marks has to be broken down for a figure.
    page = breakdown_page(campaign, totals) if end_marks_of(campaign) else None
    figures = list(figures_of(totals, page.clipping if page else None))
    context = {"campaign": campaign, "totals": totals, "figures": figures}
    return render(request, "tracker/campaign_figures.html", context)
