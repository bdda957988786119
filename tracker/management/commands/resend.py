"""A new campaign for a segment of an earlier one; prints its id alone, for scripts."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from campaigns.imports.errors import LostLeaseError
from campaigns.models import Campaign
from tracker.management.commands._arguments import checked, find_campaign
from tracker.management.commands._segments import add_choice_arguments, read_choice
from tracker.models import Work
from tracker.reports.totals import totals_of
from tracker.segments import making
from tracker.segments.choice import Choice, Who
from tracker.segments.members import count_members
from tracker.segments.resend import NobodyLeftError, resend
from tracker.sentences import counted
from tracker.work.kinds import DOINGS
from tracker.work.run import work_on


class Command(BaseCommand):
    help = "Create a campaign for some of another one's recipients, and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("name", help="of the new campaign")
        parser.add_argument("--subject", default="", help="of the new campaign")
        add_choice_arguments(parser, default=Who.NOT_OPENED)

    def handle(self, *args: Any, campaign_id: int, name: str, subject: str, **options: Any) -> None:
        source, choice = find_campaign(campaign_id), read_choice(options)
        new = Campaign(name=name.strip(), subject=subject.strip(), time_zone=source.time_zone)
        checked(new)
        if count_members(source, choice, totals_of(source)) > making.AT_ONCE:
            self._make_in_steps(source, choice, new)
            return
        try:
            made = resend(source, choice, new)
        except NobodyLeftError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(made.campaign.pk))
        self.stderr.write(
            f"{counted(made.recipients, 'recipient')}, {made.left_out} left out: bounced"
        )

    def _make_in_steps(self, source: Campaign, choice: Choice, new: Campaign) -> None:
        """Killed in between, the server goes on with it, or `manage.py work`."""
        wanted = making.want(source, choice, new, user_id=None, form_id=secrets.token_hex(16))
        try:
            work = work_on(wanted.pk, DOINGS)
        except LostLeaseError:
            work = None
        if work is None:
            raise CommandError(f"Another process makes campaign {new.pk} at this moment.")
        if work.state != Work.State.DONE:
            raise CommandError("No campaign was made.")
        self.stdout.write(str(new.pk))
        recipients, left_out = work.result["recipients"], work.result["left_out"]
        self.stderr.write(f"{counted(recipients, 'recipient')}, {left_out} left out: bounced")
