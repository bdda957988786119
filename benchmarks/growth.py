"""Does a hit cost more when much is stored already? The same load on ever larger tables."""

from __future__ import annotations

import random
from contextlib import ExitStack
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


def measure_growth(options: Options) -> tuple[list[tuple[str, str]], Results]:
    """(name, title) of each stock, the smallest first, and all measurements.

    All stocks are loaded before the first is measured, and take turns, so that whatever else
    happens on the machine happens to all.
    """
    connections = max(options.connections)
    with ExitStack() as stack:
        field_of = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        field = Field(options, field_of, stack)
        ready: list[tuple[Contestant, Generator]] = []
        for opens, pixels in product(options.growth_opens, options.growth_pixels):
            ready.append(prepared(field, field_of, Stock(pixels, opens), connections))
        measurements: list[Measurement] = []
        for number in range(options.rounds):
            for place in range(len(ready)):
                contestant, generator = ready[(place + number) % len(ready)]
                one = measure(contestant, generator, connections, options.seconds, number)
                print(f"  {contestant.title}: {one.load.rate:,.0f} hits/s", flush=True)
                measurements.append(one)
    return [(contestant.name, contestant.title) for contestant, _ in ready], Results(measurements)


def prepared(
    field: Field, folder: Path, stock: Stock, connections: int
) -> tuple[Contestant, Generator]:
    """Loaded, served, and each pixel of the load opened once.

    A first open costs more than a later one. With every pixel opened before, all stocks are asked
    for the same work, whatever share of their pixels was opened when they were loaded.
    """
    title = f"{stock.pixels:,} pixels, {stock.opens:,} opens"
    print(f"{title}: loading", flush=True)
    name = f"p{stock.pixels}o{stock.opens}"
    contestant = field.glimpse_on_postgresql(stock, name, title)
    own = folder / name
    own.mkdir()
    paths = sample(stock.pixels)
    generator = Generator(own, field.paths(paths))
    opened = 0
    while opened < len(paths):
        opened += generator.run(contestant.port, connections, 2, start=opened / len(paths)).answered
    return contestant, generator


def sample(pixels: int) -> list[int]:
    return random.sample(range(1, pixels + 1), min(PATHS, pixels))
