"""All campaigns at a glance: one page of the list, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from campaigns.models import Campaign
from tracker.reports.totals import totals_of

CAMPAIGNS = 50


@dataclass(frozen=True, slots=True)
class Overview:
    """Each campaign carries its counts as ``totals``; a page begins below a campaign's id."""

    campaigns: list[Campaign]
    is_archive: bool
    query: str
    older_url: str | None
    first_url: str | None


def overview_page(parameters: Mapping[str, str]) -> Overview:
    """One query; ``parameters`` are the URL's."""
    is_archive = parameters.get("archived") == "1"
    words = parameters.get("q", "").replace("\x00", "").strip()[:200]
    before = parameters.get("before", "")
    shown = Campaign.objects.archived() if is_archive else Campaign.objects.active()
    if words:
        shown = shown.filter(name__icontains=words)
    if before.isdecimal() and len(before) < 19:
        shown = shown.filter(pk__lt=int(before))
    campaigns = list(shown.select_related("counts").order_by("-pk")[: CAMPAIGNS + 1])
    is_more = len(campaigns) > CAMPAIGNS
    campaigns = campaigns[:CAMPAIGNS]
    for campaign in campaigns:
        campaign.totals = totals_of(campaign)  # type: ignore[attr-defined]  # for the template
    keep = {"archived": "1" if is_archive else "", "q": words}
    older = _url(keep, before=str(campaigns[-1].pk)) if is_more else None
    return Overview(campaigns, is_archive, words, older, _url(keep) if before else None)


def _url(keep: Mapping[str, str], **more: str) -> str:
    return "?" + urlencode({name: value for name, value in {**keep, **more}.items() if value})
