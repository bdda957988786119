"""The pages of what came back, and the pixel as an ordinary view."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from urllib.parse import urlencode, urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, permission_required
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from campaigns.models import Campaign
from tracker import exports, metrics
from tracker.charts import lay_out
from tracker.clients import client_name
from tracker.endpoint import GIF, HEADERS, METHODS, SUFFIX
from tracker.hits import Hit, HitReader, Outcome
from tracker.models import CampaignCounts
from tracker.pixels import ensure_test_pixel, mark_sent
from tracker.proxies import TrustedProxies
from tracker.reports.people import Query, people_page
from tracker.reports.series import series_of
from tracker.reports.totals import campaigns_with_counts, last_opened_at, totals_of
from tracker.snippets import configured_tokens, pixel_url, snippet
from tracker.writer import write_hits

logger = logging.getLogger("tracker.views")

CAMPAIGNS = 50
may_read = permission_required("tracker.view_report", raise_exception=True)
may_manage = permission_required("campaigns.change_campaign", raise_exception=True)


@csrf_exempt
@login_not_required
def pixel(request: HttpRequest, token: str) -> HttpResponse:
    """The same answer as ``tracker.endpoint`` gives: the specification of both, and what runs
    under WSGI and runserver."""
    outcome = _record(request, token)
    metrics.HITS[outcome].inc()
    if outcome is Outcome.METHOD:
        return HttpResponseNotAllowed(METHODS.split(", "))
    return HttpResponse(b"" if outcome is Outcome.HEAD else GIF, headers=HEADERS)


@csrf_exempt
@login_not_required
def pixel_by_path(request: HttpRequest, path: str) -> HttpResponse:
    """Whatever else stands below /o/ gets the image as well."""
    return pixel(request, path.removesuffix(SUFFIX) if path.endswith(SUFFIX) else "")


def _record(request: HttpRequest, token: str) -> Outcome:
    """REMOTE_ADDR is the client's already: the middleware read X-Forwarded-For."""
    headers = {
        name.lower().encode(): value.encode("latin-1", "replace")
        for name, value in request.headers.items()
    }
    reader = HitReader(configured_tokens(), TrustedProxies())
    hit = reader.read(request.method or "", token, headers, peer=request.META.get("REMOTE_ADDR"))
    if not isinstance(hit, Hit):
        return hit
    try:
        write_hits([hit])
    except Exception:
        logger.exception("a hit is lost")
        return Outcome.LOST
    return Outcome.RECORDED


@require_safe
@may_read
def campaign_list(request: HttpRequest) -> HttpResponse:
    is_archive = request.GET.get("archived") == "1"
    words = request.GET.get("q", "").replace("\x00", "").strip()
    campaigns = campaigns_with_counts()
    campaigns = campaigns.archived() if is_archive else campaigns.active()
    if words:
        campaigns = campaigns.filter(name__icontains=words)
    keep = {"archived": "1" if is_archive else "", "q": words}
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        campaigns = campaigns.filter(pk__lt=int(before))
    page = list(campaigns.order_by("-pk")[: CAMPAIGNS + 1])
    older = page[CAMPAIGNS - 1].pk if len(page) > CAMPAIGNS else None
    page = page[:CAMPAIGNS]
    for campaign in page:
        campaign.totals = totals_of(campaign)  # type: ignore[attr-defined]  # for the template
    context = {
        "campaigns": page,
        "is_archive": is_archive,
        "query": words,
        "older_url": _url(keep, before=str(older)) if older else None,
        "first_url": _url(keep) if before else None,
        "may_manage": request.user.has_perm("campaigns.change_campaign"),
    }
    return render(request, "tracker/campaign_list.html", context)


