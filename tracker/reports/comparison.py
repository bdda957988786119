"""Campaigns side by side: rates with their intervals, and for two of them what they tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext

from campaigns.models import Campaign
from tracker.language import decimal, when
from tracker.models import CampaignCounts
from tracker.quarters import QUARTER
from tracker.rates import LEAST_FOR_ESTIMATE, Interval, difference_interval
from tracker.reports.spans import ago
from tracker.reports.totals import totals_of
from tracker.reports.usual import SETTLED_AFTER

MOST_CAMPAIGNS = 10


@dataclass(frozen=True, slots=True)
class Row:
    """``label`` is the campaign's name, with more behind it where another one has the same."""

    campaign: Campaign
    totals: CampaignCounts
    label: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """``sentences``: of two what they tell apart; of more what tells the one with the highest
    estimate from each other one. ``left_out`` are campaigns beyond the most, ``missing`` those that
    are not there."""

    rows: list[Row]
    sentences: list[str]
    left_out: int = 0
    missing: int = 0


def comparison_asked(parameters: Sequence[str]) -> Comparison:
    """One query; ``parameters`` are the campaigns' ids as the URL has them, nonsense left out."""
    ids = [int(text) for text in parameters if text.isdecimal() and len(text) < 19]
    asked = list(dict.fromkeys(ids))
    wanted = asked[:MOST_CAMPAIGNS]
    found = Campaign.objects.select_related("counts").in_bulk(wanted)
    comparison = comparison_of([found[pk] for pk in wanted if pk in found])
    return replace(comparison, left_out=len(asked) - len(wanted), missing=len(wanted) - len(found))


def comparison_of(campaigns: Sequence[Campaign], *, at: datetime | None = None) -> Comparison:
    """In the order given; campaigns with their counts selected along cost no query."""
    now = at or timezone.now()
    labels = labels_of(campaigns)
    rows = [Row(campaign, totals_of(campaign), labels[campaign.pk]) for campaign in campaigns]
    return Comparison(rows, list(_sentences(rows, now)))


def _sentences(rows: Sequence[Row], now: datetime) -> Iterator[str]:
    if len(rows) < 2:
        return
    first = max(rows, key=lambda row: row.totals.rates.estimated_open_rate or -1)
    if len(rows) == 2:
        first = rows[0]
    for row in rows:
        if row is not first:
            yield sentence_about(first, row, now=now)


def labels_of(campaigns: Sequence[Campaign]) -> dict[int, str]:
    """Names that tell these campaigns apart: where two have the same, the day of sending follows,
    and where that is the same, too, the campaign's number."""
    names = Counter(campaign.name for campaign in campaigns)
    dated = {
        campaign.pk: campaign.name if names[campaign.name] == 1 else _with_day(campaign)
        for campaign in campaigns
    }
    uses = Counter(dated.values())
    return {
        campaign.pk: dated[campaign.pk]
        if uses[dated[campaign.pk]] == 1
        else gettext("%(campaign)s (no. %(number)s)")
        % {"campaign": dated[campaign.pk], "number": campaign.pk}
        for campaign in campaigns
    }


def _with_day(campaign: Campaign) -> str:
    if campaign.sent_at is None:
        return gettext("%(campaign)s, not sent") % {"campaign": campaign.name}
    day = when(campaign.sent_at.astimezone(campaign.zone), "LONG_DATE")
    return gettext("%(campaign)s, sent %(day)s") % {"campaign": campaign.name, "day": day}


