"""One pixel fetched from several networks within seconds: a scanner's trail within its opens."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import NamedTuple

from tracker.verdicts import Verdict

# Seen in the wild: github.com/mautic/mautic/issues/16263.
NETWORKS = 3
WITHIN = timedelta(seconds=30)

# A proxy's many addresses are no evidence, and what is a machine's already needs none.
SUSPECTS = frozenset({Verdict.HUMAN_CLIENT.number, Verdict.UNKNOWN.number})


class Fetch(NamedTuple):
    """One open as far as patterns look at it; ``verdict`` is what agent and address say alone."""

    opened_at: datetime
    ip: str | None
    verdict: int


def bursts(fetches: Sequence[Fetch]) -> set[int]:
    """The places in ``fetches`` (one pixel's, in order of time) that belong to a burst."""
    ahead = BurstsAhead(iter(fetches))
    return {place for place, fetch in enumerate(fetches) if ahead.has(fetch)}


class BurstsAhead:
    """Tells of one pixel's fetches, asked for in order of time, which belong to a burst.

    Reads them from ``fetches`` as far ahead as a burst may reach, and remembers the networks that
    came last and the bursts that are not over: memory does not grow with the fetches.
    """

    def __init__(self, fetches: Iterator[Fetch]) -> None:
        self._fetches = fetches
        self._next = next(fetches, None)
        # The last networks, each with its last moment, the latest at the end.
        self._networks: dict[str, datetime] = {}
        # From when to when each burst goes.
        self._bursts: deque[tuple[datetime, datetime]] = deque()

    def has(self, fetch: Fetch) -> bool:
        if not _may_belong(fetch):
            return False
        while self._next is not None and self._next.opened_at <= fetch.opened_at + WITHIN:
            self._look_at(self._next)
            self._next = next(self._fetches, None)
        while self._bursts and self._bursts[0][1] < fetch.opened_at:
            self._bursts.popleft()
        return bool(self._bursts) and self._bursts[0][0] <= fetch.opened_at

    def _look_at(self, fetch: Fetch) -> None:
        if not _may_belong(fetch):
            return
        networks, now = self._networks, fetch.opened_at
        network = network_of(fetch.ip)
        networks.pop(network, None)
        networks[network] = now
        if len(networks) > NETWORKS:
            del networks[next(iter(networks))]
        begin = now - WITHIN
        if len(networks) == NETWORKS and next(iter(networks.values())) >= begin:
            if self._bursts and self._bursts[-1][1] >= begin:
                begin, _ = self._bursts.pop()
            self._bursts.append((begin, now))


def _may_belong(fetch: Fetch) -> bool:
    return fetch.verdict in SUSPECTS and bool(fetch.ip)


def network_of(ip: str | None) -> str:
    """What one household or one server farm shares: the first 24 or 48 bits."""
    if not ip:
        return ""
    address = ip_address(ip)
    if address.version == 4:
        return ip.rpartition(".")[0]
    return address.exploded[:14]
