"""People are erased, all that are named or none; counts and rates stay as they are.

With a list of who was erased, kept beside the backups: again, after one was restored.
"""

from __future__ import annotations

import io
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import Error

from campaigns.audit import Source
from campaigns.imports.corrections import recipient_of
from campaigns.models import Recipient, email_key
from campaigns.tombstones import is_erased
from tracker.management.commands._arguments import opened_file
from tracker.persons.again import NoListError, bury_again, hashes_in, lines, people_among
from tracker.persons.erasure import AlreadyErasedError, Erased, erase_all
from tracker.persons.plans import Person, has_account, rejected_lines_of
from tracker.persons.traces import find_traces


class Command(BaseCommand):
    help = "Erase everything about the people with these addresses; counts and rates stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("addresses", metavar="ADDRESS", nargs="*")
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="for the audit log, without the address"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--list",
            action="store_true",
            help="write who was erased, as keyed hashes, to be kept beside the backups",
        )
        parser.add_argument(
            "--again",
            metavar="FILE",
            help="after a backup was restored: whoever stands in such a list",
        )

    def handle(
        self,
        *args: Any,
        addresses: list[str],
        reason: str,
        yes: bool,
        again: str | None,
        **options: Any,
    ) -> None:
        if sum([bool(addresses), options["list"], again is not None]) != 1:
            raise CommandError("Write addresses, or --list, or --again FILE.")
        if options["list"]:
            self.stdout.writelines(f"{line}\n" for line in lines())
            return
        persons = people_of(addresses) if again is None else self._people_again(again)
        if again is not None and not persons:
            return
        if not yes:
            self._ask(persons)
        try:
            erased = erase_all(persons, None, reason, source=Source.COMMAND)
        except (AlreadyErasedError, Recipient.DoesNotExist) as error:
            raise CommandError(
                "One of them was erased by somebody else at this moment. Nobody was erased by this "
                "command: run it again without them."
            ) from error
        except Error as error:
            raise CommandError(f"The database refused: {error} Nobody was erased.") from error
        self._tell(persons, erased)

    def _people_again(self, path: str) -> list[Person]:
        """Their tombstones are set again at once: that loses nothing, and may be repeated."""
        try:
            with opened_file(path) as stream, io.TextIOWrapper(stream, "utf-8") as text:
                hashes = hashes_in(text)
        except (NoListError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} is no list of who was erased: {error}") from error
        added = bury_again(hashes)
        persons = people_among(hashes)
        self.stdout.write(
            f"In the list: {len(hashes):,}. Tombstones that were missing: {added:,}. "
            f"To be erased again: {len(persons):,}."
        )
        return persons

    def _ask(self, persons: Sequence[Person]) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Nobody can be asked here: add --yes. Nobody was erased.")
        self.stdout.write("To be erased, for good:")
        for person in persons:
            lines = rejected_lines_of(person)
            told = f"  (rejected lines of imports: {lines:,})" if lines else ""
            self.stdout.write(f"  {person.email}  {person.name}".rstrip() + told)
        if input("Type “erase” to go on: ").strip() != "erase":
            raise CommandError("Nobody was erased.")

    def _tell(self, persons: Sequence[Person], erased: Erased) -> None:
        self.stdout.write(
            f"Erased: {len(persons):,}. Opens that lost address and user agent: {erased.opens:,}; "
            f"rejected lines of imports: {erased.rejected_lines:,}; "
            f"texts elsewhere that named them: {erased.texts:,}. Counts and rates stay."
        )
        if erased.waiting_files:
            self.stdout.write(
                f"Files of the spool that belong to running processes: {erased.waiting_files}. "
                f"What comes from them counts without address and user agent, and for nobody."
            )
        if accounts := sum(has_account(person) for person in persons):
            self.stdout.write(f"Accounts of Glimpse with one of these addresses, kept: {accounts}.")


def people_of(addresses: Sequence[str]) -> list[Person]:
    """Each once; CommandError names all that are unknown."""
    people: dict[str, Person] = {}
    unknown = []
    for address in addresses:
        key = email_key(address)
        recipient = Recipient.objects.filter(email_key=key).first() if key else None
        recipient = recipient or recipient_of(key)
        if recipient is not None and recipient.erased_at is None:
            people[recipient.email_key] = Person.of(recipient)
        elif recipient is None and "@" in key and _stands_somewhere(address):
            people[key] = Person.unknown(address)
        else:
            erased = recipient is not None or is_erased([key])
            unknown.append(f"{address} (erased before)" if erased else address)
    if unknown:
        raise CommandError(
            f"Nothing is kept about: {', '.join(unknown)}. Nobody was erased; check the spelling."
        )
    return list(people.values())


def _stands_somewhere(address: str) -> bool:
    """In rejected lines, say: no recipient, and a person all the same."""
    unknown = Person.unknown(address)
    return any(find_traces([unknown.spellings])) or rejected_lines_of(unknown) > 0
