"""A first campaign to look at: recipients from a file, opens by real requests to a real server."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.utils import timezone

from campaigns.models import Campaign
from tracker.importing.now import import_recipients
from tracker.pixels import ensure_test_pixel, mark_bounced, mark_sent
from tracker.reports.totals import totals_of
from tracker.simulation.day import simulate
from tracker.simulation.sending import SendingError, running_server
from tracker.simulation.spreading import MismatchError
from tracker.templatetags.glimpse import percent

RECIPIENTS = Path(__file__).resolve().parents[2] / "demo" / "recipients.csv"
BOUNCED = ["samuel.martin@mail.example.org", "wei.horvat@fabrikam.example"]
RATE = 5_000  # requests a second, at most: nobody wants to wait for the first start
SEED = 2026  # the same demo for everyone


class Command(BaseCommand):
    help = "Create a demo campaign with opens, unless there is a campaign already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="even if there are campaigns")
        parser.add_argument("--once", action="store_true", help="say nothing if there are")

    def handle(self, *args: Any, force: bool, once: bool, **options: Any) -> None:
        if Campaign.objects.exists() and not force:
            if not once:
                self.stdout.write("There are campaigns already: no demo made. --force makes one.")
            return
        campaign = Campaign.objects.create(
            name="Demo: spring newsletter", subject="What is new this spring"
        )
        ensure_test_pixel(campaign)
        with RECIPIENTS.open("rb") as stream:
            import_recipients(campaign, stream)
        mark_sent(campaign, at=timezone.now())
        bounced = mark_bounced(campaign, BOUNCED, at=timezone.now())
        try:
            with running_server() as address:
                hits = simulate(campaign, address, seed=SEED, rate=RATE).requests
        except (SendingError, MismatchError) as error:
            raise CommandError(str(error)) from error
        totals = totals_of(Campaign.objects.get(pk=campaign.pk))
        self.stdout.write(
            f"Demo campaign: {totals.recipients} recipients imported, {hits} requests to the "
            f"pixel endpoint recorded as {totals.opens} opens, open rate "
            f"{percent(totals.open_rate)}."
        )
        if totals.opens != hits or bounced.bounced != len(BOUNCED):
            raise CommandError("The demo's requests or bounces differ from what was recorded.")
