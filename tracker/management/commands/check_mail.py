"""Whether a mail is ready to be sent: the pixel in it, once, whole, shown and reachable."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from tracker.mailcheck import MOST_BYTES, Finding, MailCheck, UnreadableMailError
from tracker.management.commands._arguments import find_campaign, opened_file
from tracker.reports.mail_check import check_for


class Command(BaseCommand):
    help = "Check the final HTML or an .eml before it is sent; exit status 1 on a fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign_id", type=int)
        parser.add_argument("file", metavar="FILE")
        parser.add_argument(
            "--look-up", action="store_true", help="ask the name servers for PUBLIC_URL’s host, too"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(
        self, *args: Any, campaign_id: int, file: str, look_up: bool, json: bool, **options: Any
    ) -> None:
        campaign = find_campaign(campaign_id)
        with opened_file(file) as stream:
            try:
                content = stream.read(MOST_BYTES + 1)
            except OSError as error:
                raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        try:
            checked = check_for(campaign, content, is_looked_up=look_up)
        except UnreadableMailError as error:
            raise CommandError(f"{file}: {error}") from error
        self.stdout.write(as_json(checked) if json else as_text(checked))
        if not checked.is_ready:
            sys.exit(1)


def as_json(checked: MailCheck) -> str:
    return json.dumps(checked.as_json())


def as_text(checked: MailCheck) -> str:
    lines = [f"{checked.headline}."]
    for finding in checked.findings:
        lines += ["", f"{finding.level.value:<8}{finding.sentence}"]
        if finding.advice:
            lines.append(f"{'':8}{finding.advice}")
        lines += place_of(finding)
    return "\n".join(lines)


def place_of(finding: Finding) -> list[str]:
    place = finding.place
    if place is None or finding.level.value == "ok":
        return []
    where = f"{place.part}, line {place.line:,}, byte {place.byte:,}"
    # Printable alone: the mail is somebody else's text, and this is a terminal.
    marked = "".join(sign if sign.isprintable() else " " for sign in place.marked)
    return [f"{'':8}{where}: {marked}"]
