"""A new campaign from the command line; prints its id alone, for scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.audit import Action, Source, record
from campaigns.models import Campaign
from tracker.end_marks import switch_end_marks
from tracker.management.commands._arguments import checked
from tracker.pixels import ensure_test_pixel


class Command(BaseCommand):
    help = "Create a campaign and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--subject", default="")
        parser.add_argument("--time-zone", default="", help="default: TIME_ZONE")
        parser.add_argument(
            "--end-mark",
            action="store_true",
            help="a second image at the end of each mail, for the clip rate",
        )

    def handle(
        self,
        *args: Any,
        name: str,
        subject: str,
        time_zone: str,
        end_mark: bool,
        **options: Any,
    ) -> None:
        campaign = Campaign(name=name.strip(), subject=subject.strip())
        if time_zone:
            campaign.time_zone = time_zone
        checked(campaign).save()
        ensure_test_pixel(campaign)
        record(Action.CAMPAIGN_CREATED, campaign, None, source=Source.COMMAND)
        if end_mark and switch_end_marks(campaign, is_on=True):
            record(Action.END_MARKS_SWITCHED, campaign, None, source=Source.COMMAND, is_on=True)
        self.stdout.write(str(campaign.pk))
