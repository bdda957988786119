"""A first campaign to look at: recipients from a file, opens by real requests to a real server."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from tracker.models import Pixel
from tracker.pixels import ensure_test_pixel, import_recipients, mark_bounced, mark_sent
from tracker.reports.totals import totals_of
from tracker.snippets import configured_tokens
from tracker.templatetags.glimpse import percent

RECIPIENTS = Path(__file__).resolve().parents[2] / "demo" / "recipients.csv"
BOUNCED = ["samuel.martin@mail.example.org", "wei.horvat@fabrikam.example"]
USER_AGENTS = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.4.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148",
    "Mozilla/5.0",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.10.0",
)
PATIENCE = 30.0  # seconds until the server has to be up


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
        with running_server() as address:
            hits = open_mails(campaign, address)
        totals = totals_of(Campaign.objects.get(pk=campaign.pk))
        self.stdout.write(
            f"Demo campaign: {totals.recipients} recipients imported, {hits} requests to the "
            f"pixel endpoint recorded as {totals.opens} opens, open rate "
            f"{percent(totals.open_rate)}."
        )
        if totals.opens != hits or bounced.bounced != len(BOUNCED):
            raise CommandError("The demo's requests or bounces differ from what was recorded.")


def open_mails(campaign: Campaign, address: str) -> int:
    """What mail clients do: some people open, some again, each with their own program."""
    chance = random.Random(2026)  # noqa: S311  # the same demo for everyone
    hits = 0
    delivered = Pixel.objects.of_recipients().filter(campaign=campaign, bounced_at=None)
    for pixel in delivered.order_by("pk"):
        if chance.random() < 0.46:
            agent = chance.choice(USER_AGENTS)
            for _ in range(chance.choice((1, 1, 1, 2, 4))):
                fetch(
                    f"{address}{reverse('pixel', args=[configured_tokens().make(pixel.pk)])}", agent
                )
                hits += 1
    return hits


@contextmanager
def running_server() -> Iterator[str]:
    """The production server on a free port of this machine, for as long as the demo needs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}"],
        cwd=settings.BASE_DIR,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            fetch(f"{address}/healthz", "demo")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise CommandError("The server for the demo did not start; `manage.py serve` says why.")


def fetch(url: str, user_agent: str) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": user_agent})  # noqa: S310  # http
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        response.read()
