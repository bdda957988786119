"""Opens in the admin: the campaign's page gains its rate and import; the rest is looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html

from campaigns.admin import BoundedPaginator, CampaignAdmin
from campaigns.imports import UnreadableFileError
from campaigns.models import Campaign, email_key
from tracker.models import Open, Pixel
from tracker.pixels import ensure_test_pixel, import_recipients
from tracker.reports.totals import totals_of
from tracker.templatetags.glimpse import percent
from tracker.verdicts import Verdict

MOST_REJECTIONS = 200

admin.site.unregister(Campaign)


class ImportForm(forms.Form):
    file = forms.FileField(label="File")
    is_dry_run = forms.BooleanField(
        label="Only try: read the file and report, store nothing", required=False
    )


@admin.register(Campaign)
class TrackedCampaignAdmin(CampaignAdmin):
    list_display = ("name", "sent_at", "recipients", "human_opens", "open_rate", "report")
    list_select_related = ("counts",)

    @admin.display(description="Recipients")
    def recipients(self, campaign: Campaign) -> str:
        return f"{totals_of(campaign).recipients:,}"

    @admin.display(description="Opened by people")
    def human_opens(self, campaign: Campaign) -> str:
        return f"{totals_of(campaign).unique_human_opens:,}"

    @admin.display(description="Human open rate")
    def open_rate(self, campaign: Campaign) -> str:
        return percent(totals_of(campaign).rates.human_open_rate)

    @admin.display(description="Report")
    def report(self, campaign: Campaign) -> str:
        return format_html('<a href="{}">Report</a>', campaign.get_absolute_url())

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        ensure_test_pixel(obj)

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "<int:campaign_id>/import/",
            self.admin_site.admin_view(self.import_view),
            name="campaigns_campaign_import",
        )
        return [page, *super().get_urls()]

    def import_view(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        campaign = get_object_or_404(Campaign, pk=campaign_id)
        if not self.has_change_permission(request, campaign) or not request.user.has_perm(
            "campaigns.add_recipient"
        ):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        result = None
        if request.method == "POST" and form.is_valid():
            result = self._import(request, campaign, form)
        context = {
            **self.admin_site.each_context(request),
            "title": "Import recipients",
            "subtitle": campaign.name,
            "opts": self.opts,
            "campaign": campaign,
            "form": form,
            "result": result,
        }
        return TemplateResponse(request, "admin/campaigns/campaign/import_recipients.html", context)

    def _import(
        self, request: HttpRequest, campaign: Campaign, form: ImportForm
    ) -> dict[str, Any] | None:
        try:
            result = import_recipients(
                campaign,
                form.cleaned_data["file"].file,
                is_dry_run=form.cleaned_data["is_dry_run"],
            )
        except UnreadableFileError as error:
            form.add_error("file", f"{error} Nothing was stored.")
            return None
        if not result.is_dry_run:
            self.log_change(request, campaign, f"Recipients imported: {result.added}.")
            messages.success(
                request,
                f"Recipients added to this campaign: {result.added:,}.",
            )
        return {
            "rows": result.rows,
            "created": result.created,
            "updated": result.updated,
            "duplicates": result.duplicates,
            "rejected": len(result.rejected),
            "rejections": result.rejected[:MOST_REJECTIONS],
            "more_rejections": max(0, len(result.rejected) - MOST_REJECTIONS),
            "added": result.added,
            "is_dry_run": result.is_dry_run,
        }


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Measured, not edited: a person's Save would overwrite what hits have counted meanwhile."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    # Shows the search field; get_search_results() does the search.
    search_fields = ("pk",)
    search_help_text = "A whole address"
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

    title = "campaign"
    parameter_name = "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = Campaign.objects.active().order_by("-pk")[:20]
        return [(str(campaign.pk), campaign.name) for campaign in newest]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(campaign=int(value[:18])) if value.isdecimal() else queryset


@admin.register(Pixel)
class PixelAdmin(ReadOnlyAdmin):
    list_display = ("id", "whom", "campaign", "shown_status", "opens", "last_opened_at")
    list_filter = (CampaignIdFilter,)
    list_select_related = ("recipient", "campaign", "unique_open")
    ordering = ("-pk",)

    @admin.display(description="Recipient")
    def whom(self, pixel: Pixel) -> str:
        return str(pixel.recipient or "test pixel")

    @admin.display(description="Status")
    def shown_status(self, pixel: Pixel) -> str:
        return pixel.status.label

    @admin.display(description="Opens")
    def opens(self, pixel: Pixel) -> int:
        return pixel.opened.open_count if pixel.opened else 0

    @admin.display(description="Last open")
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
        "user_agent",
        "is_at_ceiling",
    )
    list_select_related = ("pixel__recipient", "pixel__campaign", "user_agent")
    ordering = ("-pk",)
    recipient_path = "pixel__recipient"

    @admin.display(description="Verdict")
    def shown_verdict(self, row: Open) -> str:
        return Verdict.of_number(row.verdict).label

    @admin.display(description="Recipient")
    def recipient(self, row: Open) -> str:
        return str(row.pixel.recipient or "test pixel")

    @admin.display(description="Campaign")
    def campaign(self, row: Open) -> str:
        return str(row.pixel.campaign)
