"""The addresses of what came back: pixel, health, reports."""

from __future__ import annotations

from django.urls import path

from tracker import health, views

urlpatterns = [
    path("o/<path:token>", views.pixel_by_path),
    path("o/<str:token>.gif", views.pixel, name="pixel"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics_page, name="metrics"),
]
