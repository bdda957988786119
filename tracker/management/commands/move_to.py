"""Move everything to another database, such as from SQLite to PostgreSQL."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from tracker.moving import Moved, move
from tracker.moving.databases import (
    SOURCE,
    TARGET,
    address_of,
    connect,
    disconnect,
    label_of,
    migrate,
    refuse_unmigrated,
    refuse_what_cannot_be_reached,
    settings_of_source,
    settings_of_target,
)
from tracker.moving.faults import MoveError
from tracker.moving.move import finish
from tracker.sentences import counted
from tracker.spool import Spool


class Command(BaseCommand):
    help = (
        "Copy everything to another, empty database (SQLite or PostgreSQL) and compare it there. "
        "The configured database is only read. May be stopped and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "database_url",
            metavar="DATABASE_URL",
            help="the new one: postgres://user:password@host:port/name or sqlite:////path/to/file",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object at the end")

    def handle(self, *args: Any, database_url: str, json: bool, **options: Any) -> None:
        started = time.monotonic()
        try:
            connect(SOURCE, settings_of_source())
            connect(TARGET, settings_of_target(database_url))
            refuse_unmigrated(SOURCE)
            if address_of(SOURCE) == address_of(TARGET):
                raise MoveError("DATABASE_URL names that database already: nothing to move.")
            refuse_what_cannot_be_reached(TARGET)
            self._tell(f"From {label_of(SOURCE)}\nto   {label_of(TARGET)}", json)
            moved = move(
                SOURCE,
                TARGET,
                address_of(SOURCE),
                lambda: migrate(database_url),
                lambda line: self._tell(line, json),
            )
            waiting = Spool(Path(settings.SPOOL_DIR)).waiting().files
            is_finished = moved.is_complete and not waiting
            if is_finished:
                finish(TARGET)
            if json:
                self.stdout.write(as_json(moved, waiting, time.monotonic() - started))
            if not is_finished:
                raise MoveError(unfinished(moved, waiting))
            self._tell(finished(time.monotonic() - started), json)
        except MoveError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run the same command again, and it goes on.") from None
        finally:
            disconnect(SOURCE, TARGET)

    def _tell(self, line: str, is_json: bool) -> None:
        """With --json on standard error, so that standard output is one object."""
        stream = self.stderr if is_json else self.stdout
        stream.write(line, lambda text: text)
        stream.flush()


def finished(seconds: float) -> str:
    return (
        f"Everything has moved, in {seconds:.0f} s. Next:\n"
        f"  1. Stop serve, if it still runs: hits that come from now on would go to the old "
        f"database.\n"
        f"     If some came, run this command once more before you go on.\n"
        f"  2. Set DATABASE_URL in .env to the new database. Leave PIXEL_KEY and SECRET_KEY as "
        f"they are.\n"
        f"  3. Start serve. People log in again; log-ins did not move.\n"
        f"The old database is left as it was. Keep it until you trust the new one."
    )


def unfinished(moved: Moved, waiting: int) -> str:
    lines = []
    if moved.came_meanwhile:
        lines.append(
            "Copied, and equal as of a moment ago, but the old database is in use: "
            f"{'; '.join(moved.came_meanwhile[:5])}. Stop serve, then run the same command again: "
            "it brings only what is missing."
        )
    if waiting:
        lines.append(
            f"Not finished: {counted(waiting, 'file')} with hits in the spool "
            f"({settings.SPOOL_DIR}). Stop serve, run `manage.py spool --replay`, then the same "
            f"command again."
        )
    return "\n".join(lines)


def as_json(moved: Moved, waiting: int, seconds: float) -> str:
    return json.dumps(
        {
            "finished": moved.is_complete and not waiting,
            "rows": moved.rows,
            "copied": moved.copied,
            "settled": {
                name: [table.added, table.changed, table.removed]
                for name, table in moved.settled.items()
                if table.mended
            },
            "looked_at_again": moved.looked_at,
            "drift": 0,
            "came_meanwhile": moved.came_meanwhile,
            "spool_files": waiting,
            "seconds": round(seconds, 1),
        }
    )
