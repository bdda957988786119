"""Remove what is older than it may become; counts and rates stay."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from campaigns.audit import Action, Source, record
from tracker.retention.partitions import PartitionInUseError
from tracker.retention.prune import Rules, prune, would_prune
from tracker.sentences import counted


class Command(BaseCommand):
    help = "Remove addresses and user agents, or whole opens, that are older than given months."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--evidence-months",
            type=int,
            metavar="N",
            default=settings.KEEP_EVIDENCE_MONTHS,
            help="keep address and user agent for N whole months before this one; 0: for ever "
            "(default: KEEP_EVIDENCE_MONTHS, %(default)s)",
        )
        parser.add_argument(
            "--opens-months",
            type=int,
            metavar="N",
            default=settings.KEEP_OPENS_MONTHS,
            help="keep opens for N whole months before this one; 0: for ever "
            "(default: KEEP_OPENS_MONTHS, %(default)s)",
        )
        parser.add_argument("--dry-run", action="store_true", help="tell, and change nothing")

    def handle(
        self,
        *args: Any,
        evidence_months: int,
        opens_months: int,
        dry_run: bool,
        **options: Any,
    ) -> None:
        if evidence_months < 0 or opens_months < 0:
            raise CommandError("Months are whole numbers from 0 on; 0 keeps everything.")
        if not evidence_months and not opens_months:
            self.stdout.write(
                "Everything is kept for ever. Name months to keep: --evidence-months or "
                "--opens-months, or set KEEP_EVIDENCE_MONTHS or KEEP_OPENS_MONTHS."
            )
            return
        rules = Rules(evidence_months, opens_months)
        try:
            pruned = would_prune(rules) if dry_run else prune(rules)
        except PartitionInUseError as error:
            raise CommandError(str(error)) from error
        if not dry_run:
            record(
                Action.OPENS_PRUNED,
                None,
                None,
                source=Source.COMMAND,
                evidence_months=evidence_months,
                opens_months=opens_months,
                lost_evidence=pruned.thinned,
                removed=pruned.removed,
            )
        lose, go = ("would lose", "would be removed") if dry_run else ("lost", "were removed")
        self.stdout.write(f"{counted(pruned.thinned, 'open')} {lose} address and user agent.")
        self.stdout.write(f"{counted(pruned.removed, 'open')} {go}. Counts and rates stay.")
