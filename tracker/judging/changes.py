"""What judging again changes: opens, pixels and counts, written in the writer's order of locks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet

from tracker.addresses import may_be_truncated
from tracker.models import CampaignCounts, Open, QuarterHourCounts, UniqueOpen
from tracker.quarters import quarter_of
from tracker.verdicts import LEAST_HUMAN, RULES_VERSION, Verdict

Numbers = tuple[int, int]  # of a verdict and of the rule that gave it


class Row(NamedTuple):
    """An open, as far as it is judged."""

    id: UUID
    pixel_id: int
    opened_at: datetime
    ip: str | None
    user_agent_id: int | None
    verdict: int
    rule: int
    rules_version: int


@dataclass(slots=True)
class Outcome:
    """Opens by campaign and verdict, before and after; test pixels are left out."""

    judged: int = 0
    changed: int = 0
    before: Counter[tuple[int, int]] = field(default_factory=Counter)
    after: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        self.judged += other.judged
        self.changed += other.changed
        self.before += other.before
        self.after += other.after


def is_thin(one: Row) -> bool:
    """Whether it was judged by more than what is stored of it; then that verdict stays.

    A few whole addresses look as if they had been truncated; their opens keep their verdict too.
    """
    if one.user_agent_id is None:
        return True
    if settings.KEEP_ADDRESS == "none" and one.ip is None:
        return True
    return one.ip is not None and may_be_truncated(one.ip)


def first_human_of(opens: Sequence[Row], verdicts: Sequence[Numbers]) -> datetime | None:
    """``opens`` in order of time."""
    moments = (
        one.opened_at
        for one, (verdict, _) in zip(opens, verdicts, strict=True)
        if verdict >= LEAST_HUMAN
    )
    return next(moments, None)


class Changes:
    """What judging again changes, collected, and then written in the writer's order of locks."""

    def __init__(self, *, set_apart: set[int]) -> None:
        """``set_apart``: pixels that are in no count of a kind."""
        self._set_apart = set_apart
        self._opens: dict[Numbers, list[UUID]] = defaultdict(list)
        self._pixels: list[UniqueOpen] = []
        # Opens that came to be by people, less those that no longer are, by pixel.
        self._human_opens: Counter[int] = Counter()
        self._campaigns: dict[int, Counter[str]] = defaultdict(Counter)
        self._quarters: dict[tuple[int, datetime], Counter[str]] = defaultdict(Counter)

    def add_opens(
        self,
        unique: UniqueOpen,
        opens: Sequence[Row],
        verdicts: Sequence[Numbers],
        outcome: Outcome,
    ) -> None:
        outcome.judged += len(opens)
        for one, (verdict, rule) in zip(opens, verdicts, strict=True):
            if not unique.is_test:
                outcome.before[unique.campaign_id, one.verdict] += 1
                outcome.after[unique.campaign_id, verdict] += 1
            is_changed = (one.verdict, one.rule) != (verdict, rule)
            outcome.changed += is_changed
            is_judged = not is_thin(one) and one.rules_version != RULES_VERSION
            if is_changed or is_judged:
                self._add_open(unique, one, verdict, rule)

    def _add_open(self, unique: UniqueOpen, one: Row, verdict: int, rule: int) -> None:
        self._opens[verdict, rule].append(one.id)
        change = (verdict >= LEAST_HUMAN) - (one.verdict >= LEAST_HUMAN)
        self._human_opens[unique.pk] += change
        if unique.is_test or verdict == one.verdict:
            return
        counts = self._campaigns[unique.campaign_id]
        counts[f"{Verdict.of_number(one.verdict)}_opens"] -= 1
        counts[f"{Verdict.of_number(verdict)}_opens"] += 1
        if change:
            quarter = self._quarters[unique.campaign_id, quarter_of(one.opened_at)]
            quarter["human_opens"] += change

    def add_pixel(self, unique: UniqueOpen, best: int, first_human: datetime | None) -> None:
        """What all of the pixel's opens make of it now, after those that were judged again."""
        # What had drifted must not keep opens from being judged: a recount will set it right.
        human_opens = max(0, unique.human_open_count + self._human_opens[unique.pk])
        if (best, first_human, human_opens) == (
            unique.verdict,
            unique.first_human_opened_at,
            unique.human_open_count,
        ):
            return
        if not unique.is_test:
            counts = self._campaigns[unique.campaign_id]
            self._count_kinds(counts, unique, best)
            is_counted = unique.pk not in self._set_apart
            if is_counted and first_human != unique.first_human_opened_at:
                for moment, change in ((unique.first_human_opened_at, -1), (first_human, 1)):
                    if moment is not None:
                        quarter = self._quarters[unique.campaign_id, quarter_of(moment)]
                        quarter["unique_human_opens"] += change
        unique.verdict, unique.first_human_opened_at = best, first_human
        unique.human_open_count = human_opens
        self._pixels.append(unique)

    def _count_kinds(self, counts: Counter[str], unique: UniqueOpen, best: int) -> None:
        if unique.pk in self._set_apart:
            return
        for verdict, change in ((unique.verdict, -1), (best, 1)):
            if kind := Verdict.of_number(verdict).unique_count:
                counts[kind] += change

    def apply(self) -> None:
        for (verdict, rule), ids in self._opens.items():
            for start in range(0, len(ids), 1000):
                Open.objects.filter(pk__in=ids[start : start + 1000]).update(
                    verdict=verdict, rule=rule, rules_version=RULES_VERSION
                )
        UniqueOpen.objects.bulk_update(
            self._pixels,
            ["verdict", "first_human_opened_at", "human_open_count"],
            batch_size=200,
        )
        # All that are concerned, also where the changes cancel each other out: whoever holds the
        # campaign's row knows that nobody is between its opens and its quarters.
        concerned = {*self._campaigns, *(campaign_id for campaign_id, _ in self._quarters)}
        list(
            CampaignCounts.objects.select_for_update()
            .filter(pk__in=concerned)
            .order_by("pk")
            .values_list("pk")
        )
        for campaign_id, counts in sorted(self._campaigns.items()):
            add_to(CampaignCounts.objects.filter(campaign=campaign_id), counts)
        for (campaign_id, starts_at), counts in sorted(self._quarters.items()):
            # The row is there: it counts the open itself.
            quarter = QuarterHourCounts.objects.filter(campaign=campaign_id, starts_at=starts_at)
            add_to(quarter, counts)


def add_to(rows: QuerySet[Any], counts: Counter[str]) -> None:
    changes = {name: F(name) + change for name, change in counts.items() if change}
    if changes:
        rows.update(**changes)
