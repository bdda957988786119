"""Saved segments: the list, one with its people, its form, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.audit import Action, record
from campaigns.models import Campaign
from tracker.downloads import csv_download
from tracker.language import count, translated
from tracker.models import Segment
from tracker.pages.access import abilities, may_manage, may_read
from tracker.pages.segments import may_create
from tracker.segments.begun import begun_from
from tracker.segments.conditions import MOST_CONDITIONS, conditions_of
from tracker.segments.forms import ChoiceForm, ResendForm
from tracker.segments.offers import offers_for
from tracker.segments.resend import NobodyLeftError
from tracker.segments.saved import recipients_of
from tracker.segments.saved_files import segment_rows
from tracker.segments.saved_forms import ConditionRows, SegmentForm, condition_rows
from tracker.segments.start import start_once
from tracker.segments.words import words_of_segments

ROWS = 20


@require_safe
@may_read
def segment_list(request: HttpRequest) -> HttpResponse:
    segments = list(Segment.objects.select_related("campaign")[:500])
    context = {"segments": words_of_segments(segments), "section": "segments", **abilities(request)}
    return render(request, "tracker/segment_list.html", context)


@require_safe
@never_cache
@may_read
def segment_page(request: HttpRequest, segment_id: int) -> HttpResponse:
    return _page(request, _found(segment_id))


@require_safe
@may_read
def segment_csv(request: HttpRequest, segment_id: int) -> StreamingHttpResponse:
    segment = _found(segment_id)
    if request.method == "GET":
        record(Action.SEGMENT_TAKEN, segment, request.user)
    return csv_download(request, segment_rows(segment), f"segment {segment.pk} {segment}")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@may_manage
def segment_edit(request: HttpRequest, segment_id: int | None = None) -> HttpResponse:
    """A form without JavaScript: its buttons show who is in it, add a row, or save."""
    segment, left_out = (_found(segment_id), []) if segment_id else _begun(request)
    if request.method != "POST":
        form = SegmentForm(instance=segment)
        stored = conditions_of(segment.conditions)
        rows = condition_rows(conditions=stored, rows=max(len(stored), 1))
        return _form(request, segment, form, rows, left_out)
    data = request.POST.copy()
    if "more" in data:
        asked = data.get("conditions-TOTAL_FORMS", "")
        number = int(asked) if asked.isdecimal() and len(asked) < 4 else 0
        data["conditions-TOTAL_FORMS"] = str(min(number + 1, MOST_CONDITIONS))
    form, rows = SegmentForm(data, instance=segment), condition_rows(data)
    is_sound = rows.is_valid() and form.is_valid()
    if "save" not in data:
        # The name may come last.
        form.errors.pop("name", None)
        return _form(request, segment, form, rows)
    if not is_sound:
        return _form(request, segment, form, rows)
    return _save(request, segment, form, rows)


@require_POST
@may_manage
def segment_preview(request: HttpRequest) -> HttpResponse:
    """Who is in it so far: a part of the form's page, asked for while it is being filled in."""
    form, rows = SegmentForm(request.POST), condition_rows(request.POST)
    context = _shown(form, rows)
    return render(request, "tracker/_segment_preview.html", {**context, "is_part": True})


@require_POST
@may_manage
def segment_delete(request: HttpRequest, segment_id: int) -> HttpResponse:
    with transaction.atomic():
        segment = _found(segment_id)
        record(Action.SEGMENT_DELETED, segment, request.user)
        segment.delete()
    messages.success(request, gettext("“%(name)s” is deleted.") % {"name": segment.name})
    return redirect("saved_segments")


@require_POST
@may_manage
@may_create
def segment_campaign(request: HttpRequest, segment_id: int) -> HttpResponse:
    segment = _found(segment_id)
    form = ResendForm(request.POST)
    if not form.is_valid():
        return _page(request, segment, form)
    form_id = form.cleaned_data["form_id"]
    try:
        made = start_once(segment, form.instance, by=request.user, form_id=form_id)
    except NobodyLeftError as error:
        messages.warning(request, translated(error.sentence))
        return redirect("saved_segment", segment.pk)
    told = gettext("“%(name)s” is made. Its recipients: %(number)s.")
    if not made.is_new:
        told = gettext("“%(name)s” was made already. Its recipients: %(number)s.")
    named = {"name": made.campaign.name, "number": count(made.recipients)}
    messages.success(request, told % named)
    return redirect("campaign_snippets", made.campaign.pk)


