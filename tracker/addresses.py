"""Addresses cut to the network that one household or firm has: 24 bits, or 48 of IPv6."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

BITS = {4: 24, 6: 48}


def truncated(ip: str | None) -> str | None:
    """The first address of its network."""
    if not ip:
        return None
    network = ip_network(f"{ip.partition('%')[0]}/{BITS[ip_address(ip).version]}", strict=False)
    return str(network.network_address)


def may_be_truncated(ip: str) -> bool:
    """True of what was truncated, and of the few whole addresses that look the same."""
    return ip.endswith((".0", "::"))
