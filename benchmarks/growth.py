"""Does a hit cost more when much is stored already? The same load on ever larger tables."""

from __future__ import annotations

import random
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import GLIMPSE, Field
from benchmarks.data import Stock
from benchmarks.measure import Results, measure
from benchmarks.options import Options
from benchmarks.wrk import Generator

# As many URLs as wrk keeps in memory with ease; drawn from all pixels.
PATHS = 200_000


def measure_growth(options: Options) -> list[tuple[str, Results]]:
    """One stock after the other, since all together would not fit into the server's memory."""
    return [
        (f"{pixels:,} pixels, {opens:,} opens", measure_stock(options, Stock(pixels, opens)))
        for opens, pixels in product(options.growth_opens, options.growth_pixels)
    ]


def measure_stock(options: Options, stock: Stock) -> Results:
    connections = max(options.connections)
    print(f"{stock.pixels:,} pixels, {stock.opens:,} opens: loading", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        field = Field(options, folder, stack)
        contestant = field.glimpse_on_postgresql(stock, GLIMPSE)
        generator = Generator(folder, field.paths(sample(stock.pixels)))
        # The first seconds after a load fill caches; they are not counted.
        measure(contestant, generator, connections, options.seconds)
        measurements = []
        for number in range(options.rounds):
            one = measure(contestant, generator, connections, options.seconds, number)
            print(f"  {one.load.rate:,.0f} hits/s", flush=True)
            measurements.append(one)
    return Results(measurements)


def sample(pixels: int) -> list[int]:
    return random.sample(range(1, pixels + 1), min(PATHS, pixels))
