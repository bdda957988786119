"""All campaigns at a glance: one page of the list, as the URL searches, filters and sorts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, FloatField, Q, QuerySet
from django.db.models.expressions import Expression, OrderBy
from django.db.models.functions import Cast, Coalesce, Lower, NullIf
from django.utils.translation import gettext, gettext_lazy, ngettext

from campaigns.models import Campaign
from tracker.breakdowns.far_below import far_below_among
from tracker.breakdowns.providers import provider_label
from tracker.language import count, translated
from tracker.models import CampaignCounts
from tracker.reports.numbered import Pages, pages_of, url_with
from tracker.reports.people import Column
from tracker.reports.sparklines import Sparkline, sparklines_of
from tracker.reports.statuses import Standing, Status, having, standing_of
from tracker.reports.totals import totals_of
from tracker.reports.usual import History, Trend, history_before, trend_of

CAMPAIGNS = 50
DEFAULT_SORT = "-sent"
# What a sort key in the URL orders by. A campaign that is not sent stands where it was created.
SORTS: dict[str, Expression | F] = {
    "name": Lower("name"),
    "sent": Coalesce("sent_at", "created_at"),
    "recipients": F("counts__recipients"),
    "opens": F("counts__unique_human_opens"),
    "rate": Cast(F("counts__unique_human_opens"), FloatField())
    / NullIf(F("counts__sent") - F("counts__bounces") - F("counts__untracked"), 0),
}
TABS = {
    "": gettext_lazy("Active"),
    Status.DRAFT: gettext_lazy("Draft"),
    Status.READY: gettext_lazy("Ready"),
    Status.SENT: gettext_lazy("Sent"),
    Status.OPENING: gettext_lazy("Being opened now"),
    Status.SILENT: gettext_lazy("No hit"),
    Status.ARCHIVED: gettext_lazy("Archived"),
}
COLUMNS = (
    ("name", gettext_lazy("Campaign")),
    ("sent", gettext_lazy("Sent")),
    ("", gettext_lazy("First three days")),
    ("recipients", gettext_lazy("Recipients")),
    ("opens", gettext_lazy("Opened by people")),
    ("rate", gettext_lazy("Human open rate")),
    ("", gettext_lazy("Against the usual")),
    ("", gettext_lazy("Compare")),
)
# The same orders for a narrow screen, which has no room for headings.
SORT_LABELS = {
    "-sent": gettext_lazy("Newest first"),
    "sent": gettext_lazy("Oldest first"),
    "-rate": gettext_lazy("Highest rate first"),
    "rate": gettext_lazy("Lowest rate first"),
    "-opens": gettext_lazy("Most openers first"),
    "opens": gettext_lazy("Fewest openers first"),
    "-recipients": gettext_lazy("Most recipients first"),
    "recipients": gettext_lazy("Fewest recipients first"),
    "name": gettext_lazy("Name from A to Z"),
    "-name": gettext_lazy("Name from Z to A"),
}
NUMBERS = ("recipients", "opens", "rate")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader asked for, as the URL says it; anything senseless falls back to a default."""

    words: str
    status: Status | None
    sort: str
    page: str

    @classmethod
    def from_url(cls, parameters: Mapping[str, str]) -> Asked:
        # The second is the address that this list had before it knew more statuses.
        status = parameters.get("status", "")
        if parameters.get("archived") == "1":
            status = Status.ARCHIVED
        sort = parameters.get("sort", "")
        return cls(
            words=parameters.get("q", "").replace("\x00", "").strip()[:200],
            status=Status(status) if status in list(Status) else None,
            sort=sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT,
            page=parameters.get("page", ""),
        )

    @property
    def query(self) -> str:
        """For the same list elsewhere."""
        return url_with(self.keep)

    @property
    def keep(self) -> dict[str, str]:
        return {
            "q": self.words,
            "status": self.status or "",
            "sort": "" if self.sort == DEFAULT_SORT else self.sort,
        }


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    count: int
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Row:
    """``warning`` is the one that the campaign's report begins with, in short; mostly empty."""

    campaign: Campaign
    totals: CampaignCounts
    standing: Standing
    sparkline: Sparkline | None
    trend: Trend | None
    warning: str


@dataclass(frozen=True, slots=True)
class Sort:
    key: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Overview:
    rows: list[Row]
    tabs: list[Tab]
    columns: list[Column]
    sorts: list[Sort]
    pages: Pages
    asked: Asked
    status_label: str
    is_any: bool


