"""One pixel fetched from several networks within seconds: a scanner's trail within its opens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
    suspects = [
        (place, fetch, network_of(fetch.ip))
        for place, fetch in enumerate(fetches)
        if fetch.verdict in SUSPECTS and fetch.ip
    ]
    found: set[int] = set()
    inside: Counter[str] = Counter()
    begin = 0
    for end, (_, fetch, network) in enumerate(suspects):
        inside[network] += 1
        while fetch.opened_at - suspects[begin][1].opened_at > WITHIN:
            left = suspects[begin][2]
            inside[left] -= 1
            if not inside[left]:
                del inside[left]
            begin += 1
        if len(inside) >= NETWORKS:
            found.update(place for place, _, _ in suspects[begin : end + 1])
    return found


def network_of(ip: str | None) -> str:
    """What one household or one server farm shares: the first 24 or 48 bits."""
    if not ip:
        return ""
    address = ip_address(ip)
    if address.version == 4:
        return ip.rpartition(".")[0]
    return address.exploded[:14]
