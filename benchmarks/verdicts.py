"""What verdicts cost: the endpoint beside the same one with a judge that knows nothing."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.clients import clients
from benchmarks.contestants import GLIMPSE, Contestant, Field
from benchmarks.data import Stock
from benchmarks.growth import sample
from benchmarks.measure import Results, in_turn, spread
from benchmarks.options import Options
from benchmarks.tables import ratio_text, table
from benchmarks.wrk import Generator

UNJUDGED = "unjudged"
# Clients' addresses come as from a proxy in front: all contestants read them.
BEHIND_A_PROXY = {"TRUSTED_PROXIES": "127.0.0.1/32"}
WITHOUT_VERDICTS = {"DJANGO_SETTINGS_MODULE": "benchmarks.unjudged.settings"}


def measure_verdicts(options: Options) -> tuple[list[Contestant], Results]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        field, stock = Field(options, folder, stack), Stock(options.pixels)
        print("preparing the databases and the servers", flush=True)
        contestants = [
            field.glimpse_on_postgresql(stock, name, title, **settings)
            for name, title, settings in (
                (GLIMPSE, "with verdicts", BEHIND_A_PROXY),
                (UNJUDGED, "without", BEHIND_A_PROXY | WITHOUT_VERDICTS),
            )
        ]
        pixels = sample(options.pixels)
        generator = Generator(folder, field.paths(pixels), clients(len(pixels)))
        return contestants, Results(
            in_turn(contestants, generator, options, [max(options.connections)])
        )


def verdicts_table(contestants: list[Contestant], results: Results, connections: int) -> str:
    rows = []
    for contestant in contestants:
        measurements = results.of(contestant.name, connections)
        rate = spread(one.load.rate for one in measurements)
        rows.append(
            [
                f"this endpoint on PostgreSQL, {contestant.title}",
                str(connections),
                f"{rate.median:,.0f} ({rate.least:,.0f}–{rate.most:,.0f})",
                ratio_text(results.ratio(contestant.name, UNJUDGED, connections), 2),
                f"{spread(one.load.median for one in measurements).median * 1000:.1f}",
                f"{spread(one.load.p99 for one in measurements).median * 1000:.1f}",
            ]
        )
    head = ["", "connections", "hits/s, median (min–max)", "× without", "p50 ms", "p99 ms"]
    return table(head, rows)


def share_of_verdicts(results: Results, connections: int) -> float:
    """The share of the throughput that verdicts take: the median of the rounds."""
    ratio = results.ratio(GLIMPSE, UNJUDGED, connections)
    assert ratio is not None
    return 1 - ratio.median
