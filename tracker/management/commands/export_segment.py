"""Recipients of a campaign chosen by what came back from them, as a file."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tracker.management.commands._arguments import find_campaign, write_text
from tracker.management.commands._segments import add_choice_arguments, read_choice
from tracker.segments.choice import Who
from tracker.segments.files import FORMATS, segment_text
from tracker.sentences import counted


class Command(BaseCommand):
    help = "Write a segment of a campaign's recipients with what is known of their opens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        add_choice_arguments(parser, default=Who.ALL)
        parser.add_argument("--format", choices=FORMATS, default="csv", help="default: csv")
        parser.add_argument("--output", metavar="FILE", help="default: standard output")

    def handle(
        self, *args: Any, campaign_id: int, format: str, output: str | None, **options: Any
    ) -> None:
        campaign, choice = find_campaign(campaign_id), read_choice(options)
        count = write_text(self, segment_text(campaign, choice, format), output)
        if output is not None:
            self.stderr.write(f"{counted(count, 'recipient')} written to {output}")
