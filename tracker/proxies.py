"""Whose address a request came from, when proxies that are known stand before the server."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache


class TrustedProxies:
    """Believes X-Forwarded-For from these networks only, and reads it from the right.

    The rightmost entry was written by the proxy that spoke to us, the one before it by the proxy
    that spoke to that one; the first address that is no trusted proxy is the client. Whatever
    stands left of it was sent by the client and proves nothing.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self.trusts = lru_cache(maxsize=4096)(self._trusts)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def _trusts(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._networks)

    def client_address(self, peer: str | None, forwarded: Sequence[bytes]) -> str | None:
        """The client's address as the database stores it; none if the peer has none.

        ``forwarded`` holds the values of the X-Forwarded-For lines in the order they came.
        """
        address = normal_address(peer) if peer else None
        if address is None or not forwarded or not self.trusts(address):
            return address
        entries = b",".join(forwarded).decode("latin-1").split(",")
        for entry in reversed(entries):
            earlier = normal_address(entry.strip())
            if earlier is None:
                break
            address = earlier
            if not self.trusts(address):
                break
        return address


@lru_cache(maxsize=65_536)
def normal_address(text: str) -> str | None:
    """One spelling per address: no port, no brackets, no zone, IPv4 inside IPv6 as IPv4."""
    if len(text) > 64:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(parsed)
