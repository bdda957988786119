"""The exact lists of the mail services' networks, from their publishers or from files."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from tracker.judging.refresh import (
    MOST_BYTES,
    Refreshed,
    RefusedError,
    Source,
    download,
    network_ages,
    present_list,
    publisher_of,
    refresh,
)
from tracker.management.commands._arguments import opened_file
from tracker.verdicts import PUBLISHERS


class Command(BaseCommand):
    help = "Refresh the lists of the mail services' networks in NETWORKS_DIR."
    # It touches files alone; no database is asked.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="files",
            nargs="+",
            action="extend",
            metavar="FILE",
            help="these lists, of whichever publishers; default: download from the publishers",
        )
        parser.add_argument(
            "--force", action="store_true", help="even if a list covers less than half of before"
        )

    def handle(self, *args: Any, files: list[str] | None, force: bool, **options: Any) -> None:
        directory = Path(settings.NETWORKS_DIR)
        if files:
            results, problems = from_files(directory, files, is_forced=force)
        else:
            results = [downloaded(directory, one, is_forced=force) for one in PUBLISHERS]
            problems = []
        if results:
            for line in table(results):
                self.stdout.write(line)
        for problem in problems:
            self.stderr.write(problem)
        if any(result.is_replaced for result in results):
            self.stdout.write(
                "A running server uses them within a minute; `manage.py rejudge` applies them to "
                "what was recorded before."
            )
        if problems or any(result.is_refused for result in results):
            sys.exit(1)


def from_files(
    directory: Path, files: Sequence[str], *, is_forced: bool
) -> tuple[list[Refreshed], list[str]]:
    """What became of each publisher's list, and the files that belong to none."""
    sources: dict[str, list[Source]] = {}
    problems = []
    for file in dict.fromkeys(files):
        try:
            with opened_file(file) as stream:
                content = stream.read(MOST_BYTES + 1)
        except (CommandError, OSError) as error:
            problems.append(str(error))
            continue
        if len(content) > MOST_BYTES:
            problems.append(f"{file} is larger than {MOST_BYTES >> 20} MiB.")
            continue
        source = Source(file, content)
        try:
            sources.setdefault(publisher_of(source), []).append(source)
        except RefusedError as error:
            problems.append(str(error))
    return [
        refresh(directory, publisher, some, is_forced=is_forced)
        for publisher, some in sources.items()
    ], problems


def downloaded(directory: Path, publisher: str, *, is_forced: bool) -> Refreshed:
    try:
        sources = download(publisher)
    except (RefusedError, LookupError) as error:
        present = present_list(directory, publisher)
        count = None if present is None else len(present)
        age = network_ages(directory)[publisher]
        is_refused = isinstance(error, RefusedError)
        return Refreshed(publisher, count, count, age, False, str(error.args[0]), is_refused)
    return refresh(directory, publisher, sources, is_forced=is_forced)


def table(results: Sequence[Refreshed]) -> Iterator[str]:
    yield f"{'publisher':<16}{'networks':>19}  {'age':<10}"
    for one in results:
        networks = f"{count(one.before)} → {count(one.after)}"
        became = "replaced" if one.is_replaced else "kept"
        why = f": {one.why}" if one.why else ""
        yield f"{one.publisher:<16}{networks:>19}  {age(one.age):<10}{became}{why}"


def count(networks: int | None) -> str:
    """Without an exact list the built-in ranges judge."""
    return "built-in" if networks is None else f"{networks:,}"


def age(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
