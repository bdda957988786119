"""Recipients found by address, from the field in the bar of every page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from tracker.pages.access import may_read
from tracker.reports.recipient_search import find_recipients


@require_safe
@may_read
def recipient_search(request: HttpRequest) -> HttpResponse:
    found = find_recipients(request.GET.get("q", ""))
    if found.exact is not None:
        return redirect("person", found.exact.pk)
    return render(request, "tracker/recipient_search.html", {"found": found})
