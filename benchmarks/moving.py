"""How long everything takes to move from SQLite to PostgreSQL, compared row by row."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.commands import Ran, manage
from benchmarks.contestants import Field
from benchmarks.databases import fill_postgresql, migrate, sqlite_url
from benchmarks.mailings import Mailings
from benchmarks.measure import spread
from benchmarks.options import Options
from benchmarks.postgresql import own_database, settle
from benchmarks.rejudging import OPENS_EACH, drift_of
from benchmarks.reporting import Report
from benchmarks.tables import ratio_text, table


def measure_moving(options: Options) -> tuple[list[Ran], int]:
    """Into a new database each round; and the largest drift there."""
    opens = options.chores.opens
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="glimpse-bench-")))
        field = Field(options, folder, stack)
        old = field.environment(sqlite_url(folder / "old.sqlite3"))
        url = stack.enter_context(own_database(options.postgresql, "move_from"))
        environment = field.environment(url)
        migrate(["manage.py", "migrate", "--verbosity=0"], environment)
        fill_postgresql(url, Mailings(1, max(opens // OPENS_EACH, 10), opens))
        settle(url)
        print("making the SQLite file, with the same command", flush=True)
        manage(environment, "move_to", old["DATABASE_URL"])
        runs, drifts = [], []
        for number in range(options.rounds):
            with own_database(options.postgresql, "move_to") as new:
                runs.append(manage(old, "move_to", new, "--json"))
                drifts.append(drift_of(field.environment(new)))
            print(f"round {number + 1}: {runs[-1].seconds:.1f} s", flush=True)
        return runs, max(drifts)


def report(options: Options) -> Report:
    runs, drift = measure_moving(options)
    rows = rows_moved(runs[-1])
    rate = spread(rows / one.seconds for one in runs).median
    head = ["opens", "rows in all", "seconds, median (min–max)", "rows/s", "most memory, MB"]
    row = [f"{options.chores.opens:,}", f"{rows:,}"]
    row += [ratio_text(spread(one.seconds for one in runs), 1), f"{rate:,.0f}"]
    row += [f"{max(one.memory_mb for one in runs):.0f}", str(drift)]
    return Report("move", table([*head, "drift"], [row]), not drift)


def rows_moved(ran: Ran) -> int:
    """The object stands last; what was told on the way comes before it."""
    return sum(json.loads(ran.output.splitlines()[-1])["rows"].values())
