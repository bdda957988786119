"""A recipient's choice in the admin: as it is, its history, and a new one with its proof."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_lazy

from campaigns.admin import RecipientForm
from campaigns.audit import Action, Source, record
from campaigns.models import Consent, Recipient, Tracking
from campaigns.remains import clear_remains
from tracker.consent import choose
from tracker.persons.admin import PersonAdmin
from tracker.privacy_links import privacy_url
from tracker.segments.admin import SegmentFilter

AS_BEFORE = "as before"
MOST_SHOWN = 50
# Of a recipient, to be read only.
SHOWN = ("shown_tracking", "history", "privacy_page", "created_at")
CHOICES = [(choice.value, choice.label) for choice in Tracking]

admin.site.unregister(Recipient)


def told_of(consent: Consent) -> str:
    by = f" ({consent.by})" if consent.by else ""
    proof = f": {consent.proof}" if consent.proof else ""
    at = timezone.localtime(consent.at)
    choice = consent.get_tracking_display() or gettext("taken back: as the campaign says")
    origin = f" ({consent.origin})" if consent.origin else ""
    return f"{at:%Y-%m-%d %H:%M}, {consent.get_source_display()}{origin}{by}: {choice}{proof}"


class ChoiceForm(RecipientForm):
    """A choice is stored only if one is picked: saving a name is no consent."""

    chosen = forms.ChoiceField(
        label=gettext_lazy("New choice"),
        choices=[
            (AS_BEFORE, gettext_lazy("as before")),
            *CHOICES,
            ("", gettext_lazy("taken back: as the campaign says")),
        ],
        required=False,
    )
    proof = forms.CharField(
        label=gettext_lazy("How it is known"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Such as “letter of 3 May”. Kept in the history with your name."),
    )

    class Meta:
        model = Recipient
        fields = ["email", "name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"].initial = AS_BEFORE


@admin.register(Recipient)
class TrackedRecipientAdmin(PersonAdmin):
    form = ChoiceForm
    list_display = (*PersonAdmin.list_display, "shown_tracking")
    list_filter = (SegmentFilter,)

    def get_fields(self, request: HttpRequest, obj: Recipient | None = None) -> tuple[str, ...]:
        return ("email", "name", "shown_attributes", *SHOWN[:1], "chosen", "proof", *SHOWN[1:])

    def get_readonly_fields(
        self, request: HttpRequest, obj: Recipient | None = None
    ) -> tuple[str, ...]:
        return ("shown_attributes", *SHOWN)

    @admin.display(description=gettext_lazy("Their choice"))
    def shown_tracking(self, recipient: Recipient) -> str:
        return recipient.get_tracking_display() or gettext("none: as the campaign says")

    @admin.display(description=gettext_lazy("History of choices"))
    def history(self, recipient: Recipient) -> str:
        if recipient._state.adding:
            return "–"
        choices = recipient.consents.select_related("by").order_by("-at", "-pk")
        lines = [(told_of(one),) for one in choices[:MOST_SHOWN]]
        return (
            format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", lines)) if lines else "–"
        )

    @admin.display(description=gettext_lazy("Their own page"))
    def privacy_page(self, recipient: Recipient) -> str:
        if recipient._state.adding:
            return "–"
        return format_html('<a href="{0}">{0}</a>', privacy_url(recipient.pk))

    def save_model(self, request: HttpRequest, obj: Recipient, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        chosen = form.cleaned_data.get("chosen", AS_BEFORE)
        if chosen != AS_BEFORE and (change or chosen):
            choose(
                obj,
                chosen,
                source=Consent.Source.ADMIN,
                proof=form.cleaned_data["proof"],
                by=request.user if request.user.is_authenticated else None,
            )
            record(
                Action.TRACKING_CHOSEN,
                obj,
                request.user,
                source=Source.ADMIN,
                tracking=chosen or "default",
                recipients=1,
            )
            # After what was recorded has left them, which is done then, too.
            transaction.on_commit(clear_remains)
