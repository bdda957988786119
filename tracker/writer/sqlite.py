"""The group as one transaction of SQLite: read, fold in Python, write; one writer at a time."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper

from tracker.hits import Hit
from tracker.quarters import EPOCH, quarter_of
from tracker.verdicts import LEAST_HUMAN, RULES_VERSION, Verdict
from tracker.writer.base import AgentIds, Numbers, Writer
from tracker.writer.end_marks import ADD_CHANGES, ADD_END_LOAD, FIND_ENDS, EndMark

# As tracker.models.PixelTracking.
ANONYMOUS, OFF = 1, 2

# Which of these hits were recorded by an earlier try.
FIND_RECORDED = "SELECT id FROM tracker_open WHERE id IN (SELECT value FROM json_each(%s))"

# What may be recorded of the group's pixels.
FIND_TRACKING = """
SELECT id, campaign_id, is_test, tracking FROM tracker_pixel
WHERE id IN (SELECT value FROM json_each(%s))
"""

# Made at the first anonymous open, not when the recipient chose: nothing tells the two together.
ADD_STAND_IN = """
INSERT INTO tracker_pixel (id, campaign_id, is_test, is_stand_in, tracking)
VALUES (%s, %s, 0, 1, 0)
ON CONFLICT DO NOTHING
"""

# The group's pixels, and what their opens had made of them before it.
FIND_PIXELS = """
SELECT pixel.id, pixel.campaign_id, pixel.is_test, stored.first_opened_at, stored.last_opened_at,
    stored.verdict, stored.first_human_opened_at
