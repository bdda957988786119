"""The chart of a report page: which window of which series, and the links to the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.models import Campaign
from tracker.reports.charts import By, Chart, lay_out
from tracker.reports.people import Query
from tracker.reports.series import series_of


@dataclass(frozen=True, slots=True)
class ChartPage:
    """``keep`` are the URL's parameters that show this chart again."""

    by: By
    chart: Chart | None
    links: dict[str, str | None]
    keep: dict[str, str]


def chart_page(campaign: Campaign, parameters: Mapping[str, str], query: Query) -> ChartPage:
    """Two queries; senseless parameters show the first window by the hour."""
    by: By = "day" if parameters.get("by") == "day" else "hour"
    window = parameters.get("window", "")
    series = series_of(campaign, by=by, window=int(window[:6]) if window.isdecimal() else 0)
    by_kept = by if by == "day" else ""
    links: dict[str, str | None] = {
        "hour_url": query.chart_url(),
        "day_url": query.chart_url(by="day"),
    }
    if series is None:
        return ChartPage(by, None, links | {"earlier_url": None, "later_url": None}, {})

    def window_url(number: int, *, is_there: bool) -> str | None:
        return query.chart_url(by=by_kept, window=str(number or "")) if is_there else None

    more = {
        "earlier_url": window_url(series.window - 1, is_there=series.earlier),
        "later_url": window_url(series.window + 1, is_there=series.later),
    }
    return ChartPage(
        by,
        lay_out(series.points, by=by, sent_at=campaign.sent_at),
        links | more,
        {"by": by_kept, "window": str(series.window or "")},
    )