def sentence_about(one: Row, other: Row, *, now: datetime) -> str:
    """What the two estimated open rates allow to say: by the estimates, since a campaign with more
    readers behind privacy proxies has a lower human open rate for that reason alone."""
    for about in (_about_the_unsent, _about_the_silent):
        if (sentence := about(one, other)) is not None:
            return sentence
    interval = difference(one.totals, other.totals)
    if interval is None:
        return gettext(
            "These two cannot be compared yet: each needs at least %(least)s recipients whose "
            "opens can be told from a machine’s."
        ) % {"least": LEAST_FOR_ESTIMATE}
    low, high = interval
    if high < 0:
        one, other, low, high = other, one, -high, -low
    words = {"one": one.label, "other": other.label, "low": signed(low), "high": signed(high)}
    young = younger_and_rising(one, other, now)
    if young is not None and young.campaign.sent_at is not None:
        words |= {"young": young.label, "ago": ago(now - young.campaign.sent_at)}
        if low <= 0:
            return _about_the_undecided(words)
        return _about_the_young(words, is_ahead=young is one)
    if low > 0:
        pattern = gettext(
            "The rate of “%(one)s” is higher than the rate of “%(other)s” (difference %(low)s to "
            "%(high)s points)."
        )
    else:
        pattern = gettext(
            "The difference between the rate of “%(one)s” and the rate of “%(other)s” could be "
            "chance (difference %(low)s to %(high)s points)."
        )
    return pattern % words


def _about_the_unsent(one: Row, other: Row) -> str | None:
    unsent = [row.label for row in (one, other) if not row.totals.sent]
    if len(unsent) == 2:
        return gettext("These two cannot be compared: neither was sent yet.")
    if unsent:
        return gettext("These two cannot be compared: “%(unsent)s” was not sent yet.") % {
            "unsent": unsent[0]
        }
    return None


def _about_the_silent(one: Row, other: Row) -> str | None:
    """Without any open nobody knows whether the pixel was in the mail: that is no rate of zero."""
    silent = [
        row.label for row in (one, other) if row.totals.trackable > 0 and not row.totals.is_opened
    ]
    if len(silent) == 2:
        return gettext(
            "These two cannot be compared: no open of either has come, so nothing can be said of "
            "their rates."
        )
    if silent:
        return gettext(
            "These two cannot be compared: no open of “%(silent)s” has come, so nothing can be "
            "said of its rate."
        ) % {"silent": silent[0]}
    return None


def younger_and_rising(one: Row, other: Row, now: datetime) -> Row | None:
    """The one sent later, while its rate still rises; none where both were sent together."""
    sent = [(row.campaign.sent_at, row) for row in (one, other) if row.campaign.sent_at]
    if len(sent) < 2:
        return None
    (earlier, _), (later, young) = sorted(sent, key=lambda pair: pair[0])
    if later - earlier < QUARTER or later <= now - SETTLED_AFTER:
        return None
    return young


def _about_the_undecided(words: Mapping[str, str]) -> str:
    pattern = gettext(
        "Too early to compare: “%(young)s” was sent only %(ago)s and is still rising. So far the "
        "difference between the rate of “%(one)s” and the rate of “%(other)s” is %(low)s to "
        "%(high)s points."
    )
    return pattern % words


def _about_the_young(words: Mapping[str, str], *, is_ahead: bool) -> str:
    """A rate only rises with time: who is ahead early is ahead, who is behind may catch up."""
    if is_ahead:
        pattern = gettext(
            "The rate of “%(one)s” is higher than the rate of “%(other)s” already (difference "
            "%(low)s to %(high)s points), though “%(young)s” was sent only %(ago)s and is still "
            "rising."
        )
    else:
        pattern = gettext(
            "Too early to compare: “%(young)s” was sent only %(ago)s and is still rising. So far "
            "“%(one)s” is ahead of “%(other)s” by %(low)s to %(high)s points."
        )
    return pattern % words


def difference(one: CampaignCounts, other: CampaignCounts) -> Interval | None:
    if one.rates.estimated_open_rate is None or other.rates.estimated_open_rate is None:
        return None
    return difference_interval(
        (one.rates.human, one.rates.knowable), (other.rates.human, other.rates.knowable)
    )


def signed(share: float) -> str:
    """In percentage points, with one decimal, or as many as it takes not to look like zero."""
    value = 100 * share
    places = next((places for places in (1, 2, 3) if float(f"{value:.{places}f}")), None)
    # Nearer to zero than that is said as the smallest figure of its sign.
    size = decimal(abs(value), places) if places else decimal(0.001, 3) if value else decimal(0)
    return f"−{size}" if value < 0 else size
