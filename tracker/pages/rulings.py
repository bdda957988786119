"""Everything that people have decided about opens: who, when, why, how far it reaches."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.audit import Action, record
from tracker.judging.by_hand import NetworkRulingForm, decide_about_network, take_back
from tracker.models import Ruling
from tracker.pages.access import may_manage
from tracker.verdicts import Verdict

# More are not looked through by anybody; a ruling is made by hand.
SHOWN = 500
THEY_FOLLOW = gettext_lazy("All opens that it applies to follow within minutes.")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@may_manage
def ruling_list(request: HttpRequest) -> HttpResponse:
    form = NetworkRulingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        ruling = decide_about_network(form, request.user.pk)
        _record(Action.RULED, request, ruling)
        decided = gettext("Decided: %(ruling)s.") % {"ruling": ruling.shown}
        messages.success(request, f"{decided} {THEY_FOLLOW}")
        return redirect("rulings")
    held = Ruling.objects.filter(taken_back_at=None)
    rows = held.select_related("set_by", "user_agent", "open__pixel__recipient").order_by("-pk")
    context = {
        "form": form,
        "rulings": list(rows[:SHOWN]),
        "all": held.count(),
        "taken_back": Ruling.objects.exclude(taken_back_at=None).count(),
    }
    return render(request, "tracker/rulings.html", context, status=400 if form.errors else 200)


@require_POST
@may_manage
def ruling_take_back(request: HttpRequest, ruling_id: int) -> HttpResponseRedirect:
    held = Ruling.objects.filter(taken_back_at=None).select_related("open")
    ruling = get_object_or_404(held, pk=ruling_id)
    _record(Action.RULING_TAKEN_BACK, request, ruling)
    take_back(ruling, ruling.open.pixel_id if ruling.open else None)
    taken_back = gettext("Taken back.")
    messages.success(request, f"{taken_back} {THEY_FOLLOW}")
    return redirect("rulings")


def _record(action: Action, request: HttpRequest, ruling: Ruling) -> None:
    """Which kind of thing it is about, and neither an address nor a note."""
    verdict = Verdict.of_number(ruling.verdict).value
    record(action, ruling, request.user, about=ruling.kind, verdict=verdict)
