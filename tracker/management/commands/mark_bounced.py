"""Say which addresses refused the mail: they count as sent, not as delivered."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from campaigns.audit import Action, Source, record
from tracker.management.commands._arguments import find_campaign, opened_file
from tracker.pixels import mark_bounced
from tracker.sentences import counted


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
        if result.bounced:
            record(
                Action.CAMPAIGN_BOUNCED,
                campaign,
                None,
                source=Source.COMMAND,
                recipients=result.bounced,
            )
        self.stdout.write(
            f"{counted(result.addresses, 'address', 'addresses')}: {result.bounced} marked as "
            f"bounced, marked before: {result.already}, not in this campaign: "
            f"{len(result.unknown)}, not sent: {len(result.unsent)}."
        )
        for line, address in result.unknown:
            self.stdout.write(f"line {line}: not in this campaign: {address[:200]}")
        for line, address in result.unsent:
            self.stdout.write(f"line {line}: not sent yet, run mark_sent first: {address[:200]}")
