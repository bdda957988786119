"""Recipients from a CSV file into a campaign, with what became of every line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from campaigns.imports import ImportResult, UnreadableFileError
from tracker.management.commands._arguments import find_campaign, opened_file
from tracker.pixels import import_recipients


class Command(BaseCommand):
    help = "Import recipients from a CSV file with a column “email” and, if you like, “name”."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("file", metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="report, but store nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(
        self, *args: Any, campaign_id: int, file: str, dry_run: bool, json: bool, **options: Any
    ) -> None:
        campaign = find_campaign(campaign_id)
        with opened_file(file) as stream:
            try:
                result = import_recipients(campaign, stream, is_dry_run=dry_run)
            except UnreadableFileError as error:
                raise CommandError(f"{file}: {error} Nothing was stored.") from error
        self.stdout.write(as_json(result) if json else as_text(result))


def as_json(result: ImportResult) -> str:
    return json.dumps(asdict(result))


def as_text(result: ImportResult) -> str:
    lines = ["Only tried, nothing stored."] if result.is_dry_run else []
    lines += [
        f"{result.rows:>9,} rows",
        f"{result.created:>9,} created",
        f"{result.updated:>9,} known already, updated",
        f"{result.duplicates:>9,} duplicates within the file, skipped",
        f"{len(result.rejected):>9,} rejected",
    ]
    if not result.is_dry_run:
        lines.append(f"{result.added:>9,} new to this campaign")
    lines += [f"line {fault.line}: {fault.reason}: {fault.text}" for fault in result.rejected]
    return "\n".join(lines)