def _found(segment_id: int) -> Segment:
    return get_object_or_404(Segment.objects.select_related("campaign"), pk=segment_id)


def _begun(request: HttpRequest) -> tuple[Segment, Sequence[str]]:
    """A new one, with what a link from a campaign's own segments names; and what it leaves out."""
    number = request.GET.get("campaign", "")
    is_number = number.isascii() and number.isdecimal() and len(number) < 19
    campaign = Campaign.objects.filter(pk=int(number)).first() if is_number else None
    if campaign is None or not request.GET.get("who"):
        return Segment(campaign=campaign), []
    with timezone.override(campaign.zone):
        form = ChoiceForm(request.GET)
        return (
            begun_from(campaign, form.choice)
            if form.is_valid()
            else (Segment(campaign=campaign), [])
        )


def _page(request: HttpRequest, segment: Segment, form: ResendForm | None = None) -> HttpResponse:
    ((_, words),) = words_of_segments([segment])
    context = {
        "segment": segment,
        "words": words,
        **_people(segment),
        "new": form or ResendForm(initial={"name": segment.name}),
        "section": "segments",
        **abilities(request),
    }
    return render(request, "tracker/segment.html", context)


def _people(segment: Segment) -> dict[str, Any]:
    chosen = recipients_of(segment)
    number = chosen.count()
    return {"count": number, "rows": list(chosen.order_by("email_key")[:ROWS]) if number else []}


def _form(
    request: HttpRequest,
    segment: Segment,
    form: SegmentForm,
    rows: ConditionRows,
    left_out: Sequence[str] = (),
) -> HttpResponse:
    context = {"segment": segment, "form": form, "conditions": rows, **_shown(form, rows)}
    context["left_out"] = left_out
    context["may_have_more"] = len(rows.forms) < MOST_CONDITIONS
    return render(
        request,
        "tracker/segment_edit.html",
        {**context, "section": "segments", **abilities(request)},
    )


def _shown(form: SegmentForm, rows: ConditionRows) -> dict[str, Any]:
    """The preview of what can be understood; a name may still be missing. And values to choose."""
    campaign = form.instance.campaign_id
    context: dict[str, Any] = {}
    if not form.is_bound:
        stored = form.instance.conditions
        context = _people(form.instance) if stored else {}
    elif rows.is_valid() and not {"campaign", "joined_by"} & set(form.errors):
        chosen = form.cleaned_data["campaign"]
        campaign = chosen.pk if chosen else None
        conditions = [one.as_json() for one in rows.conditions]
        joined_by = form.cleaned_data["joined_by"]
        if conditions:
            context = _people(Segment(campaign=chosen, joined_by=joined_by, conditions=conditions))
    whats = [str(one["what"].value() or "") for one in rows.forms]
    offers = offers_for(whats, campaign)
    context["offers"] = [
        (f"{one.prefix}-values", offers.get(what, []))
        for one, what in zip(rows.forms, whats, strict=True)
    ]
    return context


@transaction.atomic
def _save(
    request: HttpRequest, segment: Segment, form: SegmentForm, rows: ConditionRows
) -> HttpResponse:
    """The audit log says that it was saved and how many conditions it has: no values."""
    is_new = segment.pk is None
    segment = form.save(commit=False)
    segment.conditions = [one.as_json() for one in rows.conditions]
    if is_new:
        segment.created_by_id = request.user.pk
    segment.save()
    action = Action.SEGMENT_CREATED if is_new else Action.SEGMENT_CHANGED
    record(action, segment, request.user, conditions=len(segment.conditions))
    messages.success(request, gettext("“%(name)s” is saved.") % {"name": segment.name})
    return redirect("saved_segment", segment.pk)
