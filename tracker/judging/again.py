"""Opens judged again: agent and address, then patterns, then people; counts follow in one step."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from tracker.judging.bursts import SUSPECTS, Fetch, bursts
from tracker.judging.process import process_judge
from tracker.judging.rulings import Rulings
from tracker.models import CampaignCounts, FanOut, Open, QuarterHourCounts, UniqueOpen, UserAgent
from tracker.quarters import quarter_of
from tracker.verdicts import LEAST_HUMAN, RULE_BY_ID, RULES_VERSION, Verdict

BURST, FAN_OUT, BY_HAND = (RULE_BY_ID[name] for name in ("burst", "fan-out", "by-hand"))
MAIL_CLIENT = RULE_BY_ID["mail-client"]
NO_SUSPECT = Verdict.IMAGE_PROXY_ON_OPEN.number
SCANNER = Verdict.SECURITY_SCANNER.number

Numbers = tuple[int, int]  # of a verdict and of the rule that gave it
Window = tuple[datetime, datetime]


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


class JudgeAgain:
    """Judges the opens of some pixels; one for a walk, since it remembers agents and rulings."""

    def __init__(self, *, is_dry_run: bool = False, fan_outs: Sequence[FanOut] = ()) -> None:
        """``fan_outs``: those that are not stored, beside those that are."""
        self._judge = process_judge()
        self._rulings = Rulings.of_now()
        self._is_dry_run = is_dry_run
        self._fan_outs: dict[str, list[Window]] = defaultdict(list)
        for one in fan_outs:
            self._fan_outs[one.ip].append((one.starts_at, one.ends_at))
        self._agents: dict[int, str] = {}

    def pixels(self, pixel_ids: Sequence[int]) -> Outcome:
        """In one transaction; hits on these pixels wait until it is through."""
        with transaction.atomic():
            locked = UniqueOpen.objects.filter(pk__in=pixel_ids).order_by("pk")
            if not self._is_dry_run:
                # The writer's order of locks: pixels, campaign counts, quarters.
                locked = locked.select_for_update(no_key=True)
            stored = {one.pk: one for one in locked}
            return self._judged(stored)

    def _judged(self, stored: dict[int, UniqueOpen]) -> Outcome:
        opens: dict[int, list[Row]] = defaultdict(list)
        rows = Open.objects.filter(pixel__in=stored).order_by("pixel", "opened_at", "pk")
        for values in rows.values_list(*Row._fields).iterator(2_000):
            opens[values[1]].append(Row(*values))
        self._learn_agents(one.user_agent_id for some in opens.values() for one in some)
        fan_outs = fan_outs_of({one.ip for some in opens.values() for one in some if one.ip})
        outcome = Outcome()
        changes = Changes()
        for pixel_id, some in opens.items():
            unique = stored[pixel_id]
            verdicts = self._verdicts(some, fan_outs)
            outcome.judged += len(some)
            for one, (verdict, rule) in zip(some, verdicts, strict=True):
                if not unique.is_test:
                    outcome.before[unique.campaign_id, one.verdict] += 1
                    outcome.after[unique.campaign_id, verdict] += 1
                is_changed = (one.verdict, one.rule) != (verdict, rule)
                outcome.changed += is_changed
                if is_changed or one.rules_version != RULES_VERSION:
                    changes.add_open(unique, one, verdict, rule)
            changes.add_pixel(unique, some, [verdict for verdict, _ in verdicts])
        if not self._is_dry_run:
            changes.apply()
        return outcome

    def _verdicts(self, opens: Sequence[Row], fan_outs: dict[str, list[Window]]) -> list[Numbers]:
        """Of one pixel's opens, in order of time."""
        judge = self._judge.verdict_and_rule
        alone = [judge(self._agents.get(one.user_agent_id or 0, ""), one.ip) for one in opens]
        in_burst = bursts(
            [
                Fetch(one.opened_at, one.ip, numbers[0] if is_suspect(numbers) else NO_SUSPECT)
                for one, numbers in zip(opens, alone, strict=True)
            ]
        )
        verdicts = []
        for place, (one, numbers) in enumerate(zip(opens, alone, strict=True)):
            ruling = self._rulings.about(one.id, one.ip, one.user_agent_id)
            if ruling is not None:
                numbers = ruling.verdict, BY_HAND.number
            elif place in in_burst:
                numbers = SCANNER, BURST.number
            elif is_suspect(numbers) and self._is_fanned_out(one, fan_outs):
                numbers = SCANNER, FAN_OUT.number
            verdicts.append(numbers)
        return verdicts

    def _is_fanned_out(self, one: Row, stored: dict[str, list[Window]]) -> bool:
        ip = one.ip or ""
        windows = [*stored.get(ip, ()), *self._fan_outs.get(ip, ())]
        return any(start <= one.opened_at < end for start, end in windows)

    def _learn_agents(self, ids: Iterable[int | None]) -> None:
        new = {agent_id for agent_id in ids if agent_id is not None}.difference(self._agents)
        if len(self._agents) > 50_000:
            self._agents.clear()
        for start in range(0, len(ordered := sorted(new)), 500):
            some = UserAgent.objects.filter(pk__in=ordered[start : start + 500])
            self._agents.update(some.values_list("pk", "text"))


