"""A campaign's links for people without an account: made, listed, revoked."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.audit import Action, record
from campaigns.models import Campaign
from tracker.models import SharedReport
from tracker.pages.access import may_manage
from tracker.sharing.forms import NewPasswordForm, ShareForm
from tracker.sharing.links import revoke, set_password, share, url_of

# The newest; older ones have ended long ago.
LISTED = 200


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@may_manage
def campaign_shares(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """A new link is in the answer to its form and nowhere else: no redirect could carry it
    without storing the secret."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    now = timezone.now()
    form = ShareForm(campaign.zone, now, request.POST or None)
    made, url = None, ""
    if request.method == "POST" and form.is_valid():
        made, secret = share(
            campaign,
            label=form.cleaned_data["label"],
            expires_at=form.cleaned_data["expires_at"],
            password=form.cleaned_data["password"],
            user_id=request.user.pk,
            at=now,
        )
        record(
            Action.REPORT_SHARED,
            campaign,
            request.user,
            link=made.pk,
            with_password=bool(made.password),
        )
        url = url_of(secret)
        form = ShareForm(campaign.zone, now)
    context = {"campaign": campaign, "form": form, "made": made, "url": url}
    with timezone.override(campaign.zone):
        return render(
            request, "tracker/campaign_shares.html", {**context, "shares": _listed(campaign, now)}
        )


def _listed(campaign: Campaign, at: datetime) -> list[tuple[SharedReport, SharedReport.State]]:
    shares = SharedReport.objects.filter(campaign=campaign).select_related("created_by")
    return [(shared, shared.state(at=at)) for shared in shares.order_by("-pk")[:LISTED]]


def _of_campaign(campaign_id: int, share_id: int) -> SharedReport:
    shares = SharedReport.objects.select_related("campaign")
    return get_object_or_404(shares, pk=share_id, campaign=campaign_id)


@require_POST
@may_manage
def share_revoke(request: HttpRequest, campaign_id: int, share_id: int) -> HttpResponseRedirect:
    shared = _of_campaign(campaign_id, share_id)
    words = {"label": shared.label}
    if revoke(shared, at=timezone.now()):
        record(Action.SHARE_REVOKED, shared.campaign, request.user, link=shared.pk)
        messages.success(
            request, gettext("Revoked: the link “%(label)s” shows nothing any more.") % words
        )
    else:
        messages.info(request, gettext("The link “%(label)s” was revoked already.") % words)
    return redirect("campaign_shares", campaign_id)


@require_POST
@may_manage
def share_password(request: HttpRequest, campaign_id: int, share_id: int) -> HttpResponseRedirect:
    shared = _of_campaign(campaign_id, share_id)
    form = NewPasswordForm(request.POST)
    words = {"label": shared.label}
    if not form.is_valid():
        reason = " ".join(str(error) for errors in form.errors.values() for error in errors)
        messages.error(
            request,
            gettext("The password of “%(label)s” was not changed. %(reason)s")
            % {**words, "reason": reason},
        )
    else:
        set_password(shared, form.cleaned_data["password"])
        record(
            Action.SHARE_CHANGED,
            shared.campaign,
            request.user,
            link=shared.pk,
            with_password=bool(shared.password),
        )
        if shared.password:
            messages.success(
                request, gettext("“%(label)s” has a new password; the old one is void.") % words
            )
        else:
            messages.success(request, gettext("“%(label)s” needs no password any more.") % words)
    return redirect("campaign_shares", campaign_id)
