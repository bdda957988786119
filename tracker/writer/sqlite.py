"""The group as one transaction of SQLite: read, fold in Python, write; one writer at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.backends.utils import CursorWrapper

from tracker.hits import Hit
from tracker.quarters import EPOCH, quarter_of
from tracker.writer.base import Writer

# Which of these hits were recorded by an earlier try.
FIND_RECORDED = "SELECT id FROM tracker_open WHERE id IN (SELECT value FROM json_each(%s))"

# The group's pixels, and what opened them before it.
FIND_PIXELS = """
SELECT pixel.id, pixel.campaign_id, pixel.is_test, stored.first_opened_at, stored.last_opened_at
FROM tracker_pixel AS pixel
LEFT JOIN tracker_uniqueopen AS stored ON stored.pixel_id = pixel.id
WHERE pixel.id IN (SELECT value FROM json_each(%s))
"""

ADD_OPEN = """
INSERT INTO tracker_open (id, pixel_id, opened_at, is_at_ceiling, ip, user_agent_id)
VALUES (%s, %s, %s, %s, %s, %s)
"""

ADD_UNIQUE_OPEN = """
INSERT INTO tracker_uniqueopen
    (pixel_id, campaign_id, is_test, open_count, first_opened_at, last_opened_at, last_ip,
     last_user_agent_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
# The second half is skipped when the pixel was opened later than the group's last hit.
CHANGE_UNIQUE_OPEN = """
UPDATE tracker_uniqueopen SET open_count = open_count + %s, first_opened_at = %s
WHERE pixel_id = %s
"""
CHANGE_UNIQUE_OPEN_LAST = """
UPDATE tracker_uniqueopen SET open_count = open_count + %s, first_opened_at = %s,
    last_opened_at = %s, last_ip = %s, last_user_agent_id = %s
WHERE pixel_id = %s
"""

ADD_TO_CAMPAIGN = """
INSERT INTO tracker_campaigncounts
    (campaign_id, recipients, sent, bounces, opens, unique_opens, last_opened_at)
VALUES (%s, 0, 0, 0, %s, %s, %s)
ON CONFLICT (campaign_id) DO UPDATE SET
    opens = opens + excluded.opens, unique_opens = unique_opens + excluded.unique_opens,
    last_opened_at = max(coalesce(last_opened_at, ''), excluded.last_opened_at)
"""

ADD_TO_QUARTER = """
INSERT INTO tracker_quarterhourcounts (campaign_id, starts_at, opens, unique_opens)
VALUES (%s, %s, %s, %s)
ON CONFLICT (campaign_id, starts_at) DO UPDATE SET
    opens = opens + excluded.opens, unique_opens = unique_opens + excluded.unique_opens
"""


@dataclass(slots=True)
class PixelBefore:
    campaign_id: int
    is_test: bool
    first_opened_at: datetime | None
    last_opened_at: datetime | None


class SqliteWriter(Writer):
    def _write(self, hits: Sequence[Hit], agent_ids: Sequence[int]) -> int:
        with self._transaction() as cursor:
            pixels = self._pixels(cursor, hits)
            recorded = self._recorded(cursor, hits)
            new = {
                f"{hit.id:032x}": (hit, agent_id)
                for hit, agent_id in zip(hits, agent_ids, strict=True)
                if hit.pixel_id in pixels
            }
            for hit_id in recorded:
                new.pop(hit_id, None)
            self._add_opens(cursor, new)
            self._change_pixels_and_counts(cursor, pixels, list(new.values()))
        return len(new)

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
            pixel_id: PixelBefore(campaign_id, bool(is_test), _moment(first), _moment(last))
            for pixel_id, campaign_id, is_test, first, last in cursor.fetchall()
        }

    def _recorded(self, cursor: CursorWrapper, hits: Sequence[Hit]) -> list[str]:
        cursor.execute(FIND_RECORDED, [json.dumps([f"{hit.id:032x}" for hit in hits])])
        return [hit_id for (hit_id,) in cursor.fetchall()]

    def _add_opens(self, cursor: CursorWrapper, new: dict[str, tuple[Hit, int]]) -> None:
        cursor.executemany(
            ADD_OPEN,
            [
                (
                    hit_id,
                    hit.pixel_id,
                    self._adapted(opened_at(hit)),
                    hit.is_at_ceiling,
                    hit.ip,
                    agent_id,
                )
                for hit_id, (hit, agent_id) in new.items()
            ],
        )

    def _change_pixels_and_counts(
        self,
        cursor: CursorWrapper,
        pixels: dict[int, PixelBefore],
        new: Sequence[tuple[Hit, int]],
    ) -> None:
        by_pixel: dict[int, list[tuple[Hit, int]]] = defaultdict(list)
        for hit, agent_id in new:
            by_pixel[hit.pixel_id].append((hit, agent_id))
        totals: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        lasts: dict[int, int] = defaultdict(int)
        quarters: dict[tuple[int, datetime], list[int]] = defaultdict(lambda: [0, 0])
        for pixel_id, hits in sorted(by_pixel.items()):
            pixel = pixels[pixel_id]
            first = self._change_pixel(cursor, pixel_id, pixel, hits)
            if not pixel.is_test:
                totals[pixel.campaign_id][0] += len(hits)
                totals[pixel.campaign_id][1] += pixel.first_opened_at is None
                last = max(hit.opened_at for hit, _ in hits)
                lasts[pixel.campaign_id] = max(last, lasts[pixel.campaign_id])
                count_quarters(quarters, pixel, first, [hit for hit, _ in hits])
        for campaign_id, counts in sorted(totals.items()):
            last_at = self._adapted(moment_of(lasts[campaign_id]))
            cursor.execute(ADD_TO_CAMPAIGN, [campaign_id, *counts, last_at])
        for (campaign_id, starts_at), counts in sorted(quarters.items()):
            cursor.execute(ADD_TO_QUARTER, [campaign_id, self._adapted(starts_at), *counts])

    def _change_pixel(
        self,
        cursor: CursorWrapper,
        pixel_id: int,
        pixel: PixelBefore,
        hits: Sequence[tuple[Hit, int]],
    ) -> datetime:
        """The pixel's first open after this group."""
        last, agent_id = max(hits, key=lambda item: (item[0].opened_at, item[0].id))
        first = min(opened_at(hit) for hit, _ in hits)
        if pixel.first_opened_at is not None:
            first = min(first, pixel.first_opened_at)
        last_at = self._adapted(opened_at(last))
        opens = len(hits)
        if pixel.first_opened_at is None:
            cursor.execute(
                ADD_UNIQUE_OPEN,
                [
                    pixel_id,
                    pixel.campaign_id,
                    pixel.is_test,
                    opens,
                    self._adapted(first),
                    last_at,
                    last.ip,
                    agent_id,
                ],
            )
        elif pixel.last_opened_at is not None and pixel.last_opened_at > opened_at(last):
            cursor.execute(CHANGE_UNIQUE_OPEN, [opens, self._adapted(first), pixel_id])
        else:
            cursor.execute(
                CHANGE_UNIQUE_OPEN_LAST,
                [opens, self._adapted(first), last_at, last.ip, agent_id, pixel_id],
            )
        return first

    def _adapted(self, moment: datetime) -> Any:
        """The text that Django stores for a moment; a text sorts as the moment does."""
        return self._connection.ops.adapt_datetimefield_value(moment)


def count_quarters(
    quarters: dict[tuple[int, datetime], list[int]],
    pixel: PixelBefore,
    first: datetime,
    hits: Sequence[Hit],
) -> None:
    """Add a pixel's hits to [opens, unique opens] of their quarters.

    A unique open belongs to the quarter of the pixel's first open: one that arrives late but was
    earlier takes it along.
    """
    for hit in hits:
        quarters[pixel.campaign_id, quarter_of(opened_at(hit))][0] += 1
    if first != pixel.first_opened_at:
        quarters[pixel.campaign_id, quarter_of(first)][1] += 1
        if pixel.first_opened_at is not None:
            quarters[pixel.campaign_id, quarter_of(pixel.first_opened_at)][1] -= 1


def moment_of(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def opened_at(hit: Hit) -> datetime:
    return moment_of(hit.opened_at)


def _moment(stored: str | datetime | None) -> datetime | None:
    if stored is None:
        return None
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment.replace(tzinfo=UTC)
