"""A new campaign from the command line; prints its id alone, for scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.audit import Action, Source, record
from campaigns.models import Campaign
from tracker.management.commands._arguments import checked
from tracker.pixels import ensure_test_pixel


class Command(BaseCommand):
    help = "Create a campaign and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--subject", default="")
        parser.add_argument("--time-zone", default="", help="default: TIME_ZONE")

    def handle(self, *args: Any, name: str, subject: str, time_zone: str, **options: Any) -> None:
        campaign = Campaign(name=name.strip(), subject=subject.strip())
        if time_zone:
            campaign.time_zone = time_zone
        checked(campaign).save()
        ensure_test_pixel(campaign)
        record(Action.CAMPAIGN_CREATED, campaign, None, source=Source.COMMAND)
        self.stdout.write(str(campaign.pk))
