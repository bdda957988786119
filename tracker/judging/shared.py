"""Addresses behind which readers of many firms stand: no evidence in any pattern."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from tracker.judging.process import process_judge
from tracker.verdicts import Networks

# Their publishers' names in tracker.verdicts.networks.
PROXIES = frozenset({"apple", "google"})
# Exchange Online shows pictures through addresses of its own, with agents like a browser's.
# From Microsoft's list of its 365 endpoints, set 1 (https://endpoints.office.com).
OUTLOOK_ON_THE_WEB = [
    ip_network(text)
    for text in (
        # Not in that list, but between its networks; pictures in Outlook on the web come from here.
        "40.94.0.0/15",
        *("13.107.6.152/31", "13.107.18.10/31", "13.107.128.0/22", "23.103.160.0/20"),
        *("40.96.0.0/13", "40.104.0.0/15", "52.96.0.0/14", "131.253.33.215/32"),
        *("132.245.0.0/16", "150.171.32.0/22", "204.79.197.215/32"),
        *("2603:1006::/40", "2603:1016::/36", "2603:1026::/36", "2603:1036::/36"),
        *("2603:1046::/36", "2603:1056::/36", "2620:1ec:4::152/128", "2620:1ec:c::10/128"),
    )
]


def is_shared_by_readers(ip: str, networks: Networks | None = None) -> bool:
    """Whether readers of many firms may share this address: a mail service's, or one next door."""
    owners = (networks or process_judge().networks).owners(ip)
    if owners is None:
        # A private address: most often a proxy stands there that was not declared as trusted.
        return True
    if owners & PROXIES:
        return True
    address = ip_address(ip)
    return any(address.version == one.version and address in one for one in OUTLOOK_ON_THE_WEB)
