"""What moves in a report that is left open: one version, one look for all its readers."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from typing import Generic, TypeVar

from django.utils.translation import get_language

from campaigns.models import Campaign
from tracker.models import CampaignCounts
from tracker.reports.chart_page import Choice
from tracker.reports.totals import totals_of

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

VERSION_BYTES = 12
COLUMNS = [column.attname for column in CampaignCounts._meta.concrete_fields]


def version_of(campaign: Campaign, choice: Choice) -> str:
    """Differs as soon as anything differs that the live parts show. No query where the counts were
    selected along: whatever is recorded or judged changes them in the same transaction."""
    totals = totals_of(campaign)
    seen = [
        get_language(),
        campaign.sent_at,
        campaign.time_zone,
        choice.query,
        *(getattr(totals, name) for name in COLUMNS),
    ]
    return blake2b(repr(seen).encode(), digest_size=VERSION_BYTES).hexdigest()


@dataclass(slots=True)
class _Entry(Generic[Value]):
    lock: Lock = field(default_factory=Lock)
    made_at: float | None = None
    values: list[Value] = field(default_factory=list)


class Shared(Generic[Key, Value]):
    """An answer that all who ask within some seconds share; who asks first makes it.

    The others wait meanwhile, so that a hundred readers are one question.
    """

    def __init__(
        self, *, seconds: float, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = Lock()
        self._entries: dict[Key, _Entry[Value]] = {}

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """What ``make`` raises is raised, and nothing is kept."""
        with self._lock:
            if key not in self._entries:
                self._forget_the_oldest()
            entry = self._entries.setdefault(key, _Entry())
        with entry.lock:
            now = self._clock()
            if entry.made_at is None or now - entry.made_at >= self._seconds:
                entry.values = [make()]
                entry.made_at = now
            return entry.values[0]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def _forget_the_oldest(self) -> None:
        while len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
