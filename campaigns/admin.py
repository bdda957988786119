"""Campaigns and recipients as people edit them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_lazy

from campaigns import accounts, log_ins  # noqa: F401  # register their pages
from campaigns.audit import Action, Source, record
from campaigns.models import (
    AuditEntry,
    Campaign,
    CorrectedAddress,
    Recipient,
    SuppressedAddress,
    email_key,
)
from campaigns.time_zones import TimeZoneSelect, on_clock_of
from campaigns.tombstones import is_erased


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
        widgets = {"time_zone": TimeZoneSelect}


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("archived", gettext("Archived")), ("everything", gettext("Everything"))]

    def choices(self, changelist: Any) -> Any:
        choices = iter(super().choices(changelist))
        # Without a choice the list shows what is not archived.
        yield {**next(choices), "display": gettext("Active")}
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

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """With times as its report tells them."""
        campaign = self.get_object(request, unquote(object_id)) if object_id else None
        return on_clock_of(
            campaign.zone if campaign else None,
            lambda: super(CampaignAdmin, self).changeform_view(
                request, object_id, form_url, extra_context
            ),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        # Its pixels are in mailboxes for ever: a campaign is archived, not deleted.
        return False

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = Action.CAMPAIGN_CHANGED if change else Action.CAMPAIGN_CREATED
        record(action, obj, request.user, source=Source.ADMIN, fields=form.changed_data)

    @transaction.atomic
    def _change_each(
        self, request: HttpRequest, queryset: QuerySet[Campaign], action: Action, **values: Any
    ) -> int:
        campaigns = list(queryset.select_for_update(of=("self",)).order_by("pk"))
        Campaign.objects.filter(pk__in=[one.pk for one in campaigns]).update(**values)
        for campaign in campaigns:
            record(action, campaign, request.user, source=Source.ADMIN)
        return len(campaigns)

    @admin.action(description=gettext_lazy("Archive the chosen campaigns"), permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        count = self._change_each(
            request,
            queryset.filter(archived_at=None),
            Action.CAMPAIGN_ARCHIVED,
            archived_at=timezone.now(),
        )
        messages.success(
            request,
            gettext("Archived: %(number)s. Their pixels go on recording opens.")
            % {"number": count},
        )

    @admin.action(
        description=gettext_lazy("Bring the chosen campaigns back"), permissions=["change"]
    )
    def restore(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        count = self._change_each(
            request,
            queryset.exclude(archived_at=None),
            Action.CAMPAIGN_RESTORED,
            archived_at=None,
        )
        messages.success(request, gettext("Brought back: %(number)s.") % {"number": count})


class RecipientForm(forms.ModelForm[Recipient]):
    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        key = email_key(email)
        if key != self.instance.email_key and is_erased([key]):
            raise forms.ValidationError(
                gettext(
                    "The person with this address was erased, and nobody brings them back by "
                    "mistake. If they have asked for it, import them again with --include-erased."
                )
            )
        return email


@admin.register(Recipient)
class RecipientAdmin(admin.ModelAdmin[Recipient]):
    form = RecipientForm
    fields = ("email", "name", "shown_attributes", "created_at")
    readonly_fields = ("shown_attributes", "created_at")
    list_display: tuple[str, ...] = ("email", "name", "created_at")
    # Shows the search field; get_search_results() does the search.
    search_fields = ("email_key", "name")
    search_help_text = gettext_lazy("Part of an address or of a name")
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

    @admin.display(description=gettext_lazy("Attributes"))
    def shown_attributes(self, recipient: Recipient) -> str:
        pairs = recipient.attributes.items()
        if not pairs:
            return "–"
        rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs)
        return format_html('<dl class="attributes">{}</dl>', rows)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Recipient | None:
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST" and connection.in_atomic_block:
            # Not saved over an erasure that comes at this moment.
            return Recipient.objects.select_for_update().get(pk=found.pk)
        return found

    def save_model(self, request: HttpRequest, obj: Recipient, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = Action.RECIPIENT_CHANGED if change else Action.RECIPIENT_ADDED
        record(action, obj, request.user, source=Source.ADMIN, fields=form.changed_data)

    def has_change_permission(self, request: HttpRequest, obj: Recipient | None = None) -> bool:
        is_stub = obj is not None and obj.erased_at is not None
        return not is_stub and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Recipient | None = None) -> bool:
        # Opens would go with the recipient, and the counts would no longer be true.
        return False


@admin.register(SuppressedAddress)
class SuppressedAddressAdmin(admin.ModelAdmin[SuppressedAddress]):
    fields = ("email_key", "reason", "created_at")
    readonly_fields = ("created_at",)
    list_display = ("email_key", "reason", "created_at")
    # Shows the search field; get_search_results() does the search.
    search_fields = ("email_key",)
    search_help_text = gettext_lazy("Part of an address")
    ordering = ("email_key",)
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SuppressedAddress], search_term: str
    ) -> tuple[QuerySet[SuppressedAddress], bool]:
        words = email_key(search_term.replace("\x00", ""))
        return queryset.filter(email_key__contains=words) if words else queryset, False

    def save_model(
        self, request: HttpRequest, obj: SuppressedAddress, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        record(
            Action.SUPPRESSED,
            obj,
            request.user,
            source=Source.ADMIN,
            addresses=1,
            reason=obj.reason,
        )

    def delete_model(self, request: HttpRequest, obj: SuppressedAddress) -> None:
        record(Action.SUPPRESSION_LIFTED, obj, request.user, source=Source.ADMIN, addresses=1)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SuppressedAddress]) -> None:
        addresses = queryset.count()
        super().delete_queryset(request, queryset)
        record(
            Action.SUPPRESSION_LIFTED, None, request.user, source=Source.ADMIN, addresses=addresses
        )


KINDS = {
    "campaign": gettext_lazy("campaign"),
    "recipient": gettext_lazy("recipient"),
    "suppressedaddress": gettext_lazy("suppressed address"),
    "user": gettext_lazy("account"),
    "group": gettext_lazy("group"),
}


# What details are called; others as they are.
DETAILS = {
    "addresses": gettext_lazy("addresses"),
    "added": gettext_lazy("new in the campaign"),
    "created": gettext_lazy("new recipients"),
    "erased": gettext_lazy("erased before"),
    "evidence_months": gettext_lazy("months of evidence kept"),
    "fields": gettext_lazy("fields"),
    "left": gettext_lazy("left as they are"),
    "link": gettext_lazy("link"),
    "lost_evidence": gettext_lazy("opens that lost address and user agent"),
    "opens_months": gettext_lazy("months of opens kept"),
    "pixels": gettext_lazy("pixels"),
    "reason": gettext_lazy("reason"),
    "recipients": gettext_lazy("recipients"),
    "rejected": gettext_lazy("rejected"),
    "removed": gettext_lazy("opens removed"),
    "rows": gettext_lazy("rows"),
    "suppressed": gettext_lazy("suppressed"),
    "tracking": gettext_lazy("choice"),
    "updated": gettext_lazy("known recipients"),
    "verdict": gettext_lazy("verdict"),
    "with_password": gettext_lazy("with a password"),
}


def _kind(name: str) -> str:
    return str(KINDS.get(name, name))


@admin.register(CorrectedAddress)
class CorrectedAddressAdmin(admin.ModelAdmin[CorrectedAddress]):
    """To be read, and to take a correction back: lists bring the address as it stands from then."""

    list_display = ("email_key", "recipient", "corrected_at")
    list_select_related = ("recipient",)
    search_fields = ("email_key",)
    search_help_text = gettext_lazy("Part of an address")
    ordering = ("email_key",)
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: CorrectedAddress | None = None
    ) -> bool:
        return False


def _choice_filter(
    name: str, said: Any, label: Callable[[str], str]
) -> type[admin.SimpleListFilter]:
    """By the values that entries have; a column without choices gets none from Django."""

    class Filter(admin.SimpleListFilter):
        title = said
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            values = AuditEntry.objects.order_by(name).values_list(name, flat=True).distinct()
            return [(value, label(value)) for value in values if value]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{name: self.value()}) if self.value() else queryset

    return Filter


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin[AuditEntry]):
    """To be read: nobody changes what they or others did."""

    called = gettext_lazy("Audit log")
    list_display = ("at", "who", "what", "about", "source", "shown_details")
    list_display_links = ("at",)
    list_filter = (
        "at",
        _choice_filter(
            "action", gettext_lazy("what"), lambda value: AuditEntry(action=value).action_label
        ),
        _choice_filter("object_kind", gettext_lazy("about"), _kind),
        "source",
    )
    fields = ("at", "who", "what", "about", "source", "shown_details")
    readonly_fields = fields
    search_fields = ("by_name", "object_id")
    search_help_text = gettext_lazy(
        "Part of an account’s name, or the number of a campaign or recipient"
    )
    ordering = ("-pk",)
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    sortable_by = ()

    @admin.display(description=gettext_lazy("Who"))
    def who(self, entry: AuditEntry) -> str:
        return entry.by_name or "–"

    @admin.display(description=gettext_lazy("What"))
    def what(self, entry: AuditEntry) -> str:
        return entry.action_label

    @admin.display(description=gettext_lazy("About"))
    def about(self, entry: AuditEntry) -> str:
        return f"{_kind(entry.object_kind)} {entry.object_id}".strip() or "–"

    @admin.display(description=gettext_lazy("Details"))
    def shown_details(self, entry: AuditEntry) -> str:
        told = (
            f"{DETAILS.get(name, name.replace('_', ' '))}: {_plain(value)}"
            for name, value in entry.details.items()
            if value not in ("", [], None)
        )
        return "; ".join(told) or "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False


admin.site.register(Campaign, CampaignAdmin)
