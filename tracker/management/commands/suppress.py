"""Addresses that nobody writes to any more, one by one or as a list."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.audit import Source
from campaigns.suppression import lift_suppression, suppress
from tracker.management.commands._arguments import opened_file

MOST_TOLD = 20


class Command(BaseCommand):
    help = (
        "Suppress addresses: no import adds them, and snippet files, new campaigns and marking as "
        "sent leave them out. A file holds one address a line, or a table with them in front."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("who", metavar="ADDRESS|FILE", nargs="+")
        parser.add_argument("--reason", default="", metavar="TEXT", help="kept beside each address")
        parser.add_argument(
            "--lift", action="store_true", help="they may be written to again; the reverse"
        )

    def handle(self, *args: Any, who: list[str], reason: str, lift: bool, **options: Any) -> None:
        lines = _lines(who)
        if lift:
            listed = lift_suppression(lines, None, source=Source.COMMAND)
            self.stdout.write(
                f"{listed.changed:,} may be written to again; {listed.as_before:,} were not "
                f"suppressed."
            )
        else:
            listed = suppress(lines, reason, None, source=Source.COMMAND)
            self.stdout.write(
                f"{listed.changed:,} suppressed; {listed.as_before:,} were so already."
            )
        if listed.refused:
            self.stderr.write(f"Lines without an address, passed over: {len(listed.refused):,}.")
        for number, text, why in listed.refused[:MOST_TOLD]:
            self.stderr.write(f"line {number}: {text}: {why}")


def _lines(who: Iterable[str]) -> Iterator[str]:
    for one in who:
        if "@" in one:
            yield one
            continue
        with (
            opened_file(one) as stream,
            io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace") as lines,
        ):
            yield from lines
