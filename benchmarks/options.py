"""What a run measures, read from the command line."""

from __future__ import annotations

import os
from argparse import Action, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

COMPARISON = "comparison"
# What takes minutes a round; the others load for seconds.
FEW_ROUNDS = {"import", "pages", "rejudge", "erase", "move"}
# Whose rounds are not so many seconds of load.
WITHOUT_LOAD = FEW_ROUNDS | {"export"}
DEFAULT_POSTGRESQL = "postgres://postgres@127.0.0.1:5432/postgres"


@dataclass(frozen=True)
class Targets:
    """What the run is held to at the highest number of connections; none: not asked."""

    plain: float | None
    nginx: float | None
    tail: float | None


@dataclass(frozen=True)
class Pages:
    """Recipients of one campaign, campaigns of the overview, and what pages are held to."""

    recipients: tuple[int, ...]
    opens_each: int
    campaigns: tuple[int, ...]
    requests: int
    most_ms: float
    most_growth: float
    most_queries: int
    most_kb: float


@dataclass(frozen=True)
class Chores:
    """How much there is to be judged again, to erase from, to move."""

    opens: int
    recipients: int


@dataclass(frozen=True)
class Options:
    form: str
    postgresql: str
    connections: tuple[int, ...]
    seconds: int
    rounds: int
    pixels: int
    require_all: bool
    write: bool
    targets: Targets
    growth_pixels: tuple[int, ...]
    growth_opens: tuple[int, ...]
    import_rows: int
    target_import: float | None
    export_recipients: int
    target_export: float
    target_verdicts: float
    pages: Pages
    chores: Chores
    command: str


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def parser() -> ArgumentParser:
    parser = ArgumentParser("python -m benchmarks", formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--short", action="store_true", help="within two minutes: 3 rounds of 2 seconds")
    add("--postgresql", metavar="URL", help="default: BENCH_DATABASE_URL or " + DEFAULT_POSTGRESQL)
    add("--connections", type=numbers, default=(1, 64, 256), metavar="N,N", help="1,64,256")
    add("--seconds", type=int, help="length of one measurement (default: 5)")
    add("--rounds", type=int, help="how often each is measured (default: 5)")
    add("--pixels", type=int, default=100_000, help="default: %(default)s")
    add("--require-all", action="store_true", help="a contestant that is missing is an error")
    add("--no-write", action="store_true", help="leave docs/performance.md alone")
    add("--target-plain", type=float, metavar="X", help="fail below X times the plain view")
    add("--target-nginx", type=float, metavar="X", help="fail below X times nginx")
    add("--target-tail", type=float, metavar="X", help="fail if p99 is above X times the median")
    parser.set_defaults(form=COMPARISON)
    add = form(parser, "--growth", "growth with the size of the tables")
    add("--growth-pixels", type=numbers, default=(10_000, 1_000_000, 10_000_000), metavar="N,N")
    add("--growth-opens", type=numbers, default=(0, 50_000_000), metavar="N,N")
    add = form(parser, "--import", "imports beside storing the same rows bare")
    add("--import-rows", type=int, default=1_000_000, metavar="N", help="default: %(default)s")
    add("--target-import", type=float, metavar="X", help="fail above X times the bare rows")
    add = form(parser, "--export", "all snippets as one file")
    add("--export-recipients", type=int, default=1_000_000, metavar="N", help="%(default)s")
    add("--target-export", type=float, default=3.0, metavar="X", help="fail above X times csv")
    add = form(parser, "--verdicts", "the endpoint beside the same one without verdicts")
    add("--target-verdicts", type=float, default=0.1, metavar="X", help="fail above this share")
    add_pages(parser)
    add_chores(parser)
    return parser


def form(parser: ArgumentParser, flag: str, title: str) -> Callable[..., Action]:
    """What adds the options of this form to a group of their own."""
    group = parser.add_argument_group(title)
    name = flag.removeprefix("--")
    told = "measure this instead of the contestants"
    group.add_argument(flag, dest="form", action="store_const", const=name, help=told)
    return group.add_argument


def add_pages(parser: ArgumentParser) -> None:
    add = form(parser, "--pages", "server time of pages, on small and on very large tables")
    add("--page-recipients", type=numbers, default=(1_000, 1_000_000), metavar="N,N")
    add("--page-opens", type=int, default=10, metavar="N", help="opens for each recipient")
    add("--page-campaigns", type=numbers, default=(50, 500), metavar="N,N", help="of the overview")
    add("--page-requests", type=int, default=30, metavar="N", help="of each page in a round")
    add("--target-ms", type=float, default=150, metavar="X", help="fail above: %(default)s")
    add("--target-growth", type=float, default=1.5, metavar="X", help="large / small: %(default)s")
    add("--target-queries", type=int, default=12, metavar="N", help="fail above: %(default)s")
    add("--target-kb", type=float, default=300, metavar="X", help="a page with its assets")


def add_chores(parser: ArgumentParser) -> None:
    add = form(parser, "--rejudge", "history judged again while counts are verified")
    add("--chore-opens", type=int, default=1_000_000, metavar="N", help="default: %(default)s")
    add = form(parser, "--erase", "one person erased among many")
    add("--chore-recipients", type=int, default=1_000_000, metavar="N", help="%(default)s")
    form(parser, "--move", "everything from SQLite to PostgreSQL")


def read(arguments: Sequence[str]) -> Options:
    given = parser().parse_args(arguments)
    seconds, rounds = (2, 3) if given.short else (5, 5)
    if given.form in FEW_ROUNDS:
        rounds = 1 if given.short else 3
    return Options(
        form=given.form,
        postgresql=given.postgresql or os.environ.get("BENCH_DATABASE_URL", DEFAULT_POSTGRESQL),
        connections=given.connections,
        seconds=given.seconds or seconds,
        rounds=given.rounds or rounds,
        pixels=given.pixels,
        require_all=given.require_all,
        write=not given.no_write,
        targets=Targets(given.target_plain, given.target_nginx, given.target_tail),
        growth_pixels=given.growth_pixels,
        growth_opens=given.growth_opens,
        import_rows=given.import_rows,
        target_import=given.target_import,
        export_recipients=given.export_recipients,
        target_export=given.target_export,
        target_verdicts=given.target_verdicts,
        pages=Pages(
            recipients=given.page_recipients,
            opens_each=given.page_opens,
            campaigns=given.page_campaigns,
            requests=given.page_requests,
            most_ms=given.target_ms,
            most_growth=given.target_growth,
            most_queries=given.target_queries,
            most_kb=given.target_kb,
        ),
        chores=Chores(opens=given.chore_opens, recipients=given.chore_recipients),
        command=" ".join(["python -m benchmarks", *arguments]),
    )
