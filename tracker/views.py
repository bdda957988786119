"""The pages of what came back, and the pixel as an ordinary view."""

from __future__ import annotations

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from tracker import metrics
from tracker.endpoint import GIF, HEADERS, METHODS, SUFFIX
from tracker.hits import Hit, HitReader, Outcome
from tracker.proxies import TrustedProxies
from tracker.snippets import configured_tokens
from tracker.writer import write_hits
logger = logging.getLogger("tracker.views")


@csrf_exempt
def pixel(request: HttpRequest, token: str) -> HttpResponse:
    """The same answer as ``tracker.endpoint`` gives: the specification of both, and what runs
    under WSGI and runserver."""
    outcome = _record(request, token)
    metrics.HITS[outcome].inc()
    if outcome is Outcome.METHOD:
        return HttpResponseNotAllowed(METHODS.split(", "))
    return HttpResponse(b"" if outcome is Outcome.HEAD else GIF, headers=HEADERS)


@csrf_exempt
def pixel_by_path(request: HttpRequest, token: str) -> HttpResponse:
    """Whatever else stands below /o/ gets the image as well."""
    return pixel(request, token.removesuffix(SUFFIX) if token.endswith(SUFFIX) else "")


def _record(request: HttpRequest, token: str) -> Outcome:
    """REMOTE_ADDR is the client's already: the middleware read X-Forwarded-For."""
    headers = {name.lower().encode(): value.encode("latin-1") for name, value in request.headers.items()}
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
