"""The chart of a report page: what the URL asks for, the window, and the links to the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    "people": gettext_lazy("People only"),
    "all": gettext_lazy("People and machines"),
    "first": gettext_lazy("First opens and repeats"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader asked for, as the URL says it; anything senseless falls back to a default.

    Which opens to show depends on what there is, unless the reader has said it.
    """

    by: By = DEFAULT_ZOOM
    window: int = 0
    split: Split | None = None

    @classmethod
    def from_url(cls, parameters: Mapping[str, str]) -> Choice:
        zooms: dict[str, By] = {zoom: zoom for zoom in ZOOMS}
        splits: dict[str, Split] = {split: split for split in SPLIT_LABELS}
        window = parameters.get("window", "")
        return cls(
            zooms.get(parameters.get("by", ""), DEFAULT_ZOOM),
            # Two years of quarters are not a thousand windows.
            int(window[:6]) if window.isascii() and window.isdecimal() else 0,
            splits.get(parameters.get("opens", "")),
        )

    @property
    def parameters(self) -> dict[str, str]:
        """For the URL of the same chart; defaults are left out."""
        return {
            "by": "" if self.by == DEFAULT_ZOOM else self.by,
            "window": str(self.window or ""),
            "opens": self.split or "",
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
    """``choice`` is what is shown, ``asked`` what the URL said of it, so that ``keep``, the URL's
    parameters that show this chart again, name no default."""

    choice: Choice
    asked: Choice
    chart: Chart | None
    zooms: list[Link]
    splits: list[Link]
    earlier_url: str | None
    later_url: str | None

    @property
    def keep(self) -> dict[str, str]:
        return self.asked.parameters if self.chart else {}


def chart_page(
    campaign: Campaign, ends: Ends | None, asked: Choice, query: Query, *, is_human: bool
) -> ChartPage:
    """One query; senseless parameters show the first window by the hour. ``is_human``: whether a
    person has opened, as far as anyone can know."""
    chart = series = None
    split = asked.split or default_split(is_opened=ends is not None, is_human=is_human)
    if ends:
        series = series_of(campaign, ends, by=asked.by, window=asked.window)
        asked = replace(asked, window=series.window)
        chart = draw(campaign, series, by=asked.by, split=split)

    def url_of(by: By, window: int, split: Split | None) -> str:
        return query.chart_url(**Choice(by, window, split).parameters)

    return ChartPage(
        replace(asked, split=split),
        asked,
        chart,
        [
            Link(str(label), url_of(by, 0, asked.split), by == asked.by)
            for by, label in ZOOM_LABELS.items()
        ],
        [
            Link(str(label), url_of(asked.by, asked.window, one), one == split)
            for one, label in SPLIT_LABELS.items()
        ],
        url_of(asked.by, asked.window - 1, asked.split) if series and series.earlier else None,
        url_of(asked.by, asked.window + 1, asked.split) if series and series.later else None,
    )


def default_split(*, is_opened: bool, is_human: bool) -> Split:
    """People, unless only machines have come so far: then the chart would be empty."""
    return "all" if is_opened and not is_human else "people"


def draw(campaign: Campaign, series: Series, *, by: By, split: Split) -> Chart:
    return lay_out(
        series.points,
        by=by,
        ends_at=series.ends_at,
        sent_at=campaign.sent_at,
        split=split,
    )
