"""The most hits of one pixel that are recorded in a minute, so that no loop fills the disk."""

from __future__ import annotations

from enum import Enum

MINUTE = 60_000_000  # microseconds
# Memory is bounded: some 150 bytes a pixel. When more are seen within a minute, counting starts
# anew for all; so many pixels in so short a time are a mailing, not a loop.
PIXELS_REMEMBERED = 100_000


class Place(Enum):
    """Where a hit stands in its pixel's minute: recorded below and at the ceiling."""

    BELOW = "below"
    AT = "at"
    ABOVE = "above"


class Ceiling:
    """Counts each pixel's hits within the running minute; one per process.

    The hit that reaches the ceiling is recorded with a mark, those above it are not. The pixel is
    opened in any case. With several processes each has a ceiling of its own; 0 is none.
    """

    def __init__(self, hits_a_minute: int) -> None:
        self._most = hits_a_minute
        self._minute = 0
        self._seen: dict[int, int] = {}

    def place(self, pixel_id: int, microseconds: int) -> Place:
        """Count this hit, and tell where it stands; microseconds since 1970."""
        if not self._most:
            return Place.BELOW
        minute = microseconds // MINUTE
        if minute != self._minute or len(self._seen) >= PIXELS_REMEMBERED:
            self._minute = minute
            self._seen.clear()
        seen = self._seen.get(pixel_id, 0) + 1
        self._seen[pixel_id] = seen
        if seen < self._most:
            return Place.BELOW
        return Place.AT if seen == self._most else Place.ABOVE