def overview_page(parameters: Mapping[str, str], *, now: datetime) -> Overview:
    """Six queries whatever there is: how many of each status, the page's campaigns with their
    counts, what was usual before them, their first days, and two for what fell at providers."""
    asked = Asked.from_url(parameters)
    matching = _matching(asked)
    filters = {status: having(status, now=now) for status in Status}
    numbers = matching.aggregate(
        active=Count("pk", filter=Q(archived_at=None)),
        **{status.value: Count("pk", filter=choice) for status, choice in filters.items()},
    )
    total = numbers[asked.status.value if asked.status else "active"]
    pages = pages_of(total, asked.page, rows=CAMPAIGNS, keep=asked.keep)
    return Overview(
        rows=_rows(list(campaigns_asked(asked, now=now)[pages.rows]), now),
        tabs=_tabs(asked, numbers),
        columns=_columns(asked),
        sorts=[Sort(key, str(label), key == asked.sort) for key, label in SORT_LABELS.items()],
        pages=pages,
        asked=asked,
        status_label=str(TABS[asked.status or ""]),
        is_any=numbers["active"] + numbers[Status.ARCHIVED] > 0,
    )


def _matching(asked: Asked) -> QuerySet[Campaign]:
    if not asked.words:
        return Campaign.objects.all()
    return Campaign.objects.filter(
        Q(name__icontains=asked.words) | Q(subject__icontains=asked.words)
    )


def campaigns_asked(asked: Asked, *, now: datetime) -> QuerySet[Campaign]:
    """All pages of the list, with their counts and in its order."""
    chosen = having(asked.status, now=now) if asked.status else Q(archived_at=None)
    return _matching(asked).filter(chosen).select_related("counts").order_by(*_order(asked.sort))


def _rows(campaigns: Sequence[Campaign], now: datetime) -> list[Row]:
    sent = [campaign.sent_at for campaign in campaigns if campaign.sent_at]
    history = history_before(max(sent), now=now) if sent else History([], [])
    sparklines = sparklines_of(campaigns)
    fallen = far_below_among(campaigns, now)
    return [
        Row(
            campaign,
            totals := totals_of(campaign),
            standing_of(campaign, totals, now=now),
            sparklines.get(campaign.pk),
            trend_of(campaign, totals, history, now=now),
            warning_of(fallen.get(campaign.pk, [])),
        )
        for campaign in campaigns
    ]


def warning_of(providers: Sequence[str]) -> str:
    if not providers:
        return ""
    first = translated(provider_label(providers[0]))
    if len(providers) == 1:
        return gettext("%(provider)s: probably in the spam folder") % {"provider": first}
    others = len(providers) - 1
    pattern = ngettext(
        "%(provider)s and %(number)s other: probably in the spam folder",
        "%(provider)s and %(number)s others: probably in the spam folder",
        others,
    )
    return pattern % {"provider": first, "number": count(others)}


def _order(sort: str) -> list[OrderBy]:
    """Campaigns without that figure come last either way; among equals the newer comes first."""
    value = SORTS[sort.removeprefix("-")]
    if sort.startswith("-"):
        return [OrderBy(value, descending=True, nulls_last=True), F("pk").desc()]
    return [OrderBy(value, nulls_last=True), F("pk").desc()]


def _tabs(asked: Asked, numbers: Mapping[str, int]) -> list[Tab]:
    """Statuses that no campaign has are left out, but for the one that is shown."""
    keep = asked.keep
    return [
        Tab(str(label), number, url_with(keep, status=status), status == (asked.status or ""))
        for status, label in TABS.items()
        if (number := numbers[status or "active"])
        or status in ("", Status.ARCHIVED)
        or status == asked.status
    ]


def _columns(asked: Asked) -> list[Column]:
    return [_column(asked, key, str(label)) for key, label in COLUMNS]


def _column(asked: Asked, key: str, label: str) -> Column:
    if not key:
        return Column(label, None, None, is_number=False)
    direction = None
    # Moments and figures are first wanted from the top, names from A.
    sort = key if key == "name" else f"-{key}"
    if asked.sort.removeprefix("-") == key:
        direction = "descending" if asked.sort.startswith("-") else "ascending"
        sort = key if direction == "descending" else f"-{key}"
    sort = "" if sort == DEFAULT_SORT else sort
    return Column(label, url_with(asked.keep, sort=sort), direction, key in NUMBERS)
