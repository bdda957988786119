"""Write the whole database to one file, while hits go on."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import connection

from campaigns.audit import Action, Source, record
from tracker.backups import BackupError, back_up
from tracker.sentences import counted
from tracker.spool import Spool


class Command(BaseCommand):
    help = (
        "Write the whole database, as of this moment, to a new file; serve may run. SQLite: a "
        "database file; PostgreSQL: an archive for pg_restore. docs/backups.md says how to restore."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="is made; must not exist")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        # Before: so the backup is equal to the database, and knows of itself.
        record(Action.BACKUP_BEGUN, None, None, source=Source.COMMAND)
        try:
            size = back_up(connection.settings_dict, file)
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{file}: {size:,} bytes, read back and on the disk.")
        for line in beside():
            self.stdout.write(line)


def beside() -> list[str]:
    """What no database holds, and what would be missed most."""
    waiting = Spool(Path(settings.SPOOL_DIR)).waiting()
    lines = [
        "It holds no keys. Keep beside it, once and after every change:",
        "  .env, or wherever PIXEL_KEY, PIXEL_KEY_FALLBACKS and SECRET_KEY are set: without "
        "PIXEL_KEY every pixel in every mailbox is dead.",
    ]
    if Path(settings.NETWORKS_DIR).is_dir():
        lines.append(f"  {settings.NETWORKS_DIR}, or run refresh_networks after a restore.")
    if waiting.files or waiting.refused_bytes:
        lines.append(
            f"  {settings.SPOOL_DIR}: {counted(waiting.files, 'file')} with hits that are not in "
            f"the database yet, and {waiting.refused_bytes:,} bytes that it refused."
        )
    return lines
