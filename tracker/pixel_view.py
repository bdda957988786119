"""The pixel as an ordinary Django view: the specification of the endpoint, and its stand-in.

Under ``runserver``, WSGI and the test client hits come here; one table of cases tests both.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from tracker import metrics
from tracker.ceiling import Ceiling
from tracker.end_snippets import configured_ends
from tracker.endpoint import GIF, HEADERS, METHODS, SUFFIX
from tracker.hits import Hit, HitReader, Outcome, Signals
from tracker.list_hits import PREFIX
from tracker.list_misses import keep_misses
from tracker.list_snippets import configured_lists
from tracker.proxies import TrustedProxies
from tracker.snippets import configured_tokens
from tracker.spool import Spool
from tracker.writer import write_hits

logger = logging.getLogger("tracker.pixel_view")


@cache
def process_ceiling() -> Ceiling:
    """The one of this process: it counts from request to request."""
    return Ceiling(settings.PIXEL_CEILING)


@csrf_exempt
@login_not_required
def pixel(request: HttpRequest, token: str) -> HttpResponse:
    outcome = _outcome(request, token)
    metrics.HITS[outcome].inc()
    if outcome is Outcome.METHOD:
        return HttpResponseNotAllowed(METHODS.split(", "))
    return HttpResponse(b"" if outcome is Outcome.HEAD else GIF, headers=HEADERS)


@csrf_exempt
@login_not_required
def pixel_by_path(request: HttpRequest, path: str) -> HttpResponse:
    """Whatever else stands below /o/ gets the image as well."""
    return pixel(request, path.removesuffix(SUFFIX) if path.endswith(SUFFIX) else "")


@csrf_exempt
@login_not_required
def pixel_of_list(request: HttpRequest, token: str) -> HttpResponse:
    answer = pixel(request, f"{PREFIX}{token}")
    try:
        # Beside the production server no thread does it.
        keep_misses()
    except Exception as error:
        logger.info("misses of a list snippet wait: %s", error)
    return answer


def _outcome(request: HttpRequest, token: str) -> Outcome:
    headers = {
        name.lower().encode(): value.encode("latin-1", "replace")
        for name, value in request.headers.items()
    }
    # REMOTE_ADDR is the client's already: the middleware has read X-Forwarded-For.
    reader = HitReader(
        configured_tokens(),
        TrustedProxies(),
        process_ceiling(),
        Signals(settings.PRIVACY_SIGNALS),
        configured_lists(),
        configured_ends(),
    )
    hit = reader.read(
        request.method or "",
        token,
        headers,
        peer=request.META.get("REMOTE_ADDR"),
        query=_query(request),
    )
    if not isinstance(hit, Hit):
        return hit
    try:
        write_hits([hit])
    except Exception as error:
        logger.error("a hit goes to the spool: %s", error)
        return _spooled(hit)
    return Outcome.RECORDED


def _query(request: HttpRequest) -> bytes:
    """As it was sent, or in UTF-8 where Django has decoded it."""
    text: str = request.META.get("QUERY_STRING", "")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _spooled(hit: Hit) -> Outcome:
    """Any ``serve`` process on this machine replays it, or ``manage.py spool --replay``."""
    spool = Spool(Path(settings.SPOOL_DIR))
    try:
        spool.append([hit])
    except OSError:
        logger.exception("a hit is lost")
        return Outcome.LOST
    finally:
        spool.release()
    return Outcome.SPOOLED
