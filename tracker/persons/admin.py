"""A recipient's page in the admin: everything about them as a file, and their erasure."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy

from campaigns.admin import RecipientAdmin
from campaigns.audit import Action, Source, record
from campaigns.models import Recipient, email_key
from tracker.language import count
from tracker.models import Pixel
from tracker.persons.erasure import AlreadyErasedError, erase
from tracker.persons.export import everything_about
from tracker.persons.plans import Person, has_account
from tracker.persons.waiting import replay_waiting

MAY_ERASE = "campaigns.erase_recipient"
WAITING = gettext_lazy(
    "Hits still wait in the spool of a running process. They will count without address and user "
    "agent, and for nobody."
)


class ErasureForm(forms.Form):
    """Typing the address is what a slip of the hand does not do."""

    address = forms.CharField(label=gettext_lazy("Type the address to confirm"), max_length=254)
    reason = forms.CharField(
        label=gettext_lazy("Why, for the audit log; without the person’s name or address"),
        max_length=200,
        required=False,
    )

    def __init__(self, recipient: Recipient, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._recipient = recipient

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"]
        if email_key(address) != self._recipient.email_key:
            raise forms.ValidationError(gettext("This is not the address of this person."))
        return address


class PersonAdmin(RecipientAdmin):
    """Registered by ``tracker.consent.admin``, which adds the recipient's choice."""

    change_form_template = "admin/campaigns/recipient/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(
                f"<int:recipient_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"campaigns_recipient_{name}",
            )
            for name, view in (("export", self.export_view), ("erase", self.erase_view))
        ]
        return [*pages, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        context["may_erase"] = request.user.has_perm(MAY_ERASE)
        return super().render_change_form(request, context, *args, **kwargs)

    def export_view(self, request: HttpRequest, recipient_id: int) -> HttpResponse:
        recipient = self._person(request, recipient_id)
        if request.method != "POST":
            title = gettext("Export everything as JSON")
            return self._page(request, recipient, "export_person", title)
        replay_waiting()
        document = everything_about(recipient)
        record(Action.PERSON_EXPORTED, recipient, request.user, source=Source.ADMIN)
        answer = HttpResponse(
            json.dumps(document, ensure_ascii=False, indent=2), content_type="application/json"
        )
        answer["Content-Disposition"] = f'attachment; filename="person-{recipient.pk}.json"'
        answer["Cache-Control"] = "no-store"
        return answer

    def erase_view(self, request: HttpRequest, recipient_id: int) -> HttpResponse:
        recipient = self._person(request, recipient_id)
        if recipient.erased_at is not None:
            return self._tell_erased(request, recipient)
        form = ErasureForm(recipient, request.POST or None)
        if request.method == "POST" and form.is_valid():
            return self._erase(request, recipient, form.cleaned_data["reason"])
        title = gettext("Erase this person")
        return self._page(request, recipient, "erase_person", title, form=form)

    def _erase(
        self, request: HttpRequest, recipient: Recipient, reason: str
    ) -> HttpResponseRedirect:
        try:
            erased = erase(recipient, request.user, reason, source=Source.ADMIN)
        except AlreadyErasedError:
            return self._tell_erased(request, recipient)
        messages.success(
            request,
            gettext("The person is erased. Opens that lost address and user agent: %(number)s.")
            % {"number": count(erased.opens)},
        )
        if erased.rejected_lines:
            text = gettext("Lines that could not be imported, and are deleted: %(number)s.")
            messages.info(request, text % {"number": count(erased.rejected_lines)})
        if erased.waiting_files:
            messages.warning(request, WAITING)
        return redirect("admin:campaigns_recipient_change", recipient.pk)

    def _tell_erased(self, request: HttpRequest, recipient: Recipient) -> HttpResponseRedirect:
        messages.info(request, gettext("This person was erased before. Nothing was done."))
        return redirect("admin:campaigns_recipient_change", recipient.pk)

    def _person(self, request: HttpRequest, recipient_id: int) -> Recipient:
        if not request.user.has_perm(MAY_ERASE):
            raise PermissionDenied
        return get_object_or_404(Recipient, pk=recipient_id)

    def _page(
        self, request: HttpRequest, recipient: Recipient, name: str, title: str, **more: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": recipient.email,
            "opts": self.opts,
            "recipient": recipient,
            "campaigns": Pixel.objects.filter(recipient=recipient).count(),
            "has_account": has_account(Person.of(recipient)),
            **more,
        }
        return TemplateResponse(request, f"admin/campaigns/recipient/{name}.html", context)
