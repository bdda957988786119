"""How often list snippets named nobody: counted in memory, and taken from there to be kept.

A flood of them costs the database nothing: however many there were, they are a number for each
campaign, which its own process adds to the stored one every few seconds. Nothing of what they said
is kept.
"""

from __future__ import annotations

import threading
from collections import Counter

from tracker.list_hits import Unnamed

# A campaign's id and why nobody was named; only campaigns whose token was signed are counted.
Kind = tuple[int, Unnamed]


class Misses:
    """May be told and taken from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()
        self._lock = threading.Lock()

    def add(self, campaign_id: int, why: Unnamed, number: int = 1) -> None:
        with self._lock:
            self._counts[campaign_id, why] += number

    def take(self) -> Counter[Kind]:
        """All that came since the last time; whoever cannot keep them gives them back."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return taken

    def give_back(self, counts: Counter[Kind]) -> None:
        with self._lock:
            self._counts.update(counts)


# Of this process, as its metrics are.
MISSES = Misses()
