"""One recipient: all campaigns and opens, and in one campaign why, with a person's own ruling."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.audit import Action, record
from campaigns.models import Campaign, Recipient
from tracker.judging.by_hand import RulingForm, decide, take_back
from tracker.models import Pixel, Ruling
from tracker.pages.access import may_manage, may_read
from tracker.reports.person import person_page
from tracker.reports.why import explanation_of
from tracker.verdicts import Verdict

AND_THE_OTHERS = gettext_lazy(
    "This recipient’s opens were judged again; all others that it applies to follow within minutes."
)


@require_safe
@may_read
def person(request: HttpRequest, recipient_id: int) -> HttpResponse:
    """Over all campaigns, so on the account's clock, not on one campaign's."""
    recipient = get_object_or_404(Recipient, pk=recipient_id)
    context = {
        "person": person_page(recipient, request.GET.dict()),
        "time_zone": settings.TIME_ZONE,
    }
    return render(request, "tracker/person.html", context)


@may_read
@require_http_methods(["GET", "HEAD", "POST"])
def recipient_opens(request: HttpRequest, campaign_id: int, pixel_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    pixels = Pixel.objects.of_recipients().with_state().select_related("campaign")
    pixel = get_object_or_404(pixels, pk=pixel_id, campaign=campaign)
    may_decide = request.user.has_perm("campaigns.change_campaign")
    form = RulingForm(pixel.pk, request.POST or None)
    if request.method == "POST":
        if not may_decide:
            raise PermissionDenied
        if form.is_valid():
            ruling = decide(form, request.user.pk)
            _record(Action.RULED, request, pixel, ruling)
            decided = gettext("Decided: %(ruling)s.") % {"ruling": ruling.shown}
            messages.success(request, f"{decided} {AND_THE_OTHERS}")
            return redirect("recipient_opens", campaign_id, pixel_id)
    context = {
        "campaign": pixel.campaign,
        "pixel": pixel,
        "explanation": explanation_of(pixel),
        "form": form,
        "may_decide": may_decide,
    }
    with timezone.override(pixel.campaign.zone):
        return render(request, "tracker/recipient_opens.html", context)


@require_POST
@may_manage
def ruling_delete(request: HttpRequest, campaign_id: int, pixel_id: int, ruling_id: int) -> Any:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    pixel = get_object_or_404(Pixel, pk=pixel_id, campaign=campaign)
    ruling = get_object_or_404(Ruling, pk=ruling_id, taken_back_at=None)
    _record(Action.RULING_TAKEN_BACK, request, pixel, ruling)
    take_back(ruling, pixel.pk)
    taken_back = gettext("Taken back.")
    messages.success(request, f"{taken_back} {AND_THE_OTHERS}")
    return redirect("recipient_opens", campaign_id, pixel_id)


def _record(action: Action, request: HttpRequest, pixel: Pixel, ruling: Ruling) -> None:
    """Which kind of thing it is about, and neither an address nor a note."""
    verdict = Verdict.of_number(ruling.verdict).value
    record(action, ruling, request.user, about=ruling.kind, verdict=verdict, pixel=pixel.pk)
