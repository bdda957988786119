"""Say that a campaign's mail was handed over: the denominator of its rates."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.utils import timezone

from campaigns.audit import Action, Source, record
from tracker.management.commands._arguments import find_campaign, moment
from tracker.pixels import count_kept_back, mark_sent
from tracker.reports.totals import totals_of


class Command(BaseCommand):
    help = "Mark all of a campaign's recipients as sent who are not marked yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("--at", type=moment, metavar="ISO8601", help="default: now")

    def handle(self, *args: Any, campaign_id: int, at: datetime | None, **options: Any) -> None:
        campaign = find_campaign(campaign_id)
        if at is not None and at > timezone.now():
            raise CommandError(f"--at {at.isoformat()} lies in the future.")
        if totals_of(campaign).is_simulation:
            raise CommandError(
                f"“{campaign}” ({campaign.pk}) holds a simulation: its opens are invented, and it "
                f"counts as sent already. `manage.py simulate {campaign.pk} --withdraw` takes that "
                f"back; then mark it as sent."
            )
        marked = mark_sent(campaign, at=at or timezone.now())
        campaign.refresh_from_db()
        if marked:
            record(Action.CAMPAIGN_SENT, campaign, None, source=Source.COMMAND, recipients=marked)
        self.stdout.write(f"{marked} marked as sent, {totals_of(campaign).sent} in all.")
        if left_out := count_kept_back(campaign):
            self.stdout.write(f"{left_out} get no mail: erased, or not to be written to.")
        if not totals_of(campaign).recipients:
            self.stderr.write("This campaign has no recipients yet: import_recipients adds them.")
