"""Recipients chosen by what came back from them: looked at, taken away, written to again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from campaigns.models import Campaign
from tracker.downloads import text_download, with_mark
from tracker.language import count, translated
from tracker.pages.access import abilities, may_manage, may_read
from tracker.pages.long_files import is_long
from tracker.reports.totals import totals_of
from tracker.segments import making
from tracker.segments.choice import Choice, Who
from tracker.segments.files import FORMATS, segment_text
from tracker.segments.forms import ChoiceForm, ResendForm
from tracker.segments.members import count_members, members
from tracker.segments.resend import NobodyLeftError, Resend, resend_once

ROWS = 20

may_create = permission_required("campaigns.add_campaign", raise_exception=True)


@require_safe
@never_cache
@may_read
def campaign_segments(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)
    return _page(request, campaign, request.GET)


@require_safe
@may_read
def segment_file(request: HttpRequest, campaign_id: int, form: str) -> Any:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if form not in FORMATS:
        raise Http404(f"Segments come in these formats: {', '.join(FORMATS)}.")
    choice = _chosen(campaign, request.GET)
    if isinstance(choice, ChoiceForm):
        return HttpResponseBadRequest("This segment cannot be: choose again on its page.")
    return _download(request, campaign, choice, form)


@require_POST
@may_manage
@may_create
def segment_resend(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Sent twice, the form leads twice to the one campaign that it made."""
    campaign = get_object_or_404(Campaign.objects.select_related("counts"), pk=campaign_id)
    form = ResendForm(request.POST, instance=Campaign(time_zone=campaign.time_zone))
    choice = _chosen(campaign, request.POST)
    if "form_id" in form.errors:
        return HttpResponseBadRequest("This form is not from the segments page.")
    if isinstance(choice, ChoiceForm) or not form.is_valid():
        return _page(request, campaign, request.POST, form)
    form_id = form.cleaned_data["form_id"]
    assert request.user.pk is not None
    if count_members(campaign, choice, totals_of(campaign)) > making.AT_ONCE:
        work = making.want(
            campaign, choice, form.instance, user_id=request.user.pk, form_id=form_id
        )
        return redirect(work)
    try:
        made = resend_once(
            campaign, choice, form.instance, user_id=request.user.pk, form_id=form_id
        )
    except NobodyLeftError as error:
        messages.warning(request, translated(error.sentence))
        page = reverse("campaign_segments", args=[campaign.pk])
        return redirect(f"{page}?{choice.query()}")
    messages.success(request, _told(made))
    return redirect("campaign_snippets", made.campaign.pk)


def _page(
    request: HttpRequest, campaign: Campaign, data: QueryDict, resend: ResendForm | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"campaign": campaign, **abilities(request)}
    choice = _chosen(campaign, data)
    with timezone.override(campaign.zone):
        if isinstance(choice, ChoiceForm):
            context["form"] = choice
        else:
            context |= _segment(campaign, choice)
            context["form"] = ChoiceForm.showing(choice)
            context["resend"] = resend or ResendForm(
                initial={"name": choice.name_for(campaign.name), "subject": campaign.subject}
            )
        return render(request, "tracker/campaign_segments.html", context)


def _segment(campaign: Campaign, choice: Choice) -> dict[str, Any]:
    totals = totals_of(campaign)
    chosen = members(campaign, choice)
    number = count_members(campaign, choice, totals)
    bounced = chosen.bounced().count() if totals.bounces else 0
    return {
        "choice": choice,
        "totals": totals,
        "count": number,
        "bounced": bounced,
        "is_long": is_long(number),
        "left": number - bounced,
        "rows": chosen.with_state().order_by("recipient_id")[:ROWS],
        "is_of_people": choice.who is Who.OPENED,
        "is_of_the_unopened": choice.who in (Who.NOT_OPENED, Who.UNOPENED),
        "is_unsent": choice.who is Who.NOT_OPENED and not totals.sent,
    }


def _chosen(campaign: Campaign, data: QueryDict) -> Choice | ChoiceForm:
    """What was chosen, or the form that says why that cannot be."""
    form = ChoiceForm(data)
    with timezone.override(campaign.zone):
        return form.choice if form.is_valid() else form


def _download(
    request: HttpRequest, campaign: Campaign, choice: Choice, form: str
) -> StreamingHttpResponse:
    blocks = (text for text, _ in segment_text(campaign, choice, form))
    return text_download(
        request,
        with_mark(blocks) if form == "csv" else blocks,
        f"segment {campaign.pk} {campaign} {choice.who.value}",
        form,
        FORMATS[form],
    )


def _told(made: Resend) -> str:
    named = {"name": made.campaign.name, "number": count(made.recipients)}
    if not made.is_new:
        return gettext("“%(name)s” was made already. Its recipients: %(number)s.") % named
    told = gettext("“%(name)s” is made. Its recipients: %(number)s.") % named
    if made.left_out:
        left_out = gettext("Left out because their mail bounced: %(number)s.")
        told += " " + left_out % {"number": count(made.left_out)}
    return told
