"""The addresses of what came back: pixel, health, reports."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from tracker import health, pixel_view
from tracker.pages import (
    breakdowns,
    chart_downloads,
    check,
    comparison,
    live,
    overview,
    privacy,
    pulse,
    recipient,
    recipient_search,
    report,
    rulings,
    saved_segments,
    segments,
    shared,
    shares,
    simulations,
    snippets,
    work,
)

of_recipient: list[URLPattern | URLResolver] = [
    path("", recipient.recipient_opens, name="recipient_opens"),
    path("rulings/<int:ruling_id>/delete", recipient.ruling_delete, name="ruling_delete"),
]

of_campaign: list[URLPattern | URLResolver] = [
    path("", report.campaign_report, name="campaign_report"),
    path("report.csv", report.campaign_report_csv, name="campaign_report_csv"),
    path("breakdowns/attribute.csv", breakdowns.attribute_csv, name="campaign_attribute_csv"),
    path("breakdowns/<str:kind>.csv", breakdowns.breakdown_csv, name="campaign_breakdown_csv"),
    path("live", live.campaign_live, name="campaign_live"),
    path("opens.csv", chart_downloads.campaign_opens_csv, name="campaign_opens_csv"),
    path(
        "time-to-open.csv",
        chart_downloads.campaign_time_to_open_csv,
        name="campaign_time_to_open_csv",
    ),
    path("heat-map.csv", chart_downloads.campaign_heat_map_csv, name="campaign_heat_map_csv"),
    path("funnel.csv", chart_downloads.campaign_funnel_csv, name="campaign_funnel_csv"),
    path("figures/", report.campaign_figures, name="campaign_figures"),
    path("snippets/", snippets.campaign_snippets, name="campaign_snippets"),
    path("snippets.csv", snippets.campaign_snippets_csv, name="campaign_snippets_csv"),
    path("end-marks", snippets.campaign_end_marks, name="campaign_end_marks"),
    path("check/", check.campaign_check, name="campaign_check"),
    path("mark-sent", snippets.campaign_mark_sent, name="campaign_mark_sent"),
    path(
        "simulation/withdraw",
        simulations.campaign_simulation_withdraw,
        name="campaign_simulation_withdraw",
    ),
    path("recipients/<int:pixel_id>/", include(of_recipient)),
    path("segments/", segments.campaign_segments, name="campaign_segments"),
    path("segments/segment.<str:form>", segments.segment_file, name="segment_file"),
    path("segments/resend", segments.segment_resend, name="segment_resend"),
    path("prepare/", work.work_prepare, name="work_prepare"),
    path("shares/", shares.campaign_shares, name="campaign_shares"),
    path("shares/<int:share_id>/revoke", shares.share_revoke, name="share_revoke"),
    path("shares/<int:share_id>/password", shares.share_password, name="share_password"),
]

of_saved_segment: list[URLPattern | URLResolver] = [
    path("", saved_segments.segment_page, name="saved_segment"),
    path("edit/", saved_segments.segment_edit, name="saved_segment_edit"),
    path("delete", saved_segments.segment_delete, name="saved_segment_delete"),
    path("campaign", saved_segments.segment_campaign, name="saved_segment_campaign"),
    path("segment.csv", saved_segments.segment_csv, name="saved_segment_csv"),
]

of_shared: list[URLPattern | URLResolver] = [
    path("", shared.shared_report, name="shared_report"),
    path("report.csv", shared.shared_report_csv, name="shared_report_csv"),
    path("report.html", shared.shared_report_file, name="shared_report_file"),
]

urlpatterns = [
    path("o/<str:token>.gif", pixel_view.pixel, name="pixel"),
    path("o/c/<str:token>.gif", pixel_view.pixel_of_list, name="list_pixel"),
    path("o/<path:path>", pixel_view.pixel_by_path),
    path("privacy/<str:token>/", privacy.privacy, name="privacy"),
    path("privacy/<str:token>/copy", privacy.privacy_copy, name="privacy_copy"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics_page, name="metrics"),
    path("campaigns/", overview.campaign_list, name="campaign_list"),
    path("campaigns/campaigns.csv", overview.campaign_list_csv, name="campaign_list_csv"),
    path("campaigns/pulse/", pulse.campaign_pulse, name="campaign_pulse"),
    path("campaigns/compare/", comparison.campaign_comparison, name="campaign_comparison"),
    path("campaigns/compare/curves.csv", comparison.curves_csv, name="comparison_curves_csv"),
    path("campaigns/<int:campaign_id>/", include(of_campaign)),
    path("rulings/", rulings.ruling_list, name="rulings"),
    path("rulings/<int:ruling_id>/take-back", rulings.ruling_take_back, name="ruling_take_back"),
    path("work/", work.work_list, name="work_list"),
    path("work/rejudge/", work.work_rejudge, name="work_rejudge"),
    path("work/<int:work_id>/", work.work_page, name="work"),
    path("work/<int:work_id>/now", work.work_now, name="work_now"),
    path("work/<int:work_id>/file", work.work_file, name="work_file"),
    path("work/<int:work_id>/cancel", work.work_cancel, name="work_cancel"),
    path("shared/<str:secret>/", include(of_shared)),
    path("segments/", saved_segments.segment_list, name="saved_segments"),
    path("segments/new/", saved_segments.segment_edit, name="saved_segment_new"),
    path("segments/preview", saved_segments.segment_preview, name="saved_segment_preview"),
    path("segments/<int:segment_id>/", include(of_saved_segment)),
    path("recipients/", recipient_search.recipient_search, name="recipient_search"),
    path("recipients/<int:recipient_id>/", recipient.person, name="person"),
]
