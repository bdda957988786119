"""Log-ins in the admin: who came in, who was refused, and how to let somebody in again."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy


class LogInAdmin(admin.ModelAdmin[Any]):
    list_display: tuple[str, ...] = ("attempt_time", "username", "ip_address")
    search_fields = ("username", "ip_address")
    search_help_text = gettext_lazy("Part of an account’s name or of an address")
    ordering = ("-pk",)
    show_full_result_count = False
    list_per_page = 50

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        heading = (found.username if found else "") or gettext("Unknown account")
        context = {"heading": heading, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EnteredAdmin(LogInAdmin):
    called = gettext_lazy("Log-ins")
    list_display = ("attempt_time", "username", "ip_address", "logout_time")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "logout_time")


class RefusedAdmin(LogInAdmin):
    """Whoever deletes a row lets its account in again at once."""

    called = gettext_lazy("Failed log-ins")
    list_display = ("attempt_time", "username", "ip_address", "failures_since_start")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "failures_since_start")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


for model in (AccessAttempt, AccessFailureLog, AccessLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
admin.site.register(AccessAttempt, RefusedAdmin)
admin.site.register(AccessLog, EnteredAdmin)
