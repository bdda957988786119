"""After an older backup was restored: whoever was erased since it was made is erased again.

A list of the tombstones, kept beside the backups, tells who: it says nothing to whoever has no key.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from django.utils import timezone

from campaigns.models import (
    CorrectedAddress,
    Recipient,
    RejectedLine,
    SuppressedAddress,
    Tombstone,
    TypingSlip,
    email_key,
)
from campaigns.tombstones import Buried, is_stub
from tracker.persons.plans import Person

A_LINE = re.compile(r"([0-9a-f]{64})(?:\s.*)?")
ASKED_AT_ONCE = 500


class NoListError(ValueError):
    """Its text is for the person who typed the command."""


def lines() -> Iterator[str]:
    """One for each tombstone: the keyed hash, and the day for whoever looks at it."""
    for one in Tombstone.objects.order_by("erased_at", "pk").iterator():
        yield f"{one.email_hash}\t{one.erased_at:%Y-%m-%d}"


def hashes_in(text: Iterable[str]) -> set[str]:
    found = set()
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        match = A_LINE.fullmatch(line.strip())
        if match is None:
            raise NoListError(f"Line {number} is none that `erase_person --list` writes.")
        found.add(match[1])
    return found


def bury_again(hashes: Collection[str]) -> int:
    """Also whom the backup does not have: no later list brings them back. How many were missing."""
    known = set(Tombstone.objects.values_list("pk", flat=True))
    new = sorted(set(hashes) - known)
    # Of now: an import that runs asks who was erased since it began.
    now = timezone.now()
    Tombstone.objects.bulk_create([Tombstone(email_hash=one, erased_at=now) for one in new])
    return len(new)


def people_among(hashes: Collection[str]) -> list[Person]:
    """Everybody of whom something is kept and whose address is one of these; each once."""
    buried = Buried(hashes)
    recipients = Recipient.objects.filter(erased_at=None)
    found = buried.among(recipients.values_list("email_key", flat=True).iterator())
    corrected = CorrectedAddress.objects.select_related("recipient")
    by_mistyped = {one.email_key: one.recipient for one in corrected}
    people = {
        recipient.email_key: Person.of(recipient)
        for recipient in (by_mistyped[key] for key in buried.among(by_mistyped))
        if recipient.erased_at is None
    }
    ordered = sorted(found)
    for start in range(0, len(ordered), ASKED_AT_ONCE):
        for recipient in recipients.filter(email_key__in=ordered[start : start + ASKED_AT_ONCE]):
            people[recipient.email_key] = Person.of(recipient)
    for key in buried.among(_elsewhere()):
        if key not in people and key not in by_mistyped:
            people[key] = Person.unknown(key)
    return list(people.values())


def _elsewhere() -> Iterator[str]:
    """Addresses that may be no recipient's."""
    for cells in RejectedLine.objects.values_list("cells", flat=True).iterator():
        yield from (email_key(cell) for cell in cells if "@" in cell)
    for slip in TypingSlip.objects.values_list("email_key", "suggestion").iterator():
        yield from slip
    suppressed = SuppressedAddress.objects.values_list("email_key", flat=True)
    # A stub's stands in the place of the address that it was.
    yield from (key for key in suppressed.iterator() if not is_stub(key))
