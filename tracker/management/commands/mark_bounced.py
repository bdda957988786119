"""Say which addresses refused the mail: they count as sent, not as delivered."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from tracker.management.commands._arguments import find_campaign, opened_file
from tracker.pixels import mark_bounced


class Command(BaseCommand):
    help = "Mark addresses of a campaign as bounced; FILE holds one address a line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("file", metavar="FILE")

    def handle(self, *args: Any, campaign_id: int, file: str, **options: Any) -> None:
        campaign = find_campaign(campaign_id)
        with opened_file(file) as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8", errors="replace")
            result = mark_bounced(campaign, lines, at=timezone.now())
        self.stdout.write(
            f"{result.addresses} addresses: {result.bounced} marked as bounced, "
            f"{result.already} were marked already, {len(result.unknown)} are not in this "
            f"campaign, {len(result.unsent)} were not sent."
        )
        for line, address in result.unknown:
            self.stdout.write(f"line {line}: not in this campaign: {address[:200]}")
        for line, address in result.unsent:
            self.stdout.write(f"line {line}: not sent yet, run mark_sent first: {address[:200]}")
