"""Does a hit cost more when much is stored already? The same load on ever larger tables."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import Contestant, Field
from benchmarks.data import Stock
from benchmarks.measure import Measurement, Results, measure
from benchmarks.options import Options
from benchmarks.wrk import Generator

# As many URLs as wrk keeps in memory with ease; drawn from all pixels.
PATHS = 100_000
# Recipients of one mailing, whose pixels lie side by side.
MAILING = 10_000


@dataclass(frozen=True)
class Target:
    """A stock that is served, and one of the two loads on it."""

    contestant: Contestant
    generator: Generator


@dataclass(frozen=True)
class Growth:
    """What was measured under one load: (name, title) of each stock, the smallest first."""

    load: str
    stocks: list[tuple[str, str]]


def measure_growth(options: Options) -> tuple[list[Growth], Results]:
    """What each load met, and all measurements.

    All stocks are loaded before the first is measured, and take turns, so that whatever else
    happens on the machine happens to all.
    """
    connections = max(options.connections)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        field = Field(options, folder, stack)
        ready: dict[str, list[Target]] = {"one mailing": [], "all pixels": []}
        for opens, pixels in product(options.growth_opens, options.growth_pixels):
            served = prepared(field, folder, Stock(pixels, opens), connections)
            for targets, target in zip(ready.values(), served, strict=True):
                targets.append(target)
        measurements: list[Measurement] = []
        for number in range(options.rounds):
            for load, targets in ready.items():
                for place in range(len(targets)):
                    target = targets[(place + number) % len(targets)]
                    one = measure(
                        target.contestant, target.generator, connections, options.seconds, number
                    )
                    title = target.contestant.title
                    print(f"  {title}, {load}: {one.load.rate:,.0f} hits/s", flush=True)
                    measurements.append(one)
    return [Growth(load, named(targets)) for load, targets in ready.items()], Results(measurements)


def named(targets: Sequence[Target]) -> list[tuple[str, str]]:
    return [(target.contestant.name, target.contestant.title) for target in targets]


def prepared(field: Field, folder: Path, stock: Stock, connections: int) -> tuple[Target, Target]:
    """Loaded and served; each pixel of either load was opened once.

    A first open costs more than a later one. With every pixel opened before, all stocks are asked
    for the same work, whatever share of their pixels was opened when they were loaded.
    """
    title = f"{stock.pixels:,} pixels, {stock.opens:,} opens"
    print(f"{title}: loading", flush=True)
    name = f"p{stock.pixels}o{stock.opens}"
    contestant = field.glimpse_on_postgresql(stock, name, title)
    newest = list(range(max(1, stock.pixels - MAILING + 1), stock.pixels + 1))
    random.shuffle(newest)
    loads = (newest, sample(stock.pixels))
    targets = []
    for kind, pixels in zip(("mailing", "all"), loads, strict=True):
        own = folder / f"{name}-{kind}"
        own.mkdir()
        generator = Generator(own, field.paths(pixels))
        opened = 0
        while opened < len(pixels):
            start = opened / len(pixels)
            opened += generator.run(contestant.port, connections, 2, start=start).answered
        # Measurements are told apart by name.
        targets.append(Target(replace(contestant, name=f"{name}-{kind}"), generator))
    return targets[0], targets[1]


def sample(pixels: int) -> list[int]:
    return random.sample(range(1, pixels + 1), min(PATHS, pixels))
