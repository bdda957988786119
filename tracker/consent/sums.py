"""Counts that follow when unique opens change hands, collected and then added in one order."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from tracker.judging.changes import add_to
from tracker.models import CampaignCounts, QuarterHourCounts, UniqueOpen
from tracker.quarters import quarter_of
from tracker.verdicts import Verdict


class Sums:
    """Take away what unique opens were counted as, add what they become, then ``apply``."""

    def __init__(self) -> None:
        self.campaigns: dict[int, Counter[str]] = defaultdict(Counter)
        self._quarters: dict[tuple[int, datetime], Counter[str]] = defaultdict(Counter)

    def take(self, unique: UniqueOpen, *, is_set_apart: bool) -> None:
        self._count(unique, -1, is_set_apart=is_set_apart)

    def add(self, unique: UniqueOpen, *, is_set_apart: bool) -> None:
        self._count(unique, 1, is_set_apart=is_set_apart)

    def _count(self, unique: UniqueOpen, change: int, *, is_set_apart: bool) -> None:
        """``is_set_apart``: its recipient is off, so it counts as no kind."""
        counts = self.campaigns[unique.campaign_id]
        counts["unique_opens"] += change
        if is_set_apart:
            counts["unique_untracked_opens"] += change
        elif kind := Verdict.of_number(unique.verdict).unique_count:
            counts[kind] += change
        # A kind in quarters, too: curves and the time to open are shares of the kind's count.
        first_human = None if is_set_apart else unique.first_human_opened_at
        for name, moment in (
            ("unique_opens", unique.first_opened_at),
            ("unique_human_opens", first_human),
        ):
            if moment is not None:
                self._quarters[unique.campaign_id, quarter_of(moment)][name] += change

    def apply(self) -> None:
        """In the writer's order of locks, after the unique opens."""
        locked = CampaignCounts.objects.select_for_update().filter(pk__in=self.campaigns)
        list(locked.order_by("pk").values_list("pk"))
        for campaign_id, counts in sorted(self.campaigns.items()):
            add_to(CampaignCounts.objects.filter(campaign=campaign_id), counts)
        for (campaign_id, starts_at), counts in sorted(self._quarters.items()):
            # The row is there: it counted the first open of one of them.
            quarter = QuarterHourCounts.objects.filter(campaign=campaign_id, starts_at=starts_at)
            add_to(quarter, counts)
