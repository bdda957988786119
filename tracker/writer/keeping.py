"""How much of a hit's evidence is stored, once it was judged by all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracker.addresses import truncated
from tracker.hits import Hit

FULL, TRUNCATED, NONE = "full", "truncated", "none"
ADDRESSES = (FULL, TRUNCATED, NONE)
AGENTS = (FULL, NONE)


@dataclass(frozen=True, slots=True)
class Keeping:
    """``address``: full, truncated to its network, or none. ``agent``: full or none."""

    address: str = FULL
    agent: str = FULL

    def of(self, hits: Sequence[Hit]) -> Sequence[Hit]:
        if self.address == FULL:
            return hits
        if self.address == NONE:
            return [hit._replace(ip=None) for hit in hits]
        return [hit._replace(ip=truncated(hit.ip)) for hit in hits]
