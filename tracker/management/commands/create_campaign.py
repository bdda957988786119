"""A new campaign from the command line; prints its id alone, for scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from campaigns.models import Campaign
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
        try:
            campaign.full_clean()
        except ValidationError as error:
            raise CommandError(
                "; ".join(
                    f"{field}: {' '.join(reasons)}" for field, reasons in error.message_dict.items()
                )
            ) from error
        campaign.save()
        ensure_test_pixel(campaign)
        self.stdout.write(str(campaign.pk))
