"""A simulation taken back from its campaign's report: the invented opens go, people's stay."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from campaigns.audit import Action, record
from campaigns.models import Campaign
from tracker.language import count
from tracker.pages.access import may_manage
from tracker.reports.totals import totals_of
from tracker.simulation.withdrawing import withdraw_whole


@require_POST
@may_manage
def campaign_simulation_withdraw(request: HttpRequest, campaign_id: int) -> HttpResponseRedirect:
    campaign = get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)
    if not totals_of(campaign).is_simulation:
        messages.warning(request, gettext("Nothing to take back: no open here is invented."))
        return redirect(campaign)
    gone = withdraw_whole(campaign)
    record(Action.CAMPAIGN_SIMULATED, campaign, request.user, withdrawn=gone)
    told = gettext("Invented opens taken back: %(number)s. The campaign counts as not sent.")
    messages.success(request, told % {"number": count(gone)})
    return redirect(campaign)
