"""A campaign's first three days in a line of the list: bars of three hours, opens by people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import ngettext

from campaigns.models import Campaign
from tracker.language import count
from tracker.reports.since_sent import steps_since_sent

STEP = timedelta(hours=3)
STEPS = 24
WIDTH = 96
HEIGHT = 24
BAR = 3


@dataclass(frozen=True, slots=True)
class Sparkline:
    """``path`` is the outline of all bars in a box of 96 by 24."""

    path: str
    label: str


def sparklines_of(campaigns: Sequence[Campaign]) -> Mapping[int, Sparkline]:
    """One query for all of them; a campaign without human opens in those days has none."""
    steps = steps_since_sent(campaigns, counted="human_opens", step=STEP, until=STEP * STEPS)
    return {
        campaign_id: sparkline([sums.get(step, 0) for step in range(STEPS)])
        for campaign_id, sums in steps.items()
        if any(sums.values())
    }


def sparkline(sums: Sequence[int]) -> Sparkline:
    """The highest bar fills the box; what is not nothing is seen."""
    highest = max(sums)
    width = WIDTH / len(sums)
    bars = [
        f"M{place * width:g} {HEIGHT}v-{max(1.0, HEIGHT * opens / highest):.1f}h{BAR}V{HEIGHT}z"
        for place, opens in enumerate(sums)
        if opens > 0
    ]
    hours = int(STEP.total_seconds() // 3600)
    begin = sums.index(highest) * hours
    pattern = ngettext(
        "%(opens)s open by people in the first three days, between %(begin)s and %(end)s hours "
        "after it was sent",
        "%(opens)s opens by people in the first three days, the most between %(begin)s and %(end)s "
        "hours after it was sent",
        sum(sums),
    )
    words = {"opens": count(sum(sums)), "begin": begin, "end": begin + hours}
    return Sparkline("".join(bars), pattern % words)
