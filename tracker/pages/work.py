"""Long work: asked for, watched, left and returned to, cancelled, and what became of it."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
)
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.audit import Action, record
from campaigns.imports.files import place
from campaigns.models import Campaign
from tracker.downloads import text_download
from tracker.judging.long_walk import by_campaign
from tracker.models import Work
from tracker.pages.long_files import AskedFile, named
from tracker.reports.totals import totals_of
from tracker.reports.work import work_rows
from tracker.work import files
from tracker.work.begin import begin, cancel
from tracker.work.kinds import PERMISSIONS, kinds_for
from tracker.work.lease import is_worked_on
from tracker.work.progress import WorkProgress

# Campaigns whose verdicts are shown one by one.
SHOWN_CAMPAIGNS = 50

may_rejudge = permission_required(PERMISSIONS[Work.Kind.REJUDGE], raise_exception=True)


class RejudgeForm(forms.Form):
    """``form_id`` tells one form from the next."""

    campaign = forms.ModelChoiceField(
        Campaign.objects.all(), required=False, widget=forms.HiddenInput
    )
    form_id = forms.RegexField(
        re.compile(r"[0-9a-f]{32}\Z"),
        widget=forms.HiddenInput,
        initial=lambda: secrets.token_hex(16),
    )


class PrepareForm(forms.Form):
    form_id = RejudgeForm.base_fields["form_id"]


@require_safe
@never_cache
def work_list(request: HttpRequest) -> HttpResponse:
    kinds = kinds_for(request.user)
    if not kinds:
        raise PermissionDenied
    with_imports = request.user.is_staff and request.user.has_perms(
        ["campaigns.change_campaign", "campaigns.add_recipient"]
    )
    context = {
        "rows": work_rows(kinds, with_imports=with_imports),
        "may_rejudge": Work.Kind.REJUDGE in kinds,
    }
    return render(request, "tracker/work_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@may_rejudge
def work_rejudge(request: HttpRequest) -> HttpResponse:
    """Sent twice, the form leads twice to the one work that it asked for."""
    if request.method != "POST":
        asked = request.GET.get("campaign", "")
        campaign = None
        if asked:
            campaign = get_object_or_404(
                Campaign, pk=asked if re.fullmatch("[0-9]{1,18}", asked) else 0
            )
        form = RejudgeForm(initial={"campaign": campaign})
        return render(request, "tracker/work_rejudge.html", {"form": form, "campaign": campaign})
    form = RejudgeForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("This form is not from the page about judging again.")
    campaign, is_trial = form.cleaned_data["campaign"], "trial" in request.POST
    work, is_new = begin(
        Work.Kind.REJUDGE,
        form_id=form.cleaned_data["form_id"],
        campaign=campaign,
        by=request.user.pk,
        is_trial=is_trial,
    )
    if is_new and not is_trial:
        record(Action.REJUDGED, campaign, request.user)
    return redirect(work)


@require_safe
@never_cache
def work_page(request: HttpRequest, work_id: int) -> HttpResponse:
    work = _found(request, work_id)
    context = _now(work)
    if work.kind == Work.Kind.REJUDGE and work.is_over:
        campaigns = by_campaign(work.result)
        changed = [one for one in campaigns if one.is_changed]
        context |= {
            "campaigns": (changed or campaigns)[:SHOWN_CAMPAIGNS],
            "is_anything_changed": bool(changed),
            "more_campaigns": max(0, len(changed or campaigns) - SHOWN_CAMPAIGNS),
        }
    return render(request, "tracker/work.html", context)


@require_safe
@never_cache
def work_now(request: HttpRequest, work_id: int) -> HttpResponse:
    """The part of the page that moves; when the work is over, the browser asks for all of it."""
    work = _found(request, work_id)
    answer = render(request, "tracker/_work_now.html", _now(work))
    if work.is_over:
        answer["HX-Refresh"] = "true"
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def work_prepare(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """A long file: prepared beside the server, or sent while it is made as a short one is."""
    campaign = get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)
    asked = request.POST if request.method == "POST" else request.GET
    file = AskedFile.of(campaign, asked)
    if file is None:
        raise Http404("There is no such file.")
    if file.kind not in kinds_for(request.user):
        raise PermissionDenied
    form = PrepareForm(request.POST or None)
    if form.is_valid():
        return redirect(file.wanted(form.cleaned_data["form_id"], request.user.pk))
    context = {"campaign": campaign, "file": file, "form": form, "totals": totals_of(campaign)}
    status = 400 if form.is_bound else 200
    return render(request, "tracker/work_prepare.html", context, status=status)


@require_safe
@never_cache
def work_file(request: HttpRequest, work_id: int) -> HttpResponseBase:
    work = _found(request, work_id)
    campaign = work.campaign
    if work.kind not in files.KINDS or campaign is None:
        raise Http404("This work makes no file.")
    if not files.is_there(work):
        messages.warning(request, gettext("The file is no longer here."))
        return redirect(work)
    if request.method == "GET":
        is_of_snippets = work.kind == Work.Kind.SNIPPETS
        action = Action.SNIPPETS_TAKEN if is_of_snippets else Action.REPORT_TAKEN
        record(action, campaign, request.user)
    title, extension, content_type = named(work, campaign)
    blocks = files.blocks_of(files.path_of(work))
    return text_download(request, blocks, title, extension, content_type)


@require_POST
def work_cancel(request: HttpRequest, work_id: int) -> HttpResponseRedirect:
    work = _found(request, work_id)
    if not cancel(work):
        messages.info(request, gettext("This was over already."))
    return redirect(work)


def _found(request: HttpRequest, work_id: int) -> Work:
    work = get_object_or_404(Work.objects.select_related("campaign", "created_by"), pk=work_id)
    if work.kind not in kinds_for(request.user):
        raise PermissionDenied
    return work


def _now(work: Work) -> dict[str, Any]:
    is_elsewhere = work.place != place()
    return {
        "work": work,
        "campaign": work.campaign,
        "is_trial": bool(work.parameters.get("is_trial")),
        "progress": WorkProgress.of(work),
        "is_elsewhere": is_elsewhere,
        "has_file": files.is_there(work),
        "is_waiting": not work.is_over and not is_elsewhere and not is_worked_on(work),
    }
