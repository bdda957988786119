"""A form that was sent without what proves that its page came from here: what to do about it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# How Django begins its reasons when the form stood on a page at another address.
FROM_ELSEWHERE = ("Origin checking failed", "Referer checking failed")


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    context = {
        "is_from_elsewhere": reason.startswith(FROM_ELSEWHERE),
        "public_url": settings.PUBLIC_URL,
    }
    return render(request, "403_csrf.html", context, status=403)
