"""What waits in the spool of this machine, and its replay by hand."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import Error

from tracker.list_misses import keep_misses
from tracker.sentences import counted
from tracker.spool import Spool
from tracker.writer import write_hits


class Command(BaseCommand):
    help = "Show what waits in the spool; `serve` replays it by itself, --replay does so now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--replay", action="store_true", help="hand it to the database now")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, replay: bool, json: bool, **options: Any) -> None:
        spool = Spool(Path(settings.SPOOL_DIR))
        replayed = None
        if replay:
            try:
                replayed = spool.replay(write_hits)
                keep_misses()
            except Error as error:
                raise CommandError(
                    f"The database does not take them: {error} Nothing is lost; they wait on."
                ) from error
        self.stdout.write(as_json(spool, replayed) if json else as_text(spool, replayed))


def as_text(spool: Spool, replayed: int | None) -> str:
    waiting = spool.waiting()
    lines = [] if replayed is None else [f"{counted(replayed, 'hit')} replayed."]
    if waiting.files:
        lines.append(
            f"{counted(waiting.files, 'file waits', 'files wait')}, {waiting.bytes:,} bytes, the "
            f"oldest for "
            f"{waiting.oldest_seconds:.0f} s. Files of running processes are theirs to replay."
        )
    else:
        lines.append("The spool is empty.")
    return "\n".join(lines)


def as_json(spool: Spool, replayed: int | None) -> str:
    waiting = spool.waiting()
    state: dict[str, object] = {
        "files": waiting.files,
        "bytes": waiting.bytes,
        "oldest_seconds": round(waiting.oldest_seconds, 1),
    }
    if replayed is not None:
        state["replayed"] = replayed
    return json.dumps(state)
