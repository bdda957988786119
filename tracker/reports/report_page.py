"""What a campaign's report shows above its recipients: all that moves while it is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from campaigns.models import Campaign
from tracker.reports.chart_page import Choice, chart_page
from tracker.reports.curve import curve_of
from tracker.reports.funnel import funnel_of
from tracker.reports.habits import habits_of
from tracker.reports.people import Query, list_urls
from tracker.reports.series import ends_of
from tracker.reports.time_to_open import in_words
from tracker.reports.totals import totals_of


@dataclass(frozen=True, slots=True)
class Moving:
    """``context`` is the same for every reader; ``choice`` is the one that can be shown."""

    choice: Choice
    context: dict[str, Any]
    keep: dict[str, str]


def moving_parts(campaign: Campaign, choice: Choice, query: Query, *, now: datetime) -> Moving:
    """Three queries, mostly, whatever was sent or opened; five at most. One less of a campaign that
    was read ``with_ends``."""
    totals = totals_of(campaign)
    ends = ends_of(campaign)
    is_human = totals.unique_human_opens > 0
    page = chart_page(campaign, ends, choice, query, is_human=is_human)
    habits = habits_of(campaign, totals, ends, now=now)
    found = habits.time_to_open
    urls = list_urls(page.keep)
    context = {
        "campaign": campaign,
        "totals": totals,
        "rates": totals.rates,
        "is_sent": campaign.sent_at is not None,
        "last_opened_at": totals.last_opened_at,
        "funnel": funnel_of(totals, urls),
        "list_urls": urls,
        "page": page,
        "chart": page.chart,
        "time_to_open": found,
        "median": in_words(found.median) if found and found.median else None,
        "curve": curve_of(found) if found else None,
        "heat_map": habits.heat_map,
        "is_latest_only": habits.is_latest_only,
    }
    return Moving(page.choice, context, page.keep)


def live_fragment(campaign: Campaign, choice: Choice) -> str:
    """The moving parts as HTML, each with its id, for the page to put in the place of the old."""
    parts = moving_parts(campaign, choice, Query(), now=timezone.now())
    with timezone.override(campaign.zone):
        return render_to_string("tracker/_live.html", {**parts.context, "is_live": True})
