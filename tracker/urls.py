"""The addresses of what came back: pixel, health, reports."""

from __future__ import annotations

from django.urls import path

from tracker import health, pixel_view, views

urlpatterns = [
    path("o/<str:token>.gif", pixel_view.pixel, name="pixel"),
    path("o/<path:path>", pixel_view.pixel_by_path),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics_page, name="metrics"),
    path("campaigns/", views.campaign_list, name="campaign_list"),
    path("campaigns/campaigns.csv", views.campaign_list_csv, name="campaign_list_csv"),
    path("campaigns/compare/", views.campaign_comparison, name="campaign_comparison"),
    path("campaigns/<int:campaign_id>/", views.campaign_report, name="campaign_report"),
    path("campaigns/<int:campaign_id>/figures/", views.campaign_figures, name="campaign_figures"),
    path(
        "campaigns/<int:campaign_id>/recipients/<int:pixel_id>/",
        views.recipient_opens,
        name="recipient_opens",
    ),
    path(
        "campaigns/<int:campaign_id>/recipients/<int:pixel_id>/rulings/<int:ruling_id>/delete",
        views.ruling_delete,
        name="ruling_delete",
    ),
    path(
        "campaigns/<int:campaign_id>/report.csv",
        views.campaign_report_csv,
        name="campaign_report_csv",
    ),
    path(
        "campaigns/<int:campaign_id>/snippets/", views.campaign_snippets, name="campaign_snippets"
    ),
    path(
        "campaigns/<int:campaign_id>/snippets.csv",
        views.campaign_snippets_csv,
        name="campaign_snippets_csv",
    ),
    path(
        "campaigns/<int:campaign_id>/mark-sent", views.campaign_mark_sent, name="campaign_mark_sent"
    ),
]
