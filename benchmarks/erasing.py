"""How long erasing one person takes among very many."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.clients import domain
from benchmarks.commands import Ran, manage
from benchmarks.contestants import Field
from benchmarks.databases import fill_postgresql, migrate
from benchmarks.mailings import Mailings
from benchmarks.measure import spread
from benchmarks.options import Options
from benchmarks.postgresql import own_database, settle
from benchmarks.rejudging import drift_of
from benchmarks.reporting import Report
from benchmarks.tables import ratio_text, table


def measure_erasing(options: Options) -> tuple[list[Ran], int]:
    """Another person each round, who has opened; and the drift after the last."""
    recipients, opens = options.chores.recipients, options.chores.opens
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        url = stack.enter_context(own_database(options.postgresql, "erase"))
        environment = Field(options, folder, stack).environment(url)
        migrate(["manage.py", "migrate", "--verbosity=0"], environment)
        print(f"loading {recipients:,} recipients, {opens:,} opens", flush=True)
        fill_postgresql(url, Mailings(1, recipients, opens))
        settle(url)
        runs = []
        for number in range(options.rounds):
            # The first of every ten have opened.
            person = recipients // 10 * 10 // 2 // 10 * 10 + number * 10 + 1
            address = f"recipient{person}@{domain(person)}"
            runs.append(manage(environment, "erase_person", address, "--yes"))
            print(f"round {number + 1}: {runs[-1].seconds:.1f} s: {runs[-1].output}", flush=True)
        return runs, drift_of(environment)


def report(options: Options) -> Report:
    runs, drift = measure_erasing(options)
    head = ["recipients", "opens", "seconds, median (min–max)", "most memory, MB", "drift"]
    row = [f"{options.chores.recipients:,}", f"{options.chores.opens:,}"]
    row += [ratio_text(spread(one.seconds for one in runs), 1)]
    row += [f"{max(one.memory_mb for one in runs):.0f}", str(drift)]
    return Report("erase", table(head, [row]), not drift)
