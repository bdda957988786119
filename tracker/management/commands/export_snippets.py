"""Every recipient's snippet as CSV, for the tool that sends the mail."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from tracker.exports import snippet_rows, write_csv
from tracker.management.commands._arguments import find_campaign


class Command(BaseCommand):
    help = "Write a CSV of all snippets: email, name, pixel_url, snippet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("--output", metavar="FILE", help="default: standard output")

    def handle(self, *args: Any, campaign_id: int, output: str | None, **options: Any) -> None:
        rows = snippet_rows(find_campaign(campaign_id))
        if output is None:
            self.stdout.ending = ""
            write_csv(rows, self.stdout.write)
            return
        try:
            with Path(output).open("w", encoding="utf-8", newline="") as file:
                count = write_csv(rows, file.write)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        self.stderr.write(f"{count} snippets written to {output}")
