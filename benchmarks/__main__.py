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

from benchmarks import erasing, moving, pages, rejudging
from benchmarks import options as command_line
from benchmarks.contestants import GLIMPSE, NGINX, PLAIN, Contestant, Field, MissingError
from benchmarks.data import Stock
from benchmarks.export import export_table, measure_export
from benchmarks.growth import measure_growth, sample
from benchmarks.imports import imports_table, measure_imports
from benchmarks.measure import Results, in_turn, spread
from benchmarks.options import COMPARISON, WITHOUT_LOAD, Options
from benchmarks.postgresql import server_settings
from benchmarks.reporting import Report, is_reached
from benchmarks.tables import check_table, cost_table, growth_table, speed_table, write_section
from benchmarks.verdicts import measure_verdicts, share_of_verdicts, verdicts_table
from benchmarks.wrk import Generator

Form = Callable[[Options], Report]


def main(arguments: Sequence[str]) -> int:
    options = command_line.read(arguments)
    # SIGTERM, too, has to end the servers and drop the databases.
    signal.signal(signal.SIGTERM, end)
    about = description(options, server_settings(options.postgresql))
    print(about, flush=True)
    report = FORMS[options.form](options)
    content = f"{about} {report.about}".rstrip() + f"\n\n{report.content}"
    print("\n" + content, flush=True)
    if options.write:
        write_section(report.section, content)
    return 0 if report.is_good else 1


def end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def description(options: Options, settings: dict[str, str]) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in settings.items())
    return (
        f"`{options.command}` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: "
        f"{os.cpu_count()} cores shared by load, servers and database; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; "
        f"PostgreSQL {facts}. {options.rounds} rounds"
        + ("." if options.form in WITHOUT_LOAD else f" of {options.seconds} seconds.")
    )


def compare(options: Options) -> Report:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        field = Field(options, folder, stack)
        contestants = prepared(field, options)
        generator = Generator(folder, field.paths(sample(options.pixels)))
        sizes = stored_bytes(contestants)
        results = Results(in_turn(contestants, generator, options))
        grown = {name: size - sizes[name] for name, size in stored_bytes(contestants).items()}
    content = "\n\n".join(
        [
            speed_table(results, contestants, options.connections),
            check_table(results, contestants),
            cost_table(results, contestants, grown),
        ]
    )
    return Report("comparison", content, is_good(results, options))


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


def is_good(results: Results, options: Options) -> bool:
    """Whether all that was answered was kept and counted, and no target missed."""
    failures = results.failures()
    for one in failures:
        print("NOT KEPT: " + one.line())
    miscounted = [one for one in results.of(GLIMPSE) + results.of("sqlite") if not one.is_counted]
    for one in miscounted:
        print(f"MISCOUNTED: {one.counted} for {one.recorded} opens; " + one.line())
    reached = [*targets_reached(results, options)]
    return not failures and not miscounted and all(reached)


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


def grow(options: Options) -> Report:
    grown, results = measure_growth(options)
    content = growth_table(grown, results, max(options.connections))
    return Report("growth", content, is_good(results, options))


def import_lists(options: Options) -> Report:
    runs = measure_imports(options)
    ratios = [
        spread(run.imported / run.bare for run in runs if run.database == database).median
        for database in {run.database for run in runs}
    ]
    target = options.target_import
    is_good = target is None or is_reached("times the bare rows", max(ratios), target)
    about = f"{options.import_rows:,} rows, each with a new recipient and a pixel."
    return Report("imports", imports_table(runs), is_good, about)


def export_snippets(options: Options) -> Report:
    export = measure_export(options)
    content = export_table(export, options.export_recipients)
    ratio = spread(export.ratios).median
    is_good = is_reached("times the csv module", ratio, options.target_export)
    return Report("export", content, is_good)


def compare_verdicts(options: Options) -> Report:
    contestants, results = measure_verdicts(options)
    connections = max(options.connections)
    content = verdicts_table(contestants, results, connections)
    cost = share_of_verdicts(results, connections)
    is_cheap = is_reached("of the throughput", cost, options.target_verdicts)
    return Report("verdicts", content, is_good(results, options) and is_cheap)


FORMS: dict[str, Form] = {
    COMPARISON: compare,
    "growth": grow,
    "import": import_lists,
    "export": export_snippets,
    "verdicts": compare_verdicts,
    "pages": pages.report,
    "rejudge": rejudging.report,
    "erase": erasing.report,
    "move": moving.report,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