@require_safe
@may_read
def campaign_report(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(campaigns_with_counts(), pk=campaign_id)
    totals = totals_of(campaign)
    by = "day" if request.GET.get("by") == "day" else "hour"
    window = request.GET.get("window", "")
    series = series_of(campaign, by=by, window=int(window[:6]) if window.isdecimal() else 0)
    shown_window = str(series.window) if series and series.window else ""
    keep = {"by": by if by != "hour" else "", "window": shown_window}
    query = Query.from_url(request.GET.dict())
    context = {
        "campaign": campaign,
        "totals": totals,
        "by": by,
        "chart": lay_out(series.points, by=by, sent_at=campaign.sent_at) if series else None,
        "chart_links": {
            "hour_url": query.chart_url(),
            "day_url": query.chart_url(by="day"),
            "earlier_url": query.chart_url(by=keep["by"], window=str(series.window - 1))
            if series and series.earlier
            else None,
            "later_url": query.chart_url(by=keep["by"], window=str(series.window + 1))
            if series and series.later
            else None,
        },
        "is_opened_beyond_delivered": totals.unique_opens > totals.delivered,
        "is_sent": campaign.sent_at is not None,
        "last_opened_at": last_opened_at(campaign),
        "may_manage": request.user.has_perm("campaigns.change_campaign"),
        "people": people_page(campaign, totals, query, keep=keep),
    }
    with timezone.override(campaign.zone):
        return render(request, "tracker/campaign_report.html", context)


@require_safe
@may_read
def campaign_report_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    return _csv(request, exports.people_rows(campaign), f"report {campaign.pk} {campaign.name}")


@require_safe
@may_manage
def campaign_snippets(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(campaigns_with_counts(), pk=campaign_id)
    people = people_page(
        campaign, totals_of(campaign), Query.from_url(request.GET.dict()), keep={}
    )
    for row in people.rows:
        row.snippet = snippet(row.pk)  # type: ignore[attr-defined]  # for the template
        row.pixel_url = pixel_url(row.pk)  # type: ignore[attr-defined]
    test = ensure_test_pixel(campaign)
    test.snippet = snippet(test.pk)  # type: ignore[attr-defined]
    test.pixel_url = pixel_url(test.pk)  # type: ignore[attr-defined]
    test.client = client_name(test.last_user_agent.text) if test.last_user_agent else ""  # type: ignore[attr-defined]
    context = {
        "campaign": campaign,
        "people": people,
        "test": test,
        "public_url": settings.PUBLIC_URL,
        "is_public_url_local": urlsplit(settings.PUBLIC_URL).hostname
        in ("localhost", "127.0.0.1", "::1"),
    }
    with timezone.override(campaign.zone):
        return render(request, "tracker/campaign_snippets.html", context)


@require_safe
@may_manage
def campaign_snippets_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    return _csv(request, exports.snippet_rows(campaign), f"snippets {campaign.pk} {campaign.name}")


@require_POST
@may_manage
def campaign_mark_sent(request: HttpRequest, campaign_id: int) -> HttpResponseRedirect:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    marked = mark_sent(campaign, at=timezone.now())
    if marked:
        messages.success(request, f"Marked as sent to {marked:,} recipients.")
    else:
        messages.warning(request, "Nothing to mark: import recipients first.")
    return redirect(campaign)


def _url(keep: dict[str, str], **more: str) -> str:
    return "?" + urlencode({name: value for name, value in {**keep, **more}.items() if value})


def _csv(
    request: HttpRequest, rows: Iterable[tuple[str, ...]], title: str
) -> StreamingHttpResponse:
    # The mark in front tells Excel that this is UTF-8.
    blocks = _with_mark(exports.csv_blocks(rows))
    content = _in_thread(blocks) if isinstance(request, ASGIRequest) else blocks
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80]
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _with_mark(blocks: Iterator[str]) -> Iterator[str]:
    yield "\ufeff"
    yield from blocks


async def _in_thread(blocks: Iterator[str]) -> AsyncIterator[str]:
    """Django would collect an ordinary iterator in memory before it sends the first byte."""
    while (block := await sync_to_async(next)(blocks, None)) is not None:
        yield block
