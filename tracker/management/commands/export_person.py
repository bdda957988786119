"""Everything that is kept about one person, as JSON."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from campaigns.audit import Action, Source, record
from campaigns.imports.corrections import recipient_of
from campaigns.models import Recipient, email_key
from tracker.persons.export import everything_about
from tracker.persons.waiting import replay_waiting


class Command(BaseCommand):
    help = "Write everything that is kept about the person with this address as one JSON object."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", metavar="ADDRESS")
        parser.add_argument("--output", metavar="FILE", help="default: standard output")

    def handle(self, *args: Any, address: str, output: str | None, **options: Any) -> None:
        key = email_key(address)
        recipient = Recipient.objects.filter(email_key=key).first() or recipient_of(key)
        if recipient is None:
            raise CommandError(f"There is no recipient with the address {address}.")
        if files := replay_waiting():
            self.stderr.write(f"Files of the spool that wait on and are left out: {files}.")
        text = json.dumps(everything_about(recipient), ensure_ascii=False, indent=2)
        if output is None:
            self.stdout.write(text)
        else:
            _write(output, text)
            self.stderr.write(f"written to {output}")
        record(Action.PERSON_EXPORTED, recipient, None, source=Source.COMMAND)


def _write(output: str, text: str) -> None:
    """For its owner's eyes only, and never over something else."""
    try:
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
    except FileExistsError as error:
        raise CommandError(f"{output} exists already: name another file.") from error
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
