"""The overview's live part: whether tracking works, and today's opens."""

from __future__ import annotations

from hashlib import blake2b

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from tracker.reports.pulse import pulse_at, today_at


@login_not_required
@require_safe
def campaign_pulse(request: HttpRequest) -> HttpResponse:
    """A piece of the page. Unchanged since the last request it costs one query and no body.

    A page that is left open outlives its session: what asks again in its name gets an error,
    which the page ignores, and no form to log in, which it would show in place of this.
    """
    if not request.user.has_perm("tracker.view_report"):
        raise Http404
    now = timezone.now()
    pulse = pulse_at(now)
    etag = f'"{blake2b(pulse.version.encode(), digest_size=12).hexdigest()}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        context = {"pulse": pulse, "today": today_at(now)}
        response = render(request, "tracker/_pulse.html", context)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response
