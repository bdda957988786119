"""Campaigns and recipients as people edit them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from campaigns.models import Campaign, Recipient


class BoundedPaginator(Paginator[Any]):
    """Counts no further than anyone turns pages: a million rows are never counted."""

    MOST = 5_000

    @cached_property
    def count(self) -> int:
        assert isinstance(self.object_list, QuerySet)
        return len(self.object_list.order_by().values_list("pk")[: self.MOST])


class CampaignForm(forms.ModelForm[Campaign]):
    class Meta:
        model = Campaign
        fields = ["name", "subject", "time_zone"]


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("archived", "Archived"), ("everything", "Everything")]

    def choices(self, changelist: Any) -> Any:
        choices = iter(super().choices(changelist))
        # Without a choice the list shows what is not archived.
        yield {**next(choices), "display": "Active"}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        if self.value() == "everything":
            return queryset
        if self.value() == "archived":
            return queryset.exclude(archived_at=None)
        return queryset.filter(archived_at=None)


class CampaignAdmin(admin.ModelAdmin[Campaign]):
    form = CampaignForm
    readonly_fields = ("sent_at", "created_at", "archived_at")
    list_display: tuple[str, ...] = ("name", "sent_at", "created_at")
    list_filter = (StateFilter,)
    search_fields = ("name", "subject")
    ordering = ("-pk",)
    paginator = BoundedPaginator
    show_full_result_count = False
    actions = ("archive", "restore")
    view_on_site = False  # the page's own links say what they lead to

    def get_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        fields = ("name", "subject", "time_zone")
        return (*fields, *self.readonly_fields) if obj else fields

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        # Its pixels are in mailboxes for ever: a campaign is archived, not deleted.
        return False

    @admin.action(description="Archive the chosen campaigns", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        count = queryset.filter(archived_at=None).update(archived_at=timezone.now())
        messages.success(request, f"Archived: {count}. Their pixels go on recording opens.")

    @admin.action(description="Bring the chosen campaigns back", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        count = queryset.exclude(archived_at=None).update(archived_at=None)
        messages.success(request, f"Brought back: {count}.")


@admin.register(Recipient)
class RecipientAdmin(admin.ModelAdmin[Recipient]):
    fields = ("email", "name", "created_at")
    readonly_fields = ("created_at",)
    list_display = ("email", "name", "created_at")
    # Shows the search field; get_search_results() does the search.
    search_fields = ("email_key", "name")
    search_help_text = "Part of an address or of a name"
    ordering = ("email_key",)
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Recipient], search_term: str
    ) -> tuple[QuerySet[Recipient], bool]:
        words = search_term.replace("\x00", "").strip()
        if not words:
            return queryset, False
        return queryset.filter(pk__in=Recipient.objects.matching(words)), False

    def has_delete_permission(self, request: HttpRequest, obj: Recipient | None = None) -> bool:
        # Opens would go with the recipient, and the counts would no longer be true.
        return False


admin.site.register(Campaign, CampaignAdmin)
admin.site.site_header = admin.site.site_title = "Glimpse"
admin.site.index_title = "Administration"
admin.site.site_url = "/campaigns/"
admin.site.enable_nav_sidebar = False
