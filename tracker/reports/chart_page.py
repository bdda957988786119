"""The chart of a report page: what the URL asks for, the window, and the links to the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy
from django_stubs_ext import StrPromise

from campaigns.models import Campaign
from tracker.reports.charts import Chart, Split, lay_out
from tracker.reports.clock import ZOOMS, By
from tracker.reports.people import Query
from tracker.reports.series import Ends, Series, series_of

DEFAULT_ZOOM: By = "hour"
ZOOM_LABELS: dict[By, StrPromise] = {
    "quarter": gettext_lazy("Quarter hours"),
    "hour": gettext_lazy("Hours"),
    "day": gettext_lazy("Days"),
    "week": gettext_lazy("Weeks"),
    "month": gettext_lazy("Months"),
}
SPLIT_LABELS: dict[Split, StrPromise] = {
    "people": gettext_lazy("People and machines"),
    "first": gettext_lazy("First opens and repeats"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader asked for, as the URL says it; anything senseless falls back to a default."""

    by: By = DEFAULT_ZOOM
    window: int = 0
    split: Split = "people"

    @classmethod
    def from_url(cls, parameters: Mapping[str, str]) -> Choice:
        zooms: dict[str, By] = {zoom: zoom for zoom in ZOOMS}
        window = parameters.get("window", "")
        return cls(
            zooms.get(parameters.get("by", ""), DEFAULT_ZOOM),
            # Two years of quarters are not a thousand windows.
            int(window[:6]) if window.isascii() and window.isdecimal() else 0,
            "first" if parameters.get("opens") == "first" else "people",
        )

    @property
    def parameters(self) -> dict[str, str]:
        """For the URL of the same chart; defaults are left out."""
        return {
            "by": "" if self.by == DEFAULT_ZOOM else self.by,
            "window": str(self.window or ""),
            "opens": "first" if self.split == "first" else "",
        }

    @property
    def query(self) -> str:
        return urlencode({name: value for name, value in self.parameters.items() if value})


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class ChartPage:
    """``keep`` are the URL's parameters that show this chart again."""

    choice: Choice
    chart: Chart | None
    zooms: list[Link]
    splits: list[Link]
    earlier_url: str | None
    later_url: str | None

    @property
    def keep(self) -> dict[str, str]:
        return self.choice.parameters if self.chart else {}


def chart_page(campaign: Campaign, ends: Ends | None, choice: Choice, query: Query) -> ChartPage:
    """One query; senseless parameters show the first window by the hour."""
    chart = series = None
    if ends:
        series = series_of(campaign, ends, by=choice.by, window=choice.window)
        choice = Choice(choice.by, series.window, choice.split)
        chart = draw(campaign, series, choice)

    def url_of(by: By, window: int, split: Split) -> str:
        return query.chart_url(**Choice(by, window, split).parameters)

    return ChartPage(
        choice,
        chart,
        [
            Link(str(label), url_of(by, 0, choice.split), by == choice.by)
            for by, label in ZOOM_LABELS.items()
        ],
        [
            Link(str(label), url_of(choice.by, choice.window, split), split == choice.split)
            for split, label in SPLIT_LABELS.items()
        ],
        url_of(choice.by, choice.window - 1, choice.split) if series and series.earlier else None,
        url_of(choice.by, choice.window + 1, choice.split) if series and series.later else None,
    )


def draw(campaign: Campaign, series: Series, choice: Choice) -> Chart:
    return lay_out(
        series.points,
        by=choice.by,
        ends_at=series.ends_at,
        sent_at=campaign.sent_at,
        split=choice.split,
    )
