"""What came back."""

from __future__ import annotations

from django.apps import AppConfig


class TrackerConfig(AppConfig):
    name = "tracker"
    verbose_name = "Opens"

    def ready(self) -> None:
        from tracker import checks  # noqa: F401  # registers the system checks
