"""A campaign against the account's usual: the median human open rate of those sent before it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from django.db.models import F
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign
from tracker.models import CampaignCounts
from tracker.rates import wilson_interval

# Of so many campaigns before it the median is taken; of fewer than the least there is none.
MOST_EARLIER = 20
LEAST_EARLIER = 3
# Until then a campaign's rate still rises, so it is neither compared nor compared with.
SETTLED_AFTER = timedelta(days=1)
# A difference of less than this part of the usual is no news.
NOTEWORTHY = 0.1


class Word(StrEnum):
    ABOVE = "above usual"
    BELOW = "below usual"
    AS_USUAL = "as usual"
    TOO_EARLY = "too early"
    NO_USUAL = "no usual yet"

    @property
    def label(self) -> str:
        return str(LABELS[self])


LABELS = {
    Word.ABOVE: gettext_lazy("above usual"),
    Word.BELOW: gettext_lazy("below usual"),
    Word.AS_USUAL: gettext_lazy("as usual"),
    Word.TOO_EARLY: gettext_lazy("too early"),
    Word.NO_USUAL: gettext_lazy("no usual yet"),
}


@dataclass(frozen=True, slots=True)
class Trend:
    """``points`` is the difference to the usual in percentage points; ``earlier`` how many
    campaigns made the usual."""

    word: Word
    usual: float | None
    points: float | None
    earlier: int


@dataclass(frozen=True, slots=True)
class History:
    """The account's settled campaigns, archived ones too, in the order in which they were sent."""

    keys: Sequence[tuple[datetime, int]]
    rates: Sequence[float]

    def before(self, sent_at: datetime, campaign_id: int) -> Sequence[float]:
        """The human open rates of the last ones sent before that campaign."""
        end = bisect_left(self.keys, (sent_at, campaign_id))
        return self.rates[max(0, end - MOST_EARLIER) : end]


def history_before(latest: datetime, *, now: datetime) -> History:
    """One query: two counts of each campaign that was sent before the latest one on the page."""
    rows = (
        Campaign.objects.filter(
            sent_at__lte=min(latest, now - SETTLED_AFTER),
            counts__is_simulation=False,
            counts__sent__gt=F("counts__bounces") + F("counts__untracked"),
            # A mail without its pixel says nothing of how many read.
            counts__unique_opens__gt=F("counts__unique_untracked_opens"),
        )
        .order_by("sent_at", "pk")
        .values_list(
            "sent_at",
            "pk",
            "counts__unique_human_opens",
            F("counts__sent") - F("counts__bounces") - F("counts__untracked"),
        )
    )
    keys, rates = [], []
    for sent_at, pk, human, trackable in rows:
        assert sent_at is not None, "the filter leaves those out"
        keys.append((sent_at, pk))
        rates.append(min(human / trackable, 1.0))
    return History(keys, rates)


def trend_of(
    campaign: Campaign, totals: CampaignCounts, history: History, *, now: datetime
) -> Trend | None:
    """None for a campaign that was not sent, reached nobody who may be tracked, or of which no open
    has come."""
    if campaign.sent_at is None or totals.trackable <= 0 or not totals.is_opened:
        return None
    earlier = history.before(campaign.sent_at, campaign.pk)
    if len(earlier) < LEAST_EARLIER:
        return Trend(Word.NO_USUAL, None, None, len(earlier))
    usual = median(earlier)
    if campaign.sent_at > now - SETTLED_AFTER:
        return Trend(Word.TOO_EARLY, usual, None, len(earlier))
    human = totals.rates.human
    rate = human / totals.trackable
    word = _word(human, totals.trackable, usual)
    return Trend(word, usual, 100 * (rate - usual), len(earlier))


def trend_against_the_usual(
    campaign: Campaign, totals: CampaignCounts, *, now: datetime
) -> Trend | None:
    """Of one campaign; none too while there is no usual. One query, none without an open."""
    if campaign.sent_at is None or not totals.is_opened:
        return None
    trend = trend_of(campaign, totals, history_before(campaign.sent_at, now=now), now=now)
    return None if trend is None or trend.usual is None else trend


def _word(human: int, delivered: int, usual: float) -> Word:
    """As usual is what differs by less than a tenth, or could by chance (Wilson, 95 %)."""
    rate = human / delivered
    low, high = wilson_interval(human, delivered)
    if low <= usual <= high or abs(rate - usual) < NOTEWORTHY * usual:
        return Word.AS_USUAL
    return Word.ABOVE if rate > usual else Word.BELOW
