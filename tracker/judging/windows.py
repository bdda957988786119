"""A pixel with very many opens is judged window by window: memory and locks do not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet

from tracker.judging.changes import Numbers, Row, first_human_of
from tracker.models import Open, UniqueOpen
from tracker.verdicts import LEAST_HUMAN

# A pixel with more opens is judged by itself, in windows of so many; others share a transaction
# until they have as many together.
MANY = 5_000
READ_AT_ONCE = 2_000


@dataclass(frozen=True)
class Window:
    """Opens of one pixel from ``start`` to before ``end``, in order of time; none: to the last."""

    pixel_id: int
    start: datetime
    end: datetime | None
    opens: list[Row]

    def best_of_all(
        self, unique: UniqueOpen, verdicts: Sequence[Numbers]
    ) -> tuple[int, datetime | None]:
        """The best verdict among all opens of the pixel, and the first human one.

        ``unique`` says what they were before, so the others are asked for only where those in the
        window were the best, or the first, and are so no longer.
        """
        return self._best(unique, verdicts), self._first_human(unique, verdicts)

    def _best(self, unique: UniqueOpen, verdicts: Sequence[Numbers]) -> int:
        now = max(verdict for verdict, _ in verdicts)
        if now >= unique.verdict:
            return now
        if max(one.verdict for one in self.opens) < unique.verdict:
            return unique.verdict
        outside = Q(opened_at__lt=self.start)
        if self.end is not None:
            outside |= Q(opened_at__gte=self.end)
        others = Open.objects.filter(outside, pixel=self.pixel_id).aggregate(best=Max("verdict"))
        return max(now, others["best"] or now)

    def _first_human(self, unique: UniqueOpen, verdicts: Sequence[Numbers]) -> datetime | None:
        before = unique.first_human_opened_at
        if before is not None and before < self.start:
            return before
        inside = first_human_of(self.opens, verdicts)
        if inside is not None or before is None or self.end is None:
            return inside
        later = Open.objects.filter(
            pixel=self.pixel_id, opened_at__gte=max(before, self.end), verdict__gte=LEAST_HUMAN
        )
        return later.order_by("opened_at").values_list("opened_at", flat=True).first()


def by_size(pixel_ids: Sequence[int]) -> tuple[list[list[int]], list[int]]:
    """Groups with at most MANY opens together, and the pixels that have more by themselves."""
    groups: list[list[int]] = []
    large, opens = [], MANY
    sizes = UniqueOpen.objects.filter(pk__in=pixel_ids).order_by("pk")
    for pixel_id, open_count in sizes.values_list("pk", "open_count"):
        if open_count > MANY:
            large.append(pixel_id)
            continue
        if opens + open_count > MANY:
            groups.append([])
            opens = 0
        groups[-1].append(pixel_id)
        opens += open_count
    return groups, large


def window_from(pixel_id: int, start: datetime) -> Window:
    opens = next(opens_from(pixel_id, start, MANY + 1), [])
    if len(opens) <= MANY:
        return Window(pixel_id, start, None, opens)
    # All of one moment are in one window.
    end = opens[-1].opened_at
    if end > opens[0].opened_at:
        return Window(pixel_id, start, end, [one for one in opens if one.opened_at < end])
    end += timedelta(microseconds=1)
    rows = in_order(pixel_id).filter(opened_at__gte=start, opened_at__lt=end)
    return Window(pixel_id, start, end, [Row(*values) for values in rows])


def opens_from(pixel_id: int, moment: datetime, at_once: int = 0) -> Iterator[list[Row]]:
    """One pixel's opens from that moment on, in order of time, page by page."""
    at_once = at_once or READ_AT_ONCE
    rows = in_order(pixel_id).filter(opened_at__gte=moment)
    while page := [Row(*values) for values in rows[:at_once]]:
        yield page
        if len(page) < at_once:
            return
        last = page[-1]
        # The first condition is what the index is walked by.
        rows = in_order(pixel_id).filter(
            Q(opened_at__gt=last.opened_at) | Q(pk__gt=last.id), opened_at__gte=last.opened_at
        )


def in_order(pixel_id: int) -> QuerySet[Open, tuple[Any, ...]]:
    rows = Open.objects.filter(pixel=pixel_id).order_by("opened_at", "pk")
    return rows.values_list(*Row._fields)