def is_suspect(numbers: Numbers) -> bool:
    """Scanners dress up as browsers. A mail client that names itself may well open a shared
    mailbox in three places at once."""
    return numbers[0] in SUSPECTS and numbers[1] != MAIL_CLIENT.number


def fan_outs_of(ips: Iterable[str]) -> dict[str, list[Window]]:
    found: dict[str, list[Window]] = defaultdict(list)
    for start in range(0, len(ordered := sorted(ips)), 500):
        rows = FanOut.objects.filter(ip__in=ordered[start : start + 500])
        for ip, starts_at, ends_at in rows.values_list("ip", "starts_at", "ends_at"):
            found[ip].append((starts_at, ends_at))
    return found


class Changes:
    """What judging again changes, collected, and then written in the writer's order of locks."""

    def __init__(self) -> None:
        self._opens: dict[Numbers, list[UUID]] = defaultdict(list)
        self._pixels: list[UniqueOpen] = []
        self._campaigns: dict[int, Counter[str]] = defaultdict(Counter)
        self._quarters: dict[tuple[int, datetime], Counter[str]] = defaultdict(Counter)

    def add_open(self, unique: UniqueOpen, one: Row, verdict: int, rule: int) -> None:
        self._opens[verdict, rule].append(one.id)
        if unique.is_test or verdict == one.verdict:
            return
        counts = self._campaigns[unique.campaign_id]
        counts[f"{Verdict.of_number(one.verdict)}_opens"] -= 1
        counts[f"{Verdict.of_number(verdict)}_opens"] += 1
        change = (verdict >= LEAST_HUMAN) - (one.verdict >= LEAST_HUMAN)
        if change:
            quarter = self._quarters[unique.campaign_id, quarter_of(one.opened_at)]
            quarter["human_opens"] += change

    def add_pixel(self, unique: UniqueOpen, opens: Sequence[Row], verdicts: list[int]) -> None:
        """``opens`` are all of the pixel's, in order of time."""
        best = max(verdicts)
        humans = (
            one.opened_at
            for one, verdict in zip(opens, verdicts, strict=True)
            if verdict >= LEAST_HUMAN
        )
        first_human = next(humans, None)
        if (best, first_human) == (unique.verdict, unique.first_human_opened_at):
            return
        if not unique.is_test:
            counts = self._campaigns[unique.campaign_id]
            for verdict, change in ((unique.verdict, -1), (best, 1)):
                if kind := Verdict.of_number(verdict).unique_count:
                    counts[kind] += change
            if first_human != unique.first_human_opened_at:
                for moment, change in ((unique.first_human_opened_at, -1), (first_human, 1)):
                    if moment is not None:
                        quarter = self._quarters[unique.campaign_id, quarter_of(moment)]
                        quarter["unique_human_opens"] += change
        unique.verdict, unique.first_human_opened_at = best, first_human
        self._pixels.append(unique)

    def apply(self) -> None:
        for (verdict, rule), ids in self._opens.items():
            for start in range(0, len(ids), 1000):
                Open.objects.filter(pk__in=ids[start : start + 1000]).update(
                    verdict=verdict, rule=rule, rules_version=RULES_VERSION
                )
        UniqueOpen.objects.bulk_update(
            self._pixels, ["verdict", "first_human_opened_at"], batch_size=200
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
