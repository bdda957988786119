"""Who asks for pixels: agents and addresses as mixed as after a real mailing."""

from __future__ import annotations

from random import Random

from benchmarks.wrk import Client
from tracker.simulation.mix import realistic

SEED = 2026
DAY = 86_400.0
# As spread as a list of addresses is; most are a mail service's.
SERVICES = ("gmail.com", "icloud.com", "outlook.com", "yahoo.com", "web.de")
OFFICES = 200


def domain(number: int) -> str:
    """Of a recipient: of ten five are at a mail service, the others at work."""
    place = number % 10
    return SERVICES[place] if place < len(SERVICES) else f"office{number // 10 % OFFICES}.example"


def clients(count: int) -> list[Client]:
    """(address, agent) of as many requests of the simulation's mix, in no order."""
    chance = Random(SEED)
    fetches = realistic(chance, [domain(number) for number in range(count)], DAY)
    chosen = chance.choices(fetches, k=count)
    return [(fetch.ip, fetch.user_agent) for fetch in chosen]
