"""A person is erased: everything about them goes, and every count stays as it was.

Their pixels become anonymous in the same transaction: what is opened later, was in flight or waits
in a spool is recorded for stand-ins, without address and agent, as of whoever chose so themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from campaigns.audit import Action, Source, record
from campaigns.imports.forget import forget
from campaigns.imports.staging import wait_for_imports
from campaigns.models import (
    Consent,
    CorrectedAddress,
    Recipient,
    RejectedLine,
    SuppressedAddress,
    TypingSlip,
)
from campaigns.remains import clear_remains
from campaigns.tombstones import bury
from tracker.models import FanOut, Open, Ruling, Segment, UniqueOpen
from tracker.persons.evidence import make_anonymous, portions, stop_linking
from tracker.persons.plans import Person, Plan, pixels_of, plans_of
from tracker.persons.segments import forget_values
from tracker.persons.stub import emptied
from tracker.persons.traces import LEAST_NAME, Trace, notes_naming, overwrite
from tracker.persons.waiting import replay_waiting, spool_here
from tracker.work.files import forget as forget_files

logger = logging.getLogger("tracker.persons")

NOBODY = "[erased]"
# Whatever holds the address beside these is known from its traces.
CHANGED: tuple[type[Model], ...] = (
    Recipient,
    Consent,
    CorrectedAddress,
    SuppressedAddress,
    RejectedLine,
    TypingSlip,
    Segment,
    LogEntry,
    Ruling,
    FanOut,
    UniqueOpen,
    Open,
)


class AlreadyErasedError(Exception):
    """This person was erased before."""


@dataclass(slots=True)
class Erased:
    """What an erasure did, in numbers; ``waiting_files`` are other processes' part of the spool,
    whose hits arrive without evidence."""

    pixels: int = 0
    opens: int = 0
    texts: int = 0
    rulings: int = 0
    fan_outs: int = 0
    waiting_files: int = 0
    set_aside: int = 0
    rejected_lines: int = 0


def erase(
    recipient: Recipient,
    by: AbstractBaseUser | AnonymousUser | None,
    reason: str = "",
    *,
    source: Source | None = None,
) -> Erased:
    """One person; raises AlreadyErasedError. See ``erase_all``."""
    return erase_all([Person.of(recipient)], by, reason, source=source)


def erase_all(
    persons: Sequence[Person],
    by: AbstractBaseUser | AnonymousUser | None,
    reason: str = "",
    *,
    source: Source | None = None,
) -> Erased:
    """All of them or, if it raises, none.

    Their recipients stay as stubs with their pixels, so that counts and uniqueness stay what they
    are; their mail stays in mailboxes, and what is opened later counts without address and agent,
    and for nobody. Locks as ``tracker.consent`` does.
    """
    persons = [*persons, *_also_under_mistyped(persons)]
    lines = 0
    for person in persons:
        # Before texts are replaced: a file is found by its name.
        for key in {person.key, *person.mistyped}:
            lines += forget(key, person.name).rejected_lines
    erased = Erased(waiting_files=replay_waiting(), rejected_lines=lines)
    plans = plans_of(persons)
    numbers = [person.recipient_id for person in persons if person.recipient_id is not None]
    with transaction.atomic():
        wait_for_imports()
        # Before hits have to wait: it may read all recipients.
        erased.texts = forget_values(list(Recipient.objects.filter(pk__in=numbers)))
        for plan in sorted(plans, key=lambda plan: plan.person.recipient_id or 0):
            plan.recipient = _leave_stub(plan.person)
            # Now that nobody gives them another one.
            plan.pixels = pixels_of(plan.person)
        pixels = {pixel for plan in plans for pixel in plan.pixels}
        erased.pixels = len(pixels)
        make_anonymous(pixels)
        erased.opens = stop_linking(pixels)
        for plan in plans:
            _remove(plan, erased)
            _write_down(plan, by, reason, source)
    forget_files(numbers)
    try:
        erased.set_aside = spool_here().forget_refused(pixels)
    except OSError as error:
        # The schedule tries again, and again.
        logger.warning("hits that were set aside could not be removed: %s", error)
    clear_remains(changed_by([trace for plan in plans for trace in plan.traces]))
    return erased


def changed_by(traces: Iterable[Trace]) -> set[type[Model]]:
    """Tables that an erasure changes, where old rows may still hold what was erased."""
    return {*CHANGED, *(trace.model for trace in traces)}


def _also_under_mistyped(persons: Sequence[Person]) -> list[Person]:
    """Mail had gone to an address before it was corrected, or to another spelling of its domain:
    then it is a recipient of its own."""
    keys = {key for person in persons for key in person.keys}
    named = {person.recipient_id for person in persons if person.recipient_id is not None}
    others = Recipient.objects.filter(email_key__in=keys, erased_at=None).exclude(pk__in=named)
    return [Person.of(one) for one in others]


def _remove(plan: Plan, erased: Erased) -> None:
    if plan.person.recipient_id is not None:
        # That they chose, and when, is a figure; how it was known may name them.
        Consent.objects.filter(recipient=plan.person.recipient_id).update(proof="", origin="")
        for corrected in CorrectedAddress.objects.filter(recipient=plan.person.recipient_id):
            # A list that has it would bring them back as somebody new.
            bury(corrected.email_key)
            corrected.delete()
        # Their stub is suppressed in the place of their address: once, as any address is.
        SuppressedAddress.objects.filter(email_key__in=plan.person.mistyped).delete()
    erased.fan_outs += FanOut.objects.filter(pk__in=plan.fan_outs).delete()[0]
    erased.rulings += Ruling.objects.filter(pk__in=plan.lone_rulings).delete()[0]
    for some in portions(plan.pixels):
        notes = Ruling.objects.filter(open__pixel__in=some).exclude(note="")
        erased.rulings += notes.update(note="")
    for name, ruling in notes_naming(plan.person.name):
        ruling.note = name.sub(NOBODY, ruling.note)
        ruling.save(update_fields=["note"])
    # Also under an address that they had before.
    _admin_log(plan.person).update(object_repr=plan.person.stub)
    for trace in plan.traces:
        overwrite(trace, plan.person.spellings, plan.person.stub)
    erased.texts += len(plan.traces)


def _admin_log(person: Person) -> QuerySet[LogEntry]:
    kind = ContentType.objects.get_for_model(Recipient)
    return LogEntry.objects.filter(content_type=kind, object_id=str(person.recipient_id or ""))


def _leave_stub(person: Person) -> Recipient | None:
    """The row with the address and the name as they were a moment ago, if there was one."""
    recipient = None
    if person.recipient_id is not None:
        recipient = Recipient.objects.select_for_update().get(pk=person.recipient_id)
        if recipient.erased_at is not None:
            raise AlreadyErasedError(AlreadyErasedError.__doc__)
        # Not the address of the plan: somebody may have changed it a moment ago.
        bury(recipient.email_key)
        Recipient.objects.filter(pk=recipient.pk).update(
            email=person.stub, email_key=person.stub, erased_at=timezone.now(), **emptied()
        )
    if recipient is None or recipient.email_key != person.key:
        bury(person.key)
    return recipient


def _write_down(
    plan: Plan, by: AbstractBaseUser | AnonymousUser | None, reason: str, source: Source | None
) -> None:
    person = plan.person
    words = reason
    for spelling in sorted(person.spellings):
        words = words.replace(spelling, NOBODY)
    if len(person.name) >= LEAST_NAME:
        words = words.replace(person.name, NOBODY)
    record(
        Action.PERSON_ERASED,
        plan.recipient,
        by,
        source=source,
        reason=words[:500],
        pixels=len(plan.pixels),
    )
