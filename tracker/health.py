"""For machines that watch: is the process alive, can it record, what has it counted."""

from __future__ import annotations

import hmac
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tracker import metrics
from tracker.models import Recount
from tracker.spool import LEAST_ROOM, Spool


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when a hit would be kept now, in the database or in the spool; 503 when not."""
    is_reachable = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        is_reachable = False
    spool = Spool(Path(settings.SPOOL_DIR))
    waiting, room = spool.waiting(), spool.room()
    is_writable = room >= LEAST_ROOM
    is_ready = is_reachable or is_writable
    state = {
        "ready": is_ready,
        "database": "reachable" if is_reachable else "unreachable",
        "spool": {
            "empty": waiting.files == 0,
            "writable": is_writable,
            "room_bytes": room,
            "bytes": waiting.bytes,
            "oldest_seconds": round(waiting.oldest_seconds, 1),
            "refused_bytes": waiting.refused_bytes,
        },
    }
    return JsonResponse(state, status=200 if is_ready else 503)


@login_not_required
@never_cache
@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """For METRICS_TOKEN as a bearer token, or an administrator; to others it does not exist."""
    if not may_read_metrics(request):
        raise Http404
    spool = Spool(Path(settings.SPOOL_DIR))
    gauges = metrics.spool_gauges(spool.waiting(), spool.room()) | drift_gauges()
    return HttpResponse(metrics.exposition(gauges), content_type="text/plain; version=0.0.4")


def drift_gauges() -> metrics.Gauges:
    """What the last ``verify_counts`` found, if it ever ran and the database answers."""
    try:
        last = Recount.objects.order_by("pk").last()
    except Error:
        return {}
    if last is None:
        return {}
    return {
        "glimpse_drift": ("Counts that the last recount found off.", last.drift),
        "glimpse_recount_age_seconds": (
            "Time since the last recount.",
            (timezone.now() - last.counted_at).total_seconds(),
        ),
    }


def may_read_metrics(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected = settings.METRICS_TOKEN
    if expected and scheme.lower() == "bearer":
        return hmac.compare_digest(token.encode(), expected.encode())
    return bool(request.user.is_superuser)
