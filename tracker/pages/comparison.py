"""Campaigns side by side: the table, the sentence, and their curves from the moment of sending."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import override
from django.views.decorators.http import require_safe

from tracker.downloads import csv_download
from tracker.pages.access import may_read
from tracker.reports.comparison import MOST_CAMPAIGNS, Comparison, comparison_asked
from tracker.reports.curve_chart import chart_of
from tracker.reports.curves import REACHES, curve_rows, curves_of, reach_asked, table_of


@require_safe
@may_read
def campaign_comparison(request: HttpRequest) -> HttpResponse:
    comparison = comparison_asked(request.GET.getlist("with"))
    reach = reach_asked(request.GET.get("hours", ""))
    curves = curves_of(comparison.rows, reach=reach, now=timezone.now())
    context = {
        "comparison": comparison,
        "curves": curves,
        "chart": chart_of(curves, reach=reach),
        "table": table_of(curves, reach=reach),
        "reaches": [
            (str(label), _query(comparison, hours), hours == reach)
            for hours, label in REACHES.items()
        ],
        "query": _query(comparison, reach),
        "most_campaigns": MOST_CAMPAIGNS,
    }
    return render(request, "tracker/campaign_comparison.html", context)


@require_safe
@may_read
def curves_csv(request: HttpRequest) -> StreamingHttpResponse:
    with override("en"):  # names of columns are the same for every reader
        comparison = comparison_asked(request.GET.getlist("with"))
    reach = reach_asked(request.GET.get("hours", ""))
    curves = curves_of(comparison.rows, reach=reach, now=timezone.now())
    return csv_download(request, curve_rows(curves), f"comparison {reach} hours")


def _query(comparison: Comparison, hours: int) -> str:
    chosen = [("with", str(row.campaign.pk)) for row in comparison.rows]
    return "?" + urlencode([*chosen, ("hours", str(hours))])
