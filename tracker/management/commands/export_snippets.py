"""Every recipient's snippet as a file, for the program that sends the mail."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.audit import Action, Source, record
from tracker.management.commands._arguments import find_campaign, write_text
from tracker.sentences import counted
from tracker.snippet_files import FORMATS, count_left_out, snippet_text


class Command(BaseCommand):
    help = (
        "Write all snippets, by default as CSV: email, name, pixel_url, snippet, privacy_url and "
        "code; where the campaign has end marks end_mark_url and end_mark, too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument(
            "--format",
            choices=FORMATS,
            default="csv",
            help="for which program; word: text with tabs and without snippets (default: csv)",
        )
        parser.add_argument("--output", metavar="FILE", help="default: standard output")

    def handle(
        self, *args: Any, campaign_id: int, format: str, output: str | None, **options: Any
    ) -> None:
        campaign = find_campaign(campaign_id)
        record(Action.SNIPPETS_TAKEN, campaign, None, source=Source.COMMAND)
        blocks = snippet_text(campaign, FORMATS[format])
        count = write_text(self, blocks, output)
        if output is not None:
            self.stderr.write(f"{counted(count, 'snippet')} written to {output}")
        if left_out := count_left_out(campaign):
            what = counted(left_out, "suppressed address is", "suppressed addresses are")
            self.stderr.write(f"{what} left out.")