FROM tracker_pixel AS pixel
LEFT JOIN tracker_uniqueopen AS stored ON stored.pixel_id = pixel.id
WHERE pixel.id IN (SELECT value FROM json_each(%s))
"""

ADD_OPEN = """
INSERT INTO tracker_open
    (id, pixel_id, opened_at, verdict, rule, rules_version, is_at_ceiling, ip, user_agent_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

ADD_UNIQUE_OPEN = """
INSERT INTO tracker_uniqueopen
    (open_count, human_open_count, first_opened_at, verdict, first_human_opened_at,
     last_opened_at, last_ip, last_user_agent_id, pixel_id, campaign_id, is_test)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
CHANGE_UNIQUE_OPEN = """
UPDATE tracker_uniqueopen SET open_count = open_count + %s,
    human_open_count = human_open_count + %s, first_opened_at = %s, verdict = %s,
    first_human_opened_at = %s
WHERE pixel_id = %s
"""
# Not when the pixel was opened later than the group's last hit.
CHANGE_LAST = """
UPDATE tracker_uniqueopen SET last_opened_at = %s, last_ip = %s, last_user_agent_id = %s
WHERE pixel_id = %s
"""

# Counts of a campaign that a hit may change, in the order of the statement below.
COUNTED = (
    "opens",
    *(f"{verdict.value}_opens" for verdict in Verdict),
    "unique_opens",
    "unique_human_opens",
    "unique_unknown_opens",
    "unique_prefetch_opens",
)
ADD_TO_CAMPAIGN = f"""
INSERT INTO tracker_campaigncounts
    (campaign_id, recipients, sent, bounces, last_opened_at, {", ".join(COUNTED)})
VALUES (%s, 0, 0, 0, %s, {", ".join(["%s"] * len(COUNTED))})
ON CONFLICT (campaign_id) DO UPDATE SET
    {", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTED)},
    last_opened_at = max(coalesce(last_opened_at, ''), excluded.last_opened_at)
"""

ADD_TO_QUARTER = """
INSERT INTO tracker_quarterhourcounts
    (campaign_id, starts_at, opens, unique_opens, human_opens, unique_human_opens)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (campaign_id, starts_at) DO UPDATE SET
    opens = opens + excluded.opens, unique_opens = unique_opens + excluded.unique_opens,
    human_opens = human_opens + excluded.human_opens,
    unique_human_opens = unique_human_opens + excluded.unique_human_opens
"""


class Found(NamedTuple):
    """What may be recorded of a pixel."""

    id: int
    campaign_id: int
    is_test: int
    tracking: int


class Judged(NamedTuple):
    """A hit with what is stored beside it."""

    hit: Hit
    agent_id: int | None
    verdict: int
    rule: int


@dataclass(slots=True)
class State:
    """What its opens make of a pixel; everything is none before the first."""

    first: datetime | None = None
    verdict: int | None = None
    first_human: datetime | None = None


@dataclass(slots=True)
class PixelBefore:
    campaign_id: int
    is_test: bool
    last_opened_at: datetime | None
    state: State


class SqliteWriter(Writer):
    def _write(
        self,
        hits: Sequence[Hit],
        agent_ids: AgentIds,
        verdicts: Sequence[Numbers],
        end_marks: Sequence[EndMark],
    ) -> int:
        with self._transaction() as cursor:
            if end_marks:
                self._add_end_loads(cursor, end_marks)
            judged = [
                Judged(hit, agent_id, *numbers)
                for hit, agent_id, numbers in zip(hits, agent_ids, verdicts, strict=True)
            ]
            judged = self._as_allowed(cursor, judged)
            pixels = self._pixels(cursor, [one.hit for one in judged])
            recorded = self._recorded(cursor, hits)
            new = {f"{one.hit.id:032x}": one for one in judged if one.hit.pixel_id in pixels}
            for hit_id in recorded:
                new.pop(hit_id, None)
            self._add_opens(cursor, new)
            self._change_pixels_and_counts(cursor, pixels, list(new.values()))
        return len(new)

    def _add_end_loads(self, cursor: CursorWrapper, end_marks: Sequence[EndMark]) -> None:
        cursor.execute(FIND_ENDS, [json.dumps([mark.pixel_id for mark in end_marks])])
        allowed = {pixel_id: row for pixel_id, *row in cursor.fetchall()}
        changes: Counter[int] = Counter()
        for mark in end_marks:
            campaign_id, is_test = allowed.get(mark.pixel_id, (None, False))
            if campaign_id is not None and (is_test or not mark.is_machine):
                at = self._adapted(moment_of(mark.loaded_at))
                cursor.execute(ADD_END_LOAD, [mark.pixel_id, at])
                changes[campaign_id] += cursor.rowcount
        cursor.executemany(ADD_CHANGES, [(number, one) for one, number in changes.items()])

    def _as_allowed(self, cursor: CursorWrapper, judged: Sequence[Judged]) -> list[Judged]:
        """Without those that are off; with the stand-in, and no evidence, for the anonymous."""
        cursor.execute(FIND_TRACKING, [json.dumps(sorted({one.hit.pixel_id for one in judged}))])
        found = {row[0]: Found(*row) for row in cursor.fetchall()}
        allowed = []
        stand_ins = {}
        for one in judged:
            pixel = found.get(one.hit.pixel_id)
            if pixel is None or pixel.tracking == OFF:
                continue
            if pixel.tracking == ANONYMOUS or one.hit.is_anonymous:
                own_id = pixel.id
                stand_in = own_id if pixel.is_test else self._stand_ins.of(own_id)
                if not pixel.is_test:
                    stand_ins[stand_in] = pixel.campaign_id
                hit = one.hit._replace(pixel_id=stand_in, ip=None, user_agent="")
                one = one._replace(hit=hit, agent_id=None)
            allowed.append(one)
        cursor.executemany(ADD_STAND_IN, sorted(stand_ins.items()))
        return allowed

    @contextmanager
    def _transaction(self) -> Iterator[CursorWrapper]:
        """IMMEDIATE: what is read here stays true until the commit."""
        with self._connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def _pixels(self, cursor: CursorWrapper, hits: Sequence[Hit]) -> dict[int, PixelBefore]:
        cursor.execute(FIND_PIXELS, [json.dumps(sorted({hit.pixel_id for hit in hits}))])
        return {
            pixel_id: PixelBefore(
                campaign_id,
                bool(is_test),
                _moment(last),
                State(_moment(first), verdict, _moment(first_human)),
            )
            for pixel_id, campaign_id, is_test, first, last, verdict, first_human in (
                cursor.fetchall()
            )
        }

    def _recorded(self, cursor: CursorWrapper, hits: Sequence[Hit]) -> list[str]:
        cursor.execute(FIND_RECORDED, [json.dumps([f"{hit.id:032x}" for hit in hits])])
        return [hit_id for (hit_id,) in cursor.fetchall()]

    def _add_opens(self, cursor: CursorWrapper, new: dict[str, Judged]) -> None:
        cursor.executemany(
            ADD_OPEN,
            [
                (
                    hit_id,
                    one.hit.pixel_id,
                    self._adapted(opened_at(one.hit)),
                    one.verdict,
                    one.rule,
                    RULES_VERSION,
                    one.hit.is_at_ceiling,
                    one.hit.ip,
                    one.agent_id,
                )
                for hit_id, one in new.items()
            ],
        )

    def _change_pixels_and_counts(
        self, cursor: CursorWrapper, pixels: dict[int, PixelBefore], new: Sequence[Judged]
    ) -> None:
        by_pixel: dict[int, list[Judged]] = defaultdict(list)
        for one in new:
            by_pixel[one.hit.pixel_id].append(one)
        totals: dict[int, Counter[str]] = defaultdict(Counter)
        lasts: dict[int, int] = defaultdict(int)
        quarters: dict[tuple[int, datetime], Counter[str]] = defaultdict(Counter)
        for pixel_id, opens in sorted(by_pixel.items()):
            pixel = pixels[pixel_id]
            now = state_after(pixel.state, opens)
            self._change_pixel(cursor, pixel_id, pixel, now, opens)
            if not pixel.is_test:
                count_opens(totals[pixel.campaign_id], opens)
                count_kind(totals[pixel.campaign_id], pixel.state.verdict, now.verdict)
                last = max(one.hit.opened_at for one in opens)
                lasts[pixel.campaign_id] = max(last, lasts[pixel.campaign_id])
                count_quarters(quarters, pixel, now, opens)
        for campaign_id, counts in sorted(totals.items()):
            last_at = self._adapted(moment_of(lasts[campaign_id]))
            counted = [counts[name] for name in COUNTED]
            cursor.execute(ADD_TO_CAMPAIGN, [campaign_id, last_at, *counted])
        for (campaign_id, starts_at), counts in sorted(quarters.items(), key=itemgetter(0)):
            added = [counts[name] for name in ("opens", "unique", "human", "unique_human")]
            cursor.execute(ADD_TO_QUARTER, [campaign_id, self._adapted(starts_at), *added])

    def _change_pixel(
        self,
        cursor: CursorWrapper,
        pixel_id: int,
        before: PixelBefore,
        now: State,
        opens: Sequence[Judged],
    ) -> None:
        assert now.first is not None
        first_human = self._adapted(now.first_human) if now.first_human else None
        humans = sum(one.verdict >= LEAST_HUMAN for one in opens)
        state = [len(opens), humans, self._adapted(now.first), now.verdict, first_human]
        last = max(opens, key=lambda one: (one.hit.opened_at, one.hit.id))
        last_values = [self._adapted(opened_at(last.hit)), last.hit.ip, last.agent_id, pixel_id]
        if before.last_opened_at is None:
            cursor.execute(
                ADD_UNIQUE_OPEN, [*state, *last_values, before.campaign_id, before.is_test]
            )
            return
        cursor.execute(CHANGE_UNIQUE_OPEN, [*state, pixel_id])
        if before.last_opened_at <= opened_at(last.hit):
            cursor.execute(CHANGE_LAST, last_values)

    def _adapted(self, moment: datetime) -> Any:
        """The text that Django stores for a moment; a text sorts as the moment does."""
        return self._connection.ops.adapt_datetimefield_value(moment)


def state_after(before: State, opens: Sequence[Judged]) -> State:
    human = [opened_at(one.hit) for one in opens if one.verdict >= LEAST_HUMAN]
    return State(
        _least(before.first, *(opened_at(one.hit) for one in opens)),
        max(before.verdict or 0, *(one.verdict for one in opens)),
        _least(before.first_human, *human),
    )


def count_opens(totals: Counter[str], opens: Sequence[Judged]) -> None:
    totals["opens"] += len(opens)
    for one in opens:
        totals[f"{Verdict.of_number(one.verdict).value}_opens"] += 1


def count_kind(totals: Counter[str], before: int | None, now: int | None) -> None:
    """A pixel that was opened first counts once; one that became of another kind moves there."""
    totals["unique_opens"] += before is None
    for verdict, change in ((before, -1), (now, 1)):
        if verdict is not None and (kind := Verdict.of_number(verdict).unique_count):
            totals[kind] += change


def count_quarters(
    quarters: dict[tuple[int, datetime], Counter[str]],
    before: PixelBefore,
    now: State,
    opens: Sequence[Judged],
) -> None:
    """Add a pixel's opens to their quarters.

    A unique open belongs to the quarter of the pixel's first open: one that arrives late but was
    earlier takes it along. The same with human opens.
    """
    for one in opens:
        counts = quarters[before.campaign_id, quarter_of(opened_at(one.hit))]
        counts["opens"] += 1
        counts["human"] += one.verdict >= LEAST_HUMAN
    for name, was, is_now in (
        ("unique", before.state.first, now.first),
        ("unique_human", before.state.first_human, now.first_human),
    ):
        if was == is_now:
            continue
        for moment, change in ((was, -1), (is_now, 1)):
            if moment is not None:
                quarters[before.campaign_id, quarter_of(moment)][name] += change


def moment_of(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def opened_at(hit: Hit) -> datetime:
    return moment_of(hit.opened_at)


def _least(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _moment(stored: str | datetime | None) -> datetime | None:
    if stored is None:
        return None
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment.replace(tzinfo=UTC)
