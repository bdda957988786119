"""What a run measures, read from the command line."""

from __future__ import annotations

import os
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_POSTGRESQL = "postgres://postgres@127.0.0.1:5432/postgres"


@dataclass(frozen=True)
class Targets:
    """What the run is held to at the highest number of connections; none: not asked."""

    plain: float | None
    nginx: float | None
    tail: float | None


@dataclass(frozen=True)
class Options:
    postgresql: str
    connections: tuple[int, ...]
    seconds: int
    rounds: int
    pixels: int
    require_all: bool
    write: bool
    targets: Targets
    growth: bool
    growth_pixels: tuple[int, ...]
    growth_opens: tuple[int, ...]
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
    growth = parser.add_argument_group("growth with the size of the tables")
    add = growth.add_argument
    add("--growth", action="store_true", help="measure this instead of the contestants")
    add("--growth-pixels", type=numbers, default=(10_000, 1_000_000, 10_000_000), metavar="N,N")
    add("--growth-opens", type=numbers, default=(0, 50_000_000), metavar="N,N")
    return parser


def read(arguments: Sequence[str]) -> Options:
    given = parser().parse_args(arguments)
    seconds, rounds = (2, 3) if given.short else (5, 5)
    return Options(
        postgresql=given.postgresql or os.environ.get("BENCH_DATABASE_URL", DEFAULT_POSTGRESQL),
        connections=given.connections,
        seconds=given.seconds or seconds,
        rounds=given.rounds or rounds,
        pixels=given.pixels,
        require_all=given.require_all,
        write=not given.no_write,
        targets=Targets(given.target_plain, given.target_nginx, given.target_tail),
        growth=given.growth,
        growth_pixels=given.growth_pixels,
        growth_opens=given.growth_opens,
        command=" ".join(["python -m benchmarks", *arguments]),
    )
