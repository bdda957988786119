"""For machines that watch: is the process alive, can it record, what has it counted."""

from __future__ import annotations

import hmac
from contextlib import closing
from datetime import UTC
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DEFAULT_DB_ALIAS, Error
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tracker import metrics
from tracker.judging.refresh import network_ages
from tracker.spool import LEAST_ROOM, Spool
from tracker.writer.base import private_connection

LAST_RECOUNT = "SELECT drift, counted_at FROM tracker_recount ORDER BY id DESC LIMIT 1"


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
    is_reachable = takes_writes()
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
        # Seconds since each list of networks was refreshed; none: the built-in ranges judge.
        "networks": {
            publisher: None if age is None else round(age)
            for publisher, age in network_ages(Path(settings.NETWORKS_DIR)).items()
        },
    }
    return JsonResponse(state, status=200 if is_ready else 503)


def takes_writes() -> bool:
    """Whether the database would take a hit now; asked on a connection that waits for no pool.

    SQLite can always be read, so there the question is whether another writer blocks it.
    """
    with closing(private_connection(DEFAULT_DB_ALIAS)) as connection:
        try:
            with connection.cursor() as cursor:
                if connection.vendor == "sqlite":
                    cursor.execute("PRAGMA busy_timeout = 1000")
                    cursor.execute("BEGIN IMMEDIATE")
                    cursor.execute("ROLLBACK")
                else:
                    cursor.execute("SELECT 1")
        except Error:
            return False
    return True


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
    with closing(private_connection(DEFAULT_DB_ALIAS)) as connection:
        try:
            with connection.cursor() as cursor:
                cursor.execute(LAST_RECOUNT)
                last = cursor.fetchone()
        except Error:
            return {}
    if last is None:
        return {}
    drift, counted_at = last
    moment = counted_at.replace(tzinfo=UTC) if counted_at.tzinfo is None else counted_at
    return {
        "glimpse_drift": ("Counts that the last recount found off.", drift),
        "glimpse_recount_age_seconds": (
            "Time since the last recount.",
            (timezone.now() - moment).total_seconds(),
        ),
    }


def may_read_metrics(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected = settings.METRICS_TOKEN
    if expected and scheme.lower() == "bearer":
        return hmac.compare_digest(token.encode(), expected.encode())
    return bool(request.user.is_superuser)
