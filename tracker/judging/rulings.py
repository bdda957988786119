"""What people decided themselves about an open, a network or a user agent; it overrides all."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from uuid import UUID

from tracker.models import Ruling

Network = IPv4Network | IPv6Network


class Rulings:
    """All rulings that hold now. Among several the one about the open itself decides, then the
    narrowest network, then the agent; of two about the same the later one."""

    def __init__(self, rulings: Iterable[Ruling]) -> None:
        self._opens: dict[UUID, Ruling] = {}
        self._agents: dict[int, Ruling] = {}
        networks: dict[Network, Ruling] = {}
        for ruling in rulings:
            if ruling.open_id is not None:
                self._opens[ruling.open_id] = ruling
            elif ruling.user_agent_id is not None:
                self._agents[ruling.user_agent_id] = ruling
            else:
                networks[ip_network(ruling.network)] = ruling
        self._networks = sorted(networks.items(), key=lambda item: -item[0].prefixlen)

    @classmethod
    def of_now(cls) -> Rulings:
        held = Ruling.objects.filter(taken_back_at=None)
        return cls(held.select_related("set_by").order_by("pk"))

    def __bool__(self) -> bool:
        return bool(self._opens or self._agents or self._networks)

    def about(self, open_id: UUID, ip: str | None, agent_id: int | None) -> Ruling | None:
        if (ruling := self._opens.get(open_id)) is not None:
            return ruling
        if ip and self._networks:
            address = ip_address(ip)
            for network, ruling in self._networks:
                if address.version == network.version and address in network:
                    return ruling
        return self._agents.get(agent_id) if agent_id is not None else None
