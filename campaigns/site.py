"""The admin's first page: what can be edited, in our own groups and words."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy

# Whose tables these are is the code's business: a reader looks for what they are about.
GROUPS = (
    (gettext_lazy("Campaigns"), ("campaigns.Campaign", "tracker.Pixel", "tracker.Open")),
    (
        gettext_lazy("People"),
        ("campaigns.Recipient", "campaigns.SuppressedAddress", "campaigns.CorrectedAddress"),
    ),
    (gettext_lazy("Accounts"), ("auth.User", "auth.Group")),
    (
        gettext_lazy("Security"),
        ("campaigns.AuditEntry", "axes.AccessAttempt", "axes.AccessLog"),
    ),
)


class GlimpseSite(admin.AdminSite):
    site_header = site_title = "Glimpse"
    index_title = gettext_lazy("Administration")
    site_url = "/campaigns/"
    enable_nav_sidebar = False
    empty_value_display = "–"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        tables = {
            f"{app['app_label']}.{table['object_name']}": {**table, **self._called(table["model"])}
            for app in self._build_app_dict(request).values()
            for table in app["models"]
        }
        groups = [
            {"name": name, "models": [tables[key] for key in keys if key in tables]}
            for name, keys in GROUPS
        ]
        return [group for group in groups if group["models"]]

    def _called(self, model: Any) -> dict[str, Any]:
        """What its admin calls it, if the model's own name is somebody else's."""
        called = getattr(self._registry[model], "called", "")
        return {"name": called} if called else {}

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        return redirect("admin:index")
