"""Do the long work that waits; `serve` runs this by itself, other servers want it from cron."""

from __future__ import annotations

import logging
import os
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.imports.errors import LostLeaseError
from tracker.models import Work
from tracker.work.kinds import DOINGS
from tracker.work.run import InterruptedWorkError, work_on
from tracker.work.waiting import waiting

logger = logging.getLogger("tracker.work")

# Hits and pages come first.
NICENESS = 10


def known_kind(text: str) -> str:
    """No ``choices``: argparse would look for the empty list among them."""
    if text not in Work.Kind.values:
        raise ArgumentTypeError(f"{text} is none of {', '.join(Work.Kind.values)}")
    return text


class Command(BaseCommand):
    help = "Do the long work that was asked for in the browser and that no process does yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "kinds",
            nargs="*",
            metavar="KIND",
            type=known_kind,
            help=f"{', '.join(Work.Kind.values)} (default: all kinds)",
        )

    def handle(self, *args: Any, kinds: list[str], **options: Any) -> None:
        parent = os.getppid()
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        tried: set[int] = set()
        # What is asked for meanwhile is done too.
        while left := [work for work in waiting(kinds or Work.Kind.values) if work.pk not in tried]:
            tried.add(left[0].pk)
            try:
                # Without the server that started it, it leaves the rest to the next one.
                work_on(left[0].pk, DOINGS, must_stop=lambda: os.getppid() != parent)
            except InterruptedWorkError:
                return
            except LostLeaseError:
                logger.info("work %d was taken over", left[0].pk)
