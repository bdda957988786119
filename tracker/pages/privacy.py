"""A recipient's own page, public behind a signed link: what is kept about them, their choice."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import cache, wraps
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.audit import Action, Source, kind_of, record
from campaigns.models import AuditEntry, Consent, Recipient, Tracking
from campaigns.remains import clear_remains
from tracker.ceiling import Ceiling, Place
from tracker.consent import choose
from tracker.persons.export import for_themselves
from tracker.privacy_links import privacy_tokens
from tracker.reports.privacy import kept_about

logger = logging.getLogger("tracker.pages")

View = Callable[[HttpRequest, str], HttpResponse]

# After so long the page is worth another try.
AWAY_SECONDS = 60
# Looks a minute and process, choices and copies an hour: more than anyone needs.
LOOKS = 60
CHOICES = 20
COPIES = 10
PROOF = "Chosen on the page that only the link in their own mail opens."


@cache
def looks() -> Ceiling:
    return Ceiling(LOOKS)


def _says_when_away(view: View) -> View:
    """Whoever made a choice is told that it was not saved, and not only that something broke.

    A choice is saved in one transaction or not at all, and nothing that comes after it fails so.
    """

    @wraps(view)
    def answer(request: HttpRequest, token: str) -> HttpResponse:
        try:
            return view(request, token)
        except (OperationalError, InterfaceError) as error:
            logger.warning("a recipient's page was not shown, the database is away: %s", error)
            return _away(request)

    return answer


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@_says_when_away
def privacy(request: HttpRequest, token: str) -> HttpResponse:
    """Only a POST changes anything: scanners and previews follow every link with GET."""
    recipient_id = privacy_tokens().read(token)
    recipient = None
    if recipient_id is not None:
        if looks().place(recipient_id, _now()) is Place.ABOVE:
            return _page(request, HTTPStatus.TOO_MANY_REQUESTS)
        recipient = Recipient.objects.filter(pk=recipient_id).first()
    if recipient is None:
        return _page(request, HTTPStatus.NOT_FOUND)
    if recipient.erased_at is not None:
        # There is nobody left who could choose.
        gone = request.method == "POST"
        return _page(request, HTTPStatus.GONE if gone else HTTPStatus.OK, is_erased=True)
    if request.method == "POST":
        return _chosen(request, recipient, token)
    context = {
        "recipient": recipient,
        "kept": kept_about(recipient),
        "token": token,
        "is_saved": request.GET.get("saved") == "1",
    }
    return _page(request, HTTPStatus.OK, **context)


@login_not_required
@never_cache
@require_POST
@_says_when_away
def privacy_copy(request: HttpRequest, token: str) -> HttpResponse:
    """Everything about them as a file. Asked for by a button: whoever follows links gets nothing,
    and the log holds what people did, not scanners."""
    recipient_id = privacy_tokens().read(token)
    recipient = None
    if recipient_id is not None:
        recipient = Recipient.objects.filter(pk=recipient_id, erased_at=None).first()
    if recipient is None:
        return _page(request, HTTPStatus.NOT_FOUND)
    lately = AuditEntry.objects.about(kind_of(recipient), recipient.pk).filter(
        action=Action.OWN_COPY_TAKEN, at__gt=timezone.now() - timedelta(hours=1)
    )
    if lately.count() >= COPIES:
        return _page(request, HTTPStatus.TOO_MANY_REQUESTS)
    record(Action.OWN_COPY_TAKEN, recipient, None, source=Source.PAGE)
    text = json.dumps(for_themselves(recipient), ensure_ascii=False, indent=2)
    answer = HttpResponse(text, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="what-is-kept-about-me.json"'
    return _private(answer)


def _chosen(request: HttpRequest, recipient: Recipient, token: str) -> HttpResponse:
    tracking = request.POST.get("tracking", "")
    if tracking not in Tracking.values:
        context = {"recipient": recipient, "kept": kept_about(recipient), "token": token}
        return _page(request, HTTPStatus.BAD_REQUEST, is_unclear=True, **context)
    lately = Consent.objects.filter(
        recipient=recipient,
        source=Consent.Source.PAGE,
        at__gt=timezone.now() - timedelta(hours=1),
    )
    if lately.count() >= CHOICES:
        return _page(request, HTTPStatus.TOO_MANY_REQUESTS)
    if recipient.tracking != tracking:
        choose(recipient, tracking, source=Consent.Source.PAGE, proof=PROOF)
        clear_remains()
    return _private(redirect(f"{request.path}?saved=1"))


def _away(request: HttpRequest) -> HttpResponse:
    # The page would ask the database who is logged in, and what they are to be told.
    request.user = AnonymousUser()
    if hasattr(request, "_messages"):
        del request._messages
    is_choice = request.method == "POST" and "tracking" in request.POST
    answer = _page(request, HTTPStatus.SERVICE_UNAVAILABLE, is_choice=is_choice)
    answer["Retry-After"] = str(AWAY_SECONDS)
    return answer


def _page(request: HttpRequest, status: HTTPStatus, **context: object) -> HttpResponse:
    context |= {
        "is_unknown": status == HTTPStatus.NOT_FOUND,
        "is_away": status == HTTPStatus.SERVICE_UNAVAILABLE,
        "is_too_often": status == HTTPStatus.TOO_MANY_REQUESTS,
        "keep_address": settings.KEEP_ADDRESS,
        "keep_agent": settings.KEEP_AGENT,
        "time_zone": settings.TIME_ZONE,
    }
    return _private(render(request, "tracker/privacy.html", context, status=status))


def _private(answer: HttpResponse) -> HttpResponse:
    """For nobody's cache or index, and told to no other site."""
    answer["Cache-Control"] = "no-store, private"
    answer["X-Robots-Tag"] = "noindex, nofollow"
    answer["Referrer-Policy"] = "same-origin"
    return answer


def _now() -> int:
    return int(timezone.now().timestamp() * 1_000_000)
