"""A day of invented opens through the real endpoint, and how well the verdicts knew them."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from campaigns.audit import Action, Source, record
from campaigns.models import Campaign
from tracker.management.commands._arguments import find_campaign
from tracker.reports.totals import totals_of
from tracker.simulation.arrivals import is_spool_empty, withdraw_probes
from tracker.simulation.day import (
    LEAST_HOURS,
    MOST_HOURS,
    Simulated,
    reason_against,
    simulate,
)
from tracker.simulation.mix import MIXES
from tracker.simulation.sending import SendingError, running_server
from tracker.simulation.spreading import MismatchError
from tracker.simulation.withdrawing import withdraw_whole
from tracker.templatetags.glimpse import percent
from tracker.verdicts import Verdict

SHORT = {
    Verdict.HUMAN_CLIENT: "human",
    Verdict.IMAGE_PROXY_ON_OPEN: "proxy",
    Verdict.PRIVACY_PREFETCH: "prefetch",
    Verdict.SECURITY_SCANNER: "scanner",
    Verdict.BOT: "bot",
    Verdict.UNKNOWN: "unknown",
}


class Command(BaseCommand):
    help = (
        "Send a day of invented opens of a campaign that was not sent through the real endpoint, "
        "mark it as sent, and compare the verdicts with the truth."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument(
            "--mix", choices=sorted(MIXES), default="realistic", help="default: %(default)s"
        )
        parser.add_argument(
            "--rate", type=rate, default=200.0, metavar="N", help="requests a second, at most"
        )
        parser.add_argument(
            "--seed", type=int, default=1, metavar="S", help="another one is another day"
        )
        parser.add_argument(
            "--url", type=address, help="a running server; default: one is started for this"
        )
        parser.add_argument(
            "--hours", type=hours, default=24.0, metavar="H", help="how long ago it was sent"
        )

        parser.add_argument(
            "--withdraw", action="store_true", help="take the campaign's simulation back, wholly"
        )

    def handle(
        self,
        *args: Any,
        campaign_id: int,
        withdraw: bool,
        mix: str,
        rate: float,
        seed: int,
        url: str | None,
        hours: float,
        **options: Any,
    ) -> None:
        campaign = find_campaign(campaign_id)
        if withdraw:
            self._withdraw(campaign)
            return
        if reason := reason_against(campaign):
            raise CommandError(f"“{campaign}” ({campaign.pk}) is left alone: {reason}")

        def told(requests: int) -> None:
            self.stdout.write(f"{requests:,} requests, at most {rate:g} a second …")
            self.stdout.flush()

        try:
            with nullcontext(url) if url else running_server() as server:
                result = simulate(
                    campaign, server, mix=mix, seed=seed, hours=hours, rate=rate, told=told
                )
        except (SendingError, MismatchError) as error:
            raise CommandError(f"{error} {what_is_left()}") from error
        except KeyboardInterrupt as error:
            raise CommandError(f"Interrupted. {what_is_left()}") from error
        record(Action.CAMPAIGN_SIMULATED, campaign, None, source=Source.COMMAND, mix=mix, seed=seed)
        for line in table(result):
            self.stdout.write(line)
        self.stdout.write(
            f"“{campaign}” counts as sent {hours:g} hours ago. Its report: "
            f"{campaign.get_absolute_url()} or `manage.py report {campaign.pk}`. Another "
            f"simulation takes this one's place; --withdraw takes it back."
        )

    def _withdraw(self, campaign: Campaign) -> None:
        # One may have come late from a simulation that failed.
        withdraw_probes(campaign)
        if not totals_of(campaign).is_simulation:
            raise CommandError(f"“{campaign}” ({campaign.pk}) holds no simulation.")
        opens = withdraw_whole(campaign)
        record(Action.CAMPAIGN_SIMULATED, campaign, None, source=Source.COMMAND, withdrawn=opens)
        self.stdout.write(
            f"{opens:,} invented opens are gone. “{campaign}” counts as not sent; "
            f"{totals_of(campaign).opens:,} opens are left."
        )


def what_is_left() -> str:
    if is_spool_empty():
        return "Nothing of this simulation is left."
    return (
        "What was recorded of this simulation is gone; the spool may hold more of it, which comes "
        "back when the database takes it: see `manage.py spool`."
    )


def table(result: Simulated) -> Iterator[str]:
    """Truth by verdict; what stands outside the diagonal was judged wrongly."""
    columns = "".join(f"{SHORT[verdict]:>10}" for verdict in Verdict)
    yield f"{'truth / verdict':<22}{columns}{'right':>12}"
    for truth in Verdict:
        share = result.accuracy(truth)
        if share is not None:
            counts = "".join(f"{result.matrix[truth, verdict]:>10,}" for verdict in Verdict)
            yield f"{truth.value:<22}{counts}{percent(share):>12}"
    yield f"{'macro average':<22}{'':>60}{percent(result.macro_average):>12}"


def rate(text: str) -> float:
    return number(text, least=0.1, most=100_000)


def hours(text: str) -> float:
    return number(text, least=LEAST_HOURS, most=MOST_HOURS)


def number(text: str, *, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # Also what is no number although it is a float.
    if not least <= value <= most:
        raise ArgumentTypeError(f"{text}: write a number from {least:g} to {most:g}")
    return value


def address(text: str) -> str:
    try:
        url = urlsplit(text)
        is_address = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ArgumentTypeError(f"{text}: write an address such as http://127.0.0.1:8000")
    return text.rstrip("/")
