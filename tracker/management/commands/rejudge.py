"""Apply the current rules and rulings to what was recorded before."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.models import Campaign
from tracker.judging.changes import Outcome
from tracker.judging.walk import rejudge
from tracker.management.commands._arguments import find_campaign
from tracker.verdicts import RULES_VERSION, Verdict


class Command(BaseCommand):
    help = "Judge recorded opens again with the current rules; counts stay exact throughout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--campaign", type=int, metavar="ID", help="only this one")
        parser.add_argument("--dry-run", action="store_true", help="tell, and write nothing")

    def handle(self, *args: Any, campaign: int | None, dry_run: bool, **options: Any) -> None:
        only = find_campaign(campaign) if campaign is not None else None
        outcome, walk = rejudge(only, is_dry_run=dry_run)
        for line in table(outcome):
            self.stdout.write(line)
        done = "would change" if dry_run else "changed"
        self.stdout.write(
            f"{outcome.judged:,} opens judged by rules version {RULES_VERSION}, "
            f"{outcome.changed:,} {done}."
        )
        if walk is not None and walk.judged > outcome.judged:
            self.stdout.write(
                f"An earlier walk was continued; together {walk.judged:,} judged, "
                f"{walk.changed:,} changed."
            )


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
