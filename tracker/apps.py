"""What came back."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class TrackerConfig(AppConfig):
    name = "tracker"
    verbose_name = gettext_lazy("Opens")

    def ready(self) -> None:
        from tracker import checks  # noqa: F401  # registers the system checks
