"""One measurement: load, then what the database kept of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.request import Request, urlopen

from benchmarks.contestants import Contestant
from benchmarks.databases import Ledger
from benchmarks.options import Options
from benchmarks.wrk import Generator, Load

SETTLES_WITHIN = 30.0


@dataclass(frozen=True)
class Measurement:
    contestant: Contestant
    connections: int
    round: int
    load: Load
    # None: keeps nothing, or does not say.
    recorded: int | None
    counted: int | None
    groups: int | None

    @property
    def is_consistent(self) -> bool:
        """All that was answered was kept, and nothing that was not asked for.

        A request that was under way when the load stopped may be kept without an answer.
        """
        if self.load.errors or not self.load.answered:
            return False
        if self.recorded is None:
            return True
        surplus = self.recorded - self.load.answered
        return 0 <= surplus <= self.connections

    @property
    def is_counted(self) -> bool:
        """The counters grew by what was recorded."""
        return self.counted == self.recorded

    def line(self) -> str:
        return (
            f"round {self.round + 1}, {self.connections:>4} connections, "
            f"{self.contestant.name:<8} {self.load.rate:>9,.0f} hits/s, "
            f"p50 {self.load.median * 1000:.1f} ms, p99 {self.load.p99 * 1000:.1f} ms"
            + ("" if self.is_consistent else f"  WRONG: {self.load}, recorded {self.recorded}")
        )


def in_turn(
    contestants: Sequence[Contestant],
    generator: Generator,
    options: Options,
    connections: Sequence[int] = (),
) -> list[Measurement]:
    """Alternating, and each round begins with another one: what disturbs the machine hits all."""
    measurements = []
    for number in range(options.rounds):
        for each in connections or options.connections:
            for place in range(len(contestants)):
                contestant = contestants[(place + number) % len(contestants)]
                one = measure(contestant, generator, each, options.seconds, number)
                print(one.line(), flush=True)
                measurements.append(one)
    return measurements


def measure(
    contestant: Contestant, generator: Generator, connections: int, seconds: int, number: int = 0
) -> Measurement:
    ledger = contestant.ledger
    mark, counted = (ledger.mark(), ledger.counted()) if ledger else ("", 0)
    groups = committed_groups(contestant)
    load = generator.run(contestant.port, connections, seconds, contestant.prefix)
    wait_for_the_spool(contestant)
    recorded = recorded_finally(ledger, mark) if ledger else None
    return Measurement(
        contestant,
        connections,
        number,
        load,
        recorded,
        ledger.counted() - counted if ledger else None,
        None if groups is None else (committed_groups(contestant) or 0) - groups,
    )


def wait_for_the_spool(contestant: Contestant) -> None:
    """What was answered from the local disk is kept, and is in the database when it is replayed."""
    deadline = time.monotonic() + SETTLES_WITHIN
    while metric(contestant, "glimpse_spool_bytes") and time.monotonic() < deadline:
        time.sleep(0.1)


def recorded_finally(ledger: Ledger, mark: str) -> int:
    """When the requests that were under way are through: twice the same number."""
    deadline = time.monotonic() + SETTLES_WITHIN
    before, now = -1, ledger.opens_since(mark)
    while now != before and time.monotonic() < deadline:
        time.sleep(0.1)
        before, now = now, ledger.opens_since(mark)
    return now


def committed_groups(contestant: Contestant) -> int | None:
    return metric(contestant, "glimpse_group_hits_count")


def metric(contestant: Contestant, name: str) -> int | None:
    """None where the contestant tells nothing."""
    if not contestant.metrics_token:
        return None
    request = Request(
        f"http://127.0.0.1:{contestant.port}/metrics",
        headers={"Authorization": f"Bearer {contestant.metrics_token}"},
    )
    with urlopen(request, timeout=10) as response:
        for line in response.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return int(float(line.split()[1]))
    return 0


@dataclass(frozen=True)
class Spread:
    median: float
    least: float
    most: float


def spread(values: Iterable[float]) -> Spread:
    ordered = sorted(values)
    return Spread(statistics.median(ordered), ordered[0], ordered[-1])


class Results:
    """All measurements of a run."""

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self.all = measurements

    def of(self, name: str, connections: int | None = None) -> list[Measurement]:
        return [
            one
            for one in self.all
            if one.contestant.name == name and connections in (None, one.connections)
        ]

    def ratio(self, name: str, base: str, connections: int) -> Spread | None:
        """Of the rates, within each round; none when one of the two did not take part."""
        bases = {one.round: one.load.rate for one in self.of(base, connections)}
        ratios = [
            one.load.rate / bases[one.round]
            for one in self.of(name, connections)
            if bases.get(one.round)
        ]
        return spread(ratios) if ratios else None

    def tail(self, name: str, connections: int) -> Spread:
        """How many times the median the 99th percentile is."""
        return spread(one.load.p99 / one.load.median for one in self.of(name, connections))

    def failures(self) -> list[Measurement]:
        return [one for one in self.all if not one.is_consistent]
