"""A campaign's snippets, to copy or to download, and the word that it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from campaigns.audit import Action, record
from campaigns.models import Campaign, Recipient
from tracker.downloads import text_download, with_mark
from tracker.end_marks import AlreadySentError, has_end_marks, switch_end_marks
from tracker.end_snippets import add_end_mark
from tracker.language import count
from tracker.list_misses import missed_of, with_missed
from tracker.list_snippets import list_snippets, word_end_field, word_field
from tracker.models import Pixel
from tracker.pages.access import may_manage
from tracker.pages.long_files import is_long
from tracker.pixels import ensure_test_pixel, mark_sent
from tracker.reports.people import Query, people_page
from tracker.reports.totals import totals_of
from tracker.snippet_files import FORMATS, PLAIN, count_left_out, snippet_text
from tracker.snippets import add_snippet

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@require_safe
@may_manage
def campaign_snippets(request: HttpRequest, campaign_id: int) -> HttpResponse:
    with_counts = Campaign.objects.select_related("counts")
    campaign = get_object_or_404(with_missed(with_counts), pk=campaign_id)
    query = Query.from_url(request.GET.dict())
    totals = totals_of(campaign)
    people = people_page(campaign, totals, query, keep={})
    context = {
        "campaign": campaign,
        "people": people,
        "rows": _with_snippets(people.rows),
        "left_out": count_left_out(campaign),
        "formats": FORMATS.values(),
        "is_long": is_long(totals.recipients),
        "has_end_marks": has_end_marks(campaign),
        "may_switch_end_marks": not (campaign.sent_at or totals.sent),
        "test": add_end_mark(add_snippet(ensure_test_pixel(campaign))),
        "list_snippets": list(list_snippets(campaign.pk)),
        "word_field": word_field(campaign.pk),
        "word_end_field": word_end_field(campaign.pk),
        "missed": missed_of(campaign),
        "public_url": settings.PUBLIC_URL,
        "is_public_url_local": urlsplit(settings.PUBLIC_URL).hostname in THIS_MACHINE,
    }
    with timezone.override(campaign.zone):
        return render(request, "tracker/campaign_snippets.html", context)


def _with_snippets(rows: Sequence[Pixel]) -> list[Pixel]:
    """Each with its snippet, or with ``is_left_out`` for who is not written to."""
    recipients = Recipient.objects.filter(pk__in=[row.recipient_id for row in rows])
    wanted = set(recipients.to_be_written_to().values_list("pk", flat=True))
    for row in rows:
        row.is_left_out = row.recipient_id not in wanted  # type: ignore[attr-defined]
    return [add_end_mark(add_snippet(row)) for row in rows]


@require_safe
@may_manage
def campaign_snippets_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = FORMATS.get(request.GET.get("format", PLAIN.name))
    if form is None:
        raise Http404(f"Snippets come in these formats: {', '.join(FORMATS)}.")
    if request.method == "GET":
        record(Action.SNIPPETS_TAKEN, campaign, request.user)
    blocks = (text for text, _ in snippet_text(campaign, form))
    return text_download(
        request,
        # What is downloaded without further choice is often opened in Excel.
        with_mark(blocks) if form is PLAIN else blocks,
        f"snippets {campaign.pk} {campaign}{'' if form is PLAIN else f' {form.name}'}",
        form.extension,
        form.content_type,
    )


@require_POST
@may_manage
def campaign_end_marks(request: HttpRequest, campaign_id: int) -> HttpResponseRedirect:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    is_on = request.POST.get("is_on") == "1"
    try:
        with transaction.atomic():
            if switch_end_marks(campaign, is_on=is_on):
                record(Action.END_MARKS_SWITCHED, campaign, request.user, is_on=is_on)
    except AlreadySentError:
        messages.warning(
            request,
            gettext(
                "The mail is marked as sent. Its end mark stays as it is: the clip rate needs it "
                "in every copy or in none."
            ),
        )
    else:
        text = gettext("The end mark is on. Take the snippets anew: there are two now.")
        messages.success(request, text if is_on else gettext("The end mark is off."))
    return redirect(f"{reverse('campaign_snippets', args=[campaign.pk])}#end-mark")


@require_POST
@may_manage
def campaign_mark_sent(request: HttpRequest, campaign_id: int) -> HttpResponseRedirect:
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    if totals_of(campaign).is_simulation:
        messages.error(
            request,
            gettext("Not marked: the opens of this campaign are invented. Take them back first."),
        )
        return redirect(campaign)
    marked = mark_sent(campaign, at=timezone.now())
    if marked:
        record(Action.CAMPAIGN_SENT, campaign, request.user, recipients=marked)
        messages.success(
            request, gettext("Marked as sent: %(number)s.") % {"number": count(marked)}
        )
    else:
        messages.warning(
            request, gettext("Nothing to mark: there is no recipient left that is not sent.")
        )
    return redirect(campaign)
