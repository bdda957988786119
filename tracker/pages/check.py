"""The mail of a campaign, pasted or uploaded, and what the check of it says."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from campaigns.models import Campaign
from tracker.language import translated
from tracker.mailcheck import MOST_BYTES, UnreadableMailError
from tracker.pages.access import may_manage
from tracker.reports.mail_check import check_for, keep_word


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class MailForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("The mail as a file"),
        help_text=gettext_lazy(
            "An .eml, which every mail program saves, or an .html file. At most 5 MB."
        ),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".eml,.html,.htm,.mht,.txt,message/rfc822"}),
    )
    source = forms.CharField(
        label=gettext_lazy("Or its source"),
        help_text=gettext_lazy(
            "The final HTML, or the whole mail with its headers, as the sending program shows it. "
            "At most 2 MB; longer ones as a file."
        ),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "dir": "ltr"}),
    )
    is_looked_up = forms.BooleanField(required=False)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file is not None and file.size > MOST_BYTES:
            raise forms.ValidationError(
                gettext(
                    "This file is larger than 5 MB. Save the mail without its attachments, or "
                    "check its HTML alone."
                )
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        file, source = cleaned.get("file"), cleaned.get("source", "")
        if not self.errors and file is None and not source.strip():
            raise forms.ValidationError(gettext("Choose a file or paste the mail’s source."))
        if file is not None and source.strip():
            raise forms.ValidationError(
                gettext(
                    "There is a file and there is pasted source: leave one of them out, so that it "
                    "is plain which of them is checked."
                )
            )
        return cleaned

    def content(self) -> bytes:
        file = self.cleaned_data["file"]
        if file is not None:
            return bytes(file.read(MOST_BYTES + 1))
        return str(self.cleaned_data["source"]).encode("utf-8", "replace")


@require_http_methods(["GET", "HEAD", "POST"])
@may_manage
def campaign_check(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The mail itself is not kept, and never shown as HTML: its source is quoted."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    form = MailForm(request.POST, request.FILES) if request.method == "POST" else MailForm()
    checked = None
    if form.is_bound and form.is_valid():
        try:
            checked = check_for(
                campaign, form.content(), is_looked_up=form.cleaned_data["is_looked_up"]
            )
        except UnreadableMailError as error:
            form.add_error(None, translated(error.args[0]))
        else:
            assert request.user.pk is not None  # may_manage lets nobody else in
            keep_word(campaign, checked, request.user.pk)
    context = {
        "campaign": campaign,
        "form": form,
        "checked": checked,
        "file_name": getattr(form.cleaned_data["file"], "name", "") if checked else "",
        "public_host": (host := urlsplit(settings.PUBLIC_URL).hostname),
        # Of an address there is nothing to look up.
        "is_name": not is_address(host or ""),
    }
    return render(request, "tracker/campaign_check.html", context)
