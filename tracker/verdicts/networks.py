"""Whose network an address lies in, found among thousands of ranges for every hit."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton

from tracker.sentences import said

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# The publishers of the ranges that an address lies in. None: the address says nothing.
Owners = frozenset[str] | None

PUBLISHERS = {
    "apple": said("Apple's privacy proxy"),
    "google": "Google",
    "microsoft_mail": said("Microsoft's mail filter"),
    "barracuda": said("Barracuda's mail filter"),
    "mail_ru": said("Mail.ru's image proxy"),
    # After microsoft_mail, with which it begins. Evidence alone: no rule asks for it, since readers
    # of Outlook on the web and scanners on rented machines come from there alike.
    "microsoft": said("Microsoft's network"),
}
SCANNERS = frozenset({"microsoft_mail", "barracuda"})

COARSE_FILE = Path(__file__).with_name("coarse_networks.txt")

NOBODY: frozenset[str] = frozenset()
# Addresses of a machine next door say nothing about who fetched: most often a proxy stands there
# that was not declared as trusted.
NEARBY = [
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10"),
    )
]
_MAPPED = 0xFFFF  # the upper 96 bits of an IPv4 address written as IPv6


class Networks:
    """Ranges of addresses by publisher; one look-up answers for all of them.

    ``coarse`` names the publishers whose ranges are wider than the truth.
    """

    def __init__(self, ranges: Mapping[str, Iterable[str]], *, coarse: Iterable[str] = ()) -> None:
        self.coarse = frozenset(coarse)
        published = [
            (publisher, network)
            for publisher, lines in ranges.items()
            for network in parse_networks(lines, publisher)
        ]
        self._version4 = _Stretches(published, 4)
        self._version6 = _Stretches(published, 6)

    @classmethod
    def load(cls, directory: Path | None = None) -> Networks:
        """The built-in ranges, each publisher's replaced by its exact list if there is one."""
        ranges = coarse_ranges()
        coarse = set(ranges)
        for publisher in PUBLISHERS:
            file = directory / f"{publisher}.txt" if directory else None
            if file is None or not file.is_file():
                continue
            exact = parse_networks(file.read_text("utf-8").splitlines(), str(file))
            if not exact:
                raise ValueError(f"{file} holds no network.")
            ranges[publisher] = [str(network) for network in exact]
            coarse.discard(publisher)
        # Of Apple's built-in ranges alone it is known that they are wider than the truth.
        return cls(ranges, coarse=coarse & {"apple"})

    def owners(self, address: str | None) -> Owners:
        """None for an address that is missing, malformed or from next door."""
        place = self._place(address)
        if place is None:
            return None
        stretches, index = place
        return stretches.owners[index]

    def range_around(self, address: str | None) -> str:
        """The range that an address lies in, for a person to read; empty for a malformed one."""
        place = self._place(address)
        return "" if place is None else place[0].text(place[1])

    def _place(self, address: str | None) -> tuple[_Stretches, int] | None:
        # The ipaddress module would take longer than all the rest of a judgement.
        if not address:
            return None
        try:
            if ":" not in address:
                number = int.from_bytes(inet_pton(AF_INET, address), "big")
                stretches = self._version4
            else:
                number = int.from_bytes(inet_pton(AF_INET6, address), "big")
                stretches = self._version6
                if number >> 32 == _MAPPED:
                    number &= 0xFFFF_FFFF
                    stretches = self._version4
        except (OSError, ValueError):
            return None
        return stretches, bisect_right(stretches.starts, number) - 1

    def owner_sets(self) -> set[Owners]:
        """Every answer that ``owners`` can give."""
        return {None, NOBODY, *self._version4.owners, *self._version6.owners}


class _Stretches:
    """The whole line of one family's addresses, cut where the owners change."""

    def __init__(self, published: Iterable[tuple[str, Network]], version: int) -> None:
        self.version = version
        nearby = [("", network) for network in NEARBY]
        changes: dict[int, list[tuple[str, int]]] = {0: []}
        for publisher, network in (*published, *nearby):
            if network.version == version:
                first, last = int(network.network_address), int(network.broadcast_address)
                changes.setdefault(first, []).append((publisher, 1))
                changes.setdefault(last + 1, []).append((publisher, -1))
        self.starts: list[int] = []
        self.owners: list[Owners] = []
        depth: dict[str, int] = {}
        same: dict[Owners, Owners] = {}
        for start in sorted(changes):
            for publisher, step in changes[start]:
                depth[publisher] = depth.get(publisher, 0) + step
            holders = frozenset(publisher for publisher, count in depth.items() if count)
            owners = None if "" in holders else holders
            if not self.owners or owners != self.owners[-1]:
                self.starts.append(start)
                self.owners.append(same.setdefault(owners, owners))

    def text(self, index: int) -> str:
        family = ipaddress.IPv4Address if self.version == 4 else ipaddress.IPv6Address
        is_last = index + 1 == len(self.starts)
        first = family(self.starts[index])
        last = family(-1 % 2**first.max_prefixlen if is_last else self.starts[index + 1] - 1)
        networks = list(ipaddress.summarize_address_range(first, last))
        return (
            str(networks[0])
            if len(networks) == 1
            else said("%(first)s to %(last)s", first=first, last=last)
        )


def parse_networks(lines: Iterable[str], name: str) -> list[Network]:
    """One network a line; empty lines and what follows # are skipped.

    ``name`` is said in the message about a line that holds none.
    """
    networks: list[Network] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            try:
                networks.append(ipaddress.ip_network(text))
            except ValueError as error:
                raise ValueError(f"{name}, line {number}: {error}.") from error
    return networks


def coarse_ranges() -> dict[str, list[str]]:
    ranges: dict[str, list[str]] = {publisher: [] for publisher in PUBLISHERS}
    for line in COARSE_FILE.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            publisher, network = line.split()
            ranges[publisher].append(network)
    return ranges
