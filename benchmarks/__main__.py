"""python -m benchmarks: measure, print, write docs/performance.md, judge."""

from __future__ import annotations

import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from benchmarks import options as command_line
from benchmarks.contestants import GLIMPSE, NGINX, PLAIN, Contestant, Field, MissingError
from benchmarks.data import Stock
from benchmarks.growth import measure_growth, sample
from benchmarks.measure import Measurement, Results, measure
from benchmarks.options import Options
from benchmarks.postgresql import server_settings
from benchmarks.tables import check_table, cost_table, growth_table, speed_table, write_section
from benchmarks.wrk import Generator


def main(arguments: Sequence[str]) -> int:
    options = command_line.read(arguments)
    # SIGTERM, too, has to end the servers and drop the databases.
    signal.signal(signal.SIGTERM, end)
    about = description(options, server_settings(options.postgresql))
    print(about, flush=True)
    return grow(options, about) if options.growth else compare(options, about)


def end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def description(options: Options, settings: dict[str, str]) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in settings.items())
    return (
        f"`{options.command}` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: "
        f"{os.cpu_count()} cores shared by load, servers and database; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; "
        f"PostgreSQL {facts}. {options.rounds} rounds of {options.seconds} seconds."
    )


def compare(options: Options, about: str) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        field = Field(options, folder, stack)
        contestants = prepared(field, options)
        generator = Generator(folder, field.paths(sample(options.pixels)))
        sizes = stored_bytes(contestants)
        results = Results(all_rounds(contestants, generator, options))
        grown = {name: size - sizes[name] for name, size in stored_bytes(contestants).items()}
    content = "\n\n".join(
        [
            about,
            speed_table(results, contestants, options.connections),
            check_table(results, contestants),
            cost_table(results, contestants, grown),
        ]
    )
    print("\n" + content, flush=True)
    if options.write:
        write_section("comparison", content)
    return judged(results, options)


def prepared(field: Field, options: Options) -> list[Contestant]:
    print("preparing the databases and the servers", flush=True)
    stock = Stock(options.pixels)
    contestants = [field.glimpse_on_postgresql(stock), field.glimpse_on_sqlite(stock)]
    starts: list[tuple[str, Callable[[Stock], list[Contestant]]]] = [
        ("the plain and the empty view", field.plain_views),
        ("nginx", field.nginx),
    ]
    for name, start in starts:
        try:
            contestants += start(stock)
        except MissingError as missing:
            if options.require_all:
                raise SystemExit(f"{missing} is not installed; --require-all") from missing
            print(f"{name} is left out: {missing} is not installed", flush=True)
    return contestants


def stored_bytes(contestants: Sequence[Contestant]) -> dict[str, int]:
    sizes = {one.name: one.ledger.size() for one in contestants if one.ledger}
    return {name: size for name, size in sizes.items() if size is not None}


def all_rounds(
    contestants: Sequence[Contestant], generator: Generator, options: Options
) -> list[Measurement]:
    """Alternating, and each round begins with another one: what disturbs the machine hits all."""
    measurements = []
    for number in range(options.rounds):
        for connections in options.connections:
            for place in range(len(contestants)):
                contestant = contestants[(place + number) % len(contestants)]
                one = measure(contestant, generator, connections, options.seconds, number)
                print(line(one), flush=True)
                measurements.append(one)
    return measurements


def line(one: Measurement) -> str:
    return (
        f"round {one.round + 1}, {one.connections:>4} connections, "
        f"{one.contestant.name:<8} {one.load.rate:>9,.0f} hits/s, "
        f"p50 {one.load.median * 1000:.1f} ms, p99 {one.load.p99 * 1000:.1f} ms"
        + ("" if one.is_consistent else f"  WRONG: {one.load}, recorded {one.recorded}")
    )


def judged(results: Results, options: Options) -> int:
    """The exit status: 1 when something answered was not kept, or a target was missed."""
    failures = results.failures()
    for one in failures:
        print("NOT KEPT: " + line(one))
    miscounted = [one for one in results.of(GLIMPSE) + results.of("sqlite") if not one.is_counted]
    for one in miscounted:
        print(f"MISCOUNTED: {one.counted} for {one.recorded} opens; " + line(one))
    reached = [*targets_reached(results, options)]
    return 1 if failures or miscounted or not all(reached) else 0


def targets_reached(results: Results, options: Options) -> list[bool]:
    connections = max(options.connections)
    reached = []
    for title, base, target in (
        ("times the plain view", PLAIN, options.targets.plain),
        ("of nginx", NGINX, options.targets.nginx),
    ):
        if target is not None:
            ratio = results.ratio(GLIMPSE, base, connections)
            reached.append(ratio is not None and ratio.median >= target)
            value = f"{ratio.median:.2f}" if ratio else "not measured"
            print(f"target {target} {title}: {value}, {'reached' if reached[-1] else 'MISSED'}")
    if options.targets.tail is not None:
        tail = results.tail(GLIMPSE, connections).median
        reached.append(tail <= options.targets.tail)
        verdict = "reached" if reached[-1] else "MISSED"
        print(f"target p99 at most {options.targets.tail} × p50: {tail:.2f}, {verdict}")
    return reached


def grow(options: Options, about: str) -> int:
    stocks, results = measure_growth(options)
    content = f"{about}\n\n{growth_table(stocks, results, max(options.connections))}"
    print("\n" + content)
    if options.write:
        write_section("growth", content)
    return judged(results, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
