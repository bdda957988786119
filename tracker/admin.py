"""Opens in the admin: the campaign's page gains its rate and imports; the rest is looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy, ngettext
from django_tasks_db.models import DBTaskResult

from campaigns.admin import BoundedPaginator, CampaignAdmin, CampaignForm
from campaigns.audit import Action, Source, record
from campaigns.models import Campaign, Tracking, email_key
from campaigns.remains import clear_remains
from tracker.clients import client_name
from tracker.consent import admin as consent_admin  # noqa: F401  # registers its pages
from tracker.consent import choose_for_campaign
from tracker.importing.pages import ImportPages
from tracker.language import count, translated
from tracker.models import Open, Pixel
from tracker.pixels import ensure_test_pixel
from tracker.reports.totals import totals_of
from tracker.templatetags.glimpse import percent
from tracker.verdicts import Verdict

CHOICES = [(choice.value, choice.label) for choice in Tracking]

admin.site.unregister(Campaign)
# What runs is told by the page of long work.
admin.site.unregister(DBTaskResult)


class TrackedCampaignForm(CampaignForm):
    chosen = forms.ChoiceField(
        label=gettext_lazy("Opens are"),
        choices=[("", gettext_lazy("as the installation’s setting says")), *CHOICES],
        required=False,
        help_text=gettext_lazy(
            "Of recipients who have not chosen themselves. Counts at once, also for mail "
            "that was sent already; what was recorded before is no longer linked to anyone who is "
            "anonymous or off."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"].initial = self.instance.tracking


@admin.register(Campaign)
class TrackedCampaignAdmin(CampaignAdmin):
    form = TrackedCampaignForm
    list_display = ("name", "sent_at", "recipients", "human_opens", "open_rate", "report")
    list_select_related = ("counts",)

    @admin.display(description=gettext_lazy("Recipients"))
    def recipients(self, campaign: Campaign) -> str:
        return count(totals_of(campaign).recipients)

    @admin.display(description=gettext_lazy("Opened by people"))
    def human_opens(self, campaign: Campaign) -> str:
        return count(totals_of(campaign).unique_human_opens)

    @admin.display(description=gettext_lazy("Human open rate"))
    def open_rate(self, campaign: Campaign) -> str:
        totals = totals_of(campaign)
        return percent(totals.rates.human_open_rate if totals.is_opened else None)

    @admin.display(description=gettext_lazy("Report"))
    def report(self, campaign: Campaign) -> str:
        return format_html('<a href="{}">{}</a>', campaign.get_absolute_url(), gettext("Report"))

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        ensure_test_pixel(obj)
        chosen = form.cleaned_data.get("chosen", obj.tracking)
        if chosen != obj.tracking:
            changed = choose_for_campaign(obj, chosen)
            record(
                Action.CAMPAIGN_TRACKING,
                obj,
                request.user,
                source=Source.ADMIN,
                tracking=chosen or "default",
                pixels=changed,
            )
            transaction.on_commit(clear_remains)
            pattern = ngettext(
                "The choice now holds for %(pixels)s pixel.",
                "The choice now holds for %(pixels)s pixels.",
                changed,
            )
            messages.success(request, pattern % {"pixels": count(changed)})

    def get_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        fields = super().get_fields(request, obj)
        after = fields.index("time_zone") + 1
        return (*fields[:after], "chosen", *fields[after:])

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        only_one_button = {"show_save_and_continue": False, "show_save_and_add_another": False}
        context = {"title": gettext("New campaign"), **only_one_button, **(extra_context or {})}
        return super().add_view(request, form_url, context)

    def response_add(
        self, request: HttpRequest, obj: Campaign, post_url_continue: str | None = None
    ) -> HttpResponse:
        """To the report, which says what comes next."""
        if not request.user.has_perm("tracker.view_report"):
            return super().response_add(request, obj, post_url_continue)
        text = gettext("“%(name)s” is created.") % {"name": obj.name}
        messages.success(request, text)
        return HttpResponseRedirect(obj.get_absolute_url())

    def get_urls(self) -> list[URLPattern]:
        return [*ImportPages(self).urls(), *super().get_urls()]


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Measured, not edited: a person's Save would overwrite what hits have counted meanwhile."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    # Shows the search field; get_search_results() does the search.
    search_fields = ("pk",)
    search_help_text = gettext_lazy("A whole address")
    sortable_by = ()
    # How a row leads to its recipient.
    recipient_path = "recipient"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        key = email_key(search_term.replace("\x00", ""))
        if key:
            queryset = queryset.filter(**{f"{self.recipient_path}__email_key": key})
        return queryset, False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CampaignIdFilter(admin.SimpleListFilter):
    """By ?campaign=ID, as the campaign's pages link; no list of all campaigns to choose from."""

    title = gettext_lazy("campaign")
    parameter_name = "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = Campaign.objects.active().order_by("-pk")[:20]
        return [(str(campaign.pk), campaign.name) for campaign in newest]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(campaign=int(value[:18])) if value.isdecimal() else queryset


def whose(pixel: Pixel) -> str:
    nobody = gettext("anonymous") if pixel.is_stand_in else gettext("test pixel")
    return str(pixel.recipient or nobody)


@admin.register(Pixel)
class PixelAdmin(ReadOnlyAdmin):
    list_display = ("id", "whom", "campaign", "shown_status", "opens", "last_opened_at")
    list_filter = (CampaignIdFilter,)
    list_select_related = ("recipient", "campaign", "unique_open")
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("Recipient"))
    def whom(self, pixel: Pixel) -> str:
        return whose(pixel)

    @admin.display(description=gettext_lazy("Status"))
    def shown_status(self, pixel: Pixel) -> str:
        return str(pixel.status.label)

    @admin.display(description=gettext_lazy("Opens"))
    def opens(self, pixel: Pixel) -> int:
        return pixel.opened.open_count if pixel.opened else 0

    @admin.display(description=gettext_lazy("Last open"))
    def last_opened_at(self, pixel: Pixel) -> datetime | None:
        return pixel.opened.last_opened_at if pixel.opened else None


@admin.register(Open)
class OpenAdmin(ReadOnlyAdmin):
    list_display = (
        "opened_at",
        "recipient",
        "campaign",
        "shown_verdict",
        "ip",
        "client",
        "reached_ceiling",
    )
    list_select_related = ("pixel__recipient", "pixel__campaign", "user_agent")
    ordering = ("-pk",)
    recipient_path = "pixel__recipient"

    @admin.display(description=gettext_lazy("Verdict"))
    def shown_verdict(self, row: Open) -> str:
        return translated(Verdict.of_number(row.verdict).label)

    @admin.display(description=gettext_lazy("Program"))
    def client(self, row: Open) -> str:
        """As people call it; the page of the open quotes the agent as it was sent."""
        name = client_name(row.user_agent.text) if row.user_agent else ""
        return translated(name) or "–"

    @admin.display(description=gettext_lazy("Reached the ceiling"))
    def reached_ceiling(self, row: Open) -> str:
        return gettext("yes") if row.is_at_ceiling else "–"

    @admin.display(description=gettext_lazy("Recipient"))
    def recipient(self, row: Open) -> str:
        return whose(row.pixel)

    @admin.display(description=gettext_lazy("Campaign"))
    def campaign(self, row: Open) -> str:
        return str(row.pixel.campaign)
