"""What one recipient, or a file of them, has chosen: identified, anonymous or off."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from campaigns.audit import Action, Source, record
from campaigns.models import Consent, Recipient, Tracking, email_key
from campaigns.remains import clear_remains
from tracker.consent import NOT_SAID, choose
from tracker.management.commands._arguments import opened_file
from tracker.sentences import counted

TAKE_BACK = "default"
STEP = 500
ORIGIN = 60  # characters


class Command(BaseCommand):
    help = (
        "Store the choice of an address, or of a file with one address a line. It counts at once, "
        "also for mail in mailboxes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("who", metavar="ADDRESS|FILE")
        parser.add_argument(
            "tracking",
            choices=[*Tracking.values, TAKE_BACK],
            help="default: takes the choice back, as the campaign or the installation says",
        )
        parser.add_argument(
            "--source",
            default=Consent.Source.COMMAND.value,
            metavar="TEXT",
            help=(
                "where they said it, such as “form on the website” or CRM, at most "
                f"{ORIGIN} characters; or one of Glimpse's own: {', '.join(Consent.Source.values)}"
            ),
        )
        parser.add_argument("--proof", default="", help="how it is known, at most 500 characters")

    def handle(
        self, *args: Any, who: str, tracking: str, source: str, proof: str, **o: Any
    ) -> None:
        if len(proof) > 500:
            raise CommandError(f"--proof has {len(proof)} characters: write 500 at most.")
        source, origin = _source_of(source)
        choice = NOT_SAID if tracking == TAKE_BACK else tracking
        is_address = "@" in who
        chosen: list[Recipient] = []
        unknown: list[tuple[int, str]] = []
        for found, missing in _groups([who] if is_address else _lines(who)):
            for recipient in found:
                choose(recipient, choice, source=source, origin=origin, proof=proof)
            chosen += found
            unknown += missing
        if is_address and unknown:
            raise CommandError(f"There is no recipient {who}. Nothing was changed.")
        if chosen:
            clear_remains()
            record(
                Action.TRACKING_CHOSEN,
                chosen[0] if is_address else None,
                None,
                source=Source.COMMAND,
                tracking=tracking,
                recipients=len(chosen),
            )
        self.stdout.write(
            f"{counted(len(chosen), 'recipient')}: {tracking}; "
            f"{counted(len(unknown), 'is', 'are')} not known."
        )
        for number, address in unknown:
            self.stdout.write(f"line {number}: not known: {address[:200]}")


def _source_of(text: str) -> tuple[str, str]:
    """How it comes into Glimpse, and the words for where it comes from."""
    text = text.strip()
    if text.lower() in Consent.Source.values:
        return text.lower(), ""
    if not text or len(text) > ORIGIN or not text.isprintable():
        raise CommandError(
            f"--source is {text[:100]!r}: write one line of 1 to {ORIGIN} characters."
        )
    return Consent.Source.COMMAND, text


def _lines(path: str) -> Iterator[str]:
    with (
        opened_file(path) as stream,
        io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace") as lines,
    ):
        yield from lines


def _groups(
    lines: Iterable[str],
) -> Iterator[tuple[list[Recipient], list[tuple[int, str]]]]:
    """Recipients, and the lines that name none, some at a time."""
    numbered = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    addresses = ((number, line) for number, line in numbered if line)
    while group := list(islice(addresses, STEP)):
        keys = {email_key(address) for _, address in group}
        found = {one.email_key: one for one in Recipient.objects.filter(email_key__in=keys)}
        missing = [(number, text) for number, text in group if email_key(text) not in found]
        yield list(found.values()), missing
