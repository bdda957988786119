"""How long all of history takes to judge again, while counts are verified beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from benchmarks.commands import Ran, manage
from benchmarks.contestants import Field
from benchmarks.databases import fill_postgresql, migrate
from benchmarks.mailings import Mailings
from benchmarks.measure import spread
from benchmarks.options import Options
from benchmarks.postgresql import own_database, settle
from benchmarks.reporting import Report
from benchmarks.tables import ratio_text, table

OPENS_EACH = 5


@dataclass
class Watch:
    """What ``verify_counts`` found, time after time."""

    drifts: list[int] = field(default_factory=list)


@contextmanager
def verifying(environment: Mapping[str, str]) -> Iterator[Watch]:
    """One recount after the other until the block ends, at least one."""
    watch, is_over = Watch(), Event()

    def watch_on() -> None:
        while not watch.drifts or not is_over.is_set():
            watch.drifts.append(drift_of(environment))

    thread = Thread(target=watch_on)
    thread.start()
    try:
        yield watch
    finally:
        is_over.set()
        thread.join()


def drift_of(environment: Mapping[str, str]) -> int:
    told = manage(environment, "verify_counts", "--json", is_checked=False).output
    try:
        return int(json.loads(told)["drift"])
    except (ValueError, KeyError) as error:
        raise SystemExit(f"verify_counts said no drift: {told}") from error


def measure_rejudging(options: Options) -> tuple[list[Ran], list[int]]:
    """Each round judges as many opens, which were recorded before there were verdicts."""
    opens = options.chores.opens
    mailing = Mailings(1, max(opens // OPENS_EACH, 10), opens, is_judged=False)
    runs, drifts = [], []
    for number in range(options.rounds):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
            url = stack.enter_context(own_database(options.postgresql, "rejudge"))
            environment = Field(options, folder, stack).environment(url)
            migrate(["manage.py", "migrate", "--verbosity=0"], environment)
            fill_postgresql(url, mailing)
            settle(url)
            with verifying(environment) as watch:
                runs.append(manage(environment, "rejudge"))
            drifts += [*watch.drifts, drift_of(environment)]
        print(f"round {number + 1}: {runs[-1].seconds:.1f} s, drift {watch.drifts}", flush=True)
        print(runs[-1].output, flush=True)
    return runs, drifts


def report(options: Options) -> Report:
    runs, drifts = measure_rejudging(options)
    seconds = spread(one.seconds for one in runs)
    rate = spread(options.chores.opens / one.seconds for one in runs).median
    head = ["opens", "seconds, median (min–max)", "opens/s", "most memory, MB"]
    head += ["recounts meanwhile and after", "largest drift"]
    row = [f"{options.chores.opens:,}", ratio_text(seconds, 1), f"{rate:,.0f}"]
    row += [f"{max(one.memory_mb for one in runs):.0f}", str(len(drifts)), str(max(drifts))]
    return Report("rejudge", table(head, [row]), not any(drifts))
