"""Apply the current rules and rulings to what was recorded before."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Sum

from campaigns.models import Campaign
from tracker.judging.changes import Outcome
from tracker.judging.walk import Told, rejudge
from tracker.management.commands._arguments import find_campaign
from tracker.models import CampaignCounts
from tracker.verdicts import RULES_VERSION, Verdict

TOLD_EVERY = 1.0  # seconds
CLEARED_LINE = "\r\x1b[K"


class Command(BaseCommand):
    help = "Judge recorded opens again with the current rules; counts stay exact throughout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--campaign", type=int, metavar="ID", help="only this one")
        parser.add_argument("--dry-run", action="store_true", help="tell, and write nothing")

    def handle(self, *args: Any, campaign: int | None, dry_run: bool, **options: Any) -> None:
        only = find_campaign(campaign) if campaign is not None else None
        told = self._progress(only)
        outcome, walk = rejudge(only, is_dry_run=dry_run, told=told)
        if told is not None:
            self.stderr.write(CLEARED_LINE, ending="")
        is_continued = walk is not None and walk.judged > outcome.judged
        if is_continued:
            self.stdout.write("An earlier walk was continued. What it had not reached yet:")
        for line in table(outcome):
            self.stdout.write(line)
        done = "would change" if dry_run else "changed"
        self.stdout.write(
            f"{outcome.judged:,} opens judged by rules version {RULES_VERSION}, "
            f"{outcome.changed:,} {done}."
        )
        if walk is not None and is_continued:
            self.stdout.write(
                f"Together with what was judged before the walk was cut short: {walk.judged:,} "
                f"opens judged, {walk.changed:,} changed."
            )

    def _progress(self, campaign: Campaign | None) -> Told | None:
        """For whoever waits in front of a terminal; a log gets none of it."""
        if not sys.stderr.isatty():
            return None
        counts = CampaignCounts.objects.all()
        if campaign is not None:
            counts = counts.filter(campaign=campaign)
        opens = counts.aggregate(sum=Sum("opens"))["sum"] or 0
        next_at = 0.0

        def tell(total: Outcome) -> None:
            nonlocal next_at
            if monotonic() >= next_at:
                next_at = monotonic() + TOLD_EVERY
                told = f"{total.judged:,} of some {opens:,} opens judged, {total.changed:,} changed"
                self.stderr.write(f"{CLEARED_LINE}{told}", ending="")
                self.stderr.flush()

        return tell


def table(outcome: Outcome) -> Iterator[str]:
    """By campaign and verdict, before and after; what did not change stands there once."""
    campaigns = sorted({campaign_id for campaign_id, _ in outcome.before | outcome.after})
    names = dict(Campaign.objects.filter(pk__in=campaigns).values_list("pk", "name"))
    for campaign_id in campaigns:
        yield f"{names[campaign_id]} ({campaign_id})"
        for verdict in Verdict:
            before = outcome.before[campaign_id, verdict.number]
            after = outcome.after[campaign_id, verdict.number]
            if before or after:
                change = f" → {after:>9,}" if before != after else ""
                yield f"  {verdict.value:<20}{before:>9,}{change}"
