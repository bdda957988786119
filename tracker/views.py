"""The pages of what came back: who may see them, what they are made of, which template."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.models import Campaign
from tracker.downloads import csv_download
from tracker.exports import campaign_rows, people_rows, snippet_rows
from tracker.judging.by_hand import RulingForm, decide, take_back
from tracker.models import Pixel, Ruling
from tracker.pixels import ensure_test_pixel, mark_sent
from tracker.reports.chart_page import chart_page
from tracker.reports.comparison import MOST_CAMPAIGNS, comparison_of
from tracker.reports.figures import figures_of
from tracker.reports.overview import overview_page
from tracker.reports.people import Query, people_page
from tracker.reports.totals import totals_of
from tracker.reports.why import explanation_of
from tracker.snippets import add_snippet

may_read = permission_required("tracker.view_report", raise_exception=True)
may_manage = permission_required("campaigns.change_campaign", raise_exception=True)

AND_THE_OTHERS = (
    "This recipient’s opens were judged again; others that it applies to follow with the next "
    "`manage.py rejudge`, new ones within minutes."
)
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@require_safe
@may_read
def campaign_list(request: HttpRequest) -> HttpResponse:
    overview = overview_page(request.GET.dict())
    context = {name: getattr(overview, name) for name in overview.__slots__}
    return render(request, "tracker/campaign_list.html", {**context, **_abilities(request)})


@require_safe
@may_read
def campaign_report(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)
    totals = totals_of(campaign)
    query = Query.from_url(request.GET.dict())
    chart = chart_page(campaign, request.GET.dict(), query)
    context = {
        "campaign": campaign,
        "totals": totals,
        "rates": totals.rates,
        "chart": chart.chart,
        "chart_links": chart.links,
        "by": chart.by,
        "is_opened_beyond_delivered": totals.unique_opens > totals.delivered,
        "is_sent": campaign.sent_at is not None,
        "last_opened_at": totals.last_opened_at,
        "people": people_page(campaign, totals, query, keep=chart.keep),
    }
    with timezone.override(campaign.zone):
        return render(request, "tracker/campaign_report.html", {**context, **_abilities(request)})


@require_safe
@may_read
def campaign_report_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    return csv_download(request, people_rows(campaign), f"report {campaign.pk} {campaign}")


@require_safe
@may_manage
def campaign_snippets(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)
    query = Query.from_url(request.GET.dict())
    people = people_page(campaign, totals_of(campaign), query, keep={})
    context = {
        "campaign": campaign,
        "people": people,
        "rows": [add_snippet(row) for row in people.rows],
        "test": add_snippet(ensure_test_pixel(campaign)),
        "public_url": settings.PUBLIC_URL,
        "is_public_url_local": urlsplit(settings.PUBLIC_URL).hostname in THIS_MACHINE,
    }
    with timezone.override(campaign.zone):
        return render(request, "tracker/campaign_snippets.html", context)


@require_safe
@may_manage
def campaign_snippets_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    return csv_download(request, snippet_rows(campaign), f"snippets {campaign.pk} {campaign}")


@require_POST
@may_manage
def campaign_mark_sent(request: HttpRequest, campaign_id: int) -> HttpResponseRedirect:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    marked = mark_sent(campaign, at=timezone.now())
    if marked:
        messages.success(request, f"Marked as sent: {marked:,}.")
    else:
        messages.warning(request, "Nothing to mark: there is no recipient left that is not sent.")
    return redirect(campaign)


@require_safe
@may_read
def campaign_list_csv(request: HttpRequest) -> StreamingHttpResponse:
    campaigns = Campaign.objects.select_related("counts").order_by("-pk")
    return csv_download(request, campaign_rows(campaigns), "campaigns")


@require_safe
@may_read
def campaign_figures(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)
    totals = totals_of(campaign)
    context = {"campaign": campaign, "totals": totals, "figures": list(figures_of(totals))}
    return render(request, "tracker/campaign_figures.html", context)


@require_safe
@may_read
def campaign_comparison(request: HttpRequest) -> HttpResponse:
    ids = [int(text) for text in request.GET.getlist("with") if text.isdecimal() and len(text) < 19]
    wanted = list(dict.fromkeys(ids))[:MOST_CAMPAIGNS]
    found = Campaign.objects.select_related("counts").in_bulk(wanted)
    comparison = comparison_of([found[pk] for pk in wanted if pk in found])
    return render(request, "tracker/campaign_comparison.html", {"comparison": comparison})


@may_read
@require_http_methods(["GET", "HEAD", "POST"])
def recipient_opens(request: HttpRequest, campaign_id: int, pixel_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    pixels = Pixel.objects.of_recipients().with_state().select_related("campaign")
    pixel = get_object_or_404(pixels, pk=pixel_id, campaign=campaign)
    may_decide = request.user.has_perm("campaigns.change_campaign")
    form = RulingForm(pixel.pk, request.POST or None)
    if request.method == "POST":
        if not may_decide:
            raise PermissionDenied
        if form.is_valid():
            ruling = decide(form, request.user.pk)
            messages.success(request, f"Decided: {ruling}. {AND_THE_OTHERS}")
            return redirect("recipient_opens", campaign_id, pixel_id)
    context = {
        "campaign": pixel.campaign,
        "pixel": pixel,
        "explanation": explanation_of(pixel),
        "form": form,
        "may_decide": may_decide,
    }
    with timezone.override(pixel.campaign.zone):
        return render(request, "tracker/recipient_opens.html", context)


@require_POST
@may_manage
def ruling_delete(request: HttpRequest, campaign_id: int, pixel_id: int, ruling_id: int) -> Any:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    pixel = get_object_or_404(Pixel, pk=pixel_id, campaign=campaign)
    take_back(get_object_or_404(Ruling, pk=ruling_id), pixel.pk)
    messages.success(request, f"Taken back. {AND_THE_OTHERS}")
    return redirect("recipient_opens", campaign_id, pixel_id)


def _abilities(request: HttpRequest) -> dict[str, bool]:
    """What the page offers; managing leads through the admin, which is for staff."""
    user = request.user
    return {"may_manage": user.is_staff and user.has_perm("campaigns.change_campaign")}
