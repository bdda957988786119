"""A person is erased: everything about them goes, and every count stays as it was.

Their pixels become anonymous in the same transaction: what is opened later, was in flight or waits
in a spool is recorded for stand-ins, without address and agent, as of whoever chose so themselves.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from campaigns.audit import Action, Source, record
from campaigns.imports.corrections import mistyped_of
from campaigns.imports.forget import forget
from campaigns.imports.staging import wait_for_imports
from campaigns.models import Consent, CorrectedAddress, Recipient, SuppressedAddress, email_key
from campaigns.tombstones import STUB_DOMAIN, bury
from tracker.judging.fan_outs import id_bounds
from tracker.models import FanOut, Open, Pixel, Ruling, UniqueOpen
from tracker.persons.evidence import make_anonymous, portions, stop_linking
from tracker.persons.segments import forget_values
from tracker.persons.stub import emptied, stub_address
from tracker.persons.traces import Trace, find_traces, overwrite
from tracker.persons.waiting import replay_waiting, spool_here
from tracker.work.files import forget as forget_files

logger = logging.getLogger("tracker.persons")

# Shorter names are words that stand in notes about anything.
LEAST_NAME = 3
NOBODY = "[erased]"


class AlreadyErasedError(Exception):
    """This person was erased before."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an address names: a recipient, or somebody who stands in rejected lines only."""

    email: str
    name: str
    stub: str
    recipient_id: int | None
    # Keys under which lists have had them, before somebody corrected these.
    mistyped: frozenset[str] = frozenset()

    @classmethod
    def of(cls, recipient: Recipient) -> Person:
        stub, mistyped = stub_address(recipient.pk), frozenset(mistyped_of(recipient.pk))
        return cls(recipient.email, recipient.name, stub, recipient.pk, mistyped)

    @classmethod
    def unknown(cls, address: str) -> Person:
        return cls(address, "", f"erased-{secrets.token_hex(6)}@{STUB_DOMAIN}", None)

    @property
    def key(self) -> str:
        return email_key(self.email)

    @property
    def spellings(self) -> set[str]:
        return {self.email, self.key, *self.mistyped}


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


@dataclass(slots=True)
class Plan:
    """What is to go beside the evidence, found before anything is locked."""

    person: Person
    traces: list[Trace] = field(default_factory=list)
    fan_outs: list[int] = field(default_factory=list)
    lone_rulings: list[int] = field(default_factory=list)
    pixels: list[int] = field(default_factory=list)
    recipient: Recipient | None = None


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
    for person in persons:
        # Before texts are replaced: a file is found by its name.
        for key in {person.key, *person.mistyped}:
            forget(key)
    erased = Erased(waiting_files=replay_waiting())
    plans = plans_of(persons)
    numbers = [person.recipient_id for person in persons if person.recipient_id is not None]
    with transaction.atomic():
        wait_for_imports()
        # Before hits have to wait: it may read all recipients.
        erased.texts = forget_values(list(Recipient.objects.filter(pk__in=numbers)))
        for plan in sorted(plans, key=lambda plan: plan.person.recipient_id or 0):
            plan.recipient = _leave_stub(plan.person)
            # Now that nobody gives them another one.
            plan.pixels = _pixels_of(plan.person)
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
    return erased


def _also_under_mistyped(persons: Sequence[Person]) -> list[Person]:
    """Mail had gone to an address before it was corrected: then it is a recipient of its own."""
    keys = {key for person in persons for key in person.mistyped}
    named = {person.recipient_id for person in persons if person.recipient_id is not None}
    others = Recipient.objects.filter(email_key__in=keys, erased_at=None).exclude(pk__in=named)
    return [Person.of(one) for one in others]


def plans_of(persons: Sequence[Person]) -> list[Plan]:
    """Together: an address that only some of them have used is nobody else's."""
    traces = find_traces([person.spellings for person in persons])
    plans = [Plan(person, texts) for person, texts in zip(persons, traces, strict=True)]
    own = [_pixels_of(plan.person) for plan in plans]
    pixels = [pixel for some in own for pixel in some]
    for plan, some in zip(plans, own, strict=True):
        ips = _addresses_of(some)
        plan.fan_outs = [one.pk for one in _fan_outs(ips) if not _others_in(one, pixels)]
        plan.lone_rulings = [
            ruling.pk for ruling, ip in _rulings_about(ips) if not _others_at(ip, pixels)
        ]
    return plans


def _pixels_of(person: Person) -> list[int]:
    if person.recipient_id is None:
        return []
    pixels = Pixel.objects.filter(recipient=person.recipient_id).order_by("pk")
    return list(pixels.values_list("pk", flat=True))


def has_account(person: Person) -> bool:
    """Whether somebody logs in with this address: an account is no recipient, and stays."""
    users = get_user_model()._default_manager.filter
    return users(email__iexact=person.key).exists() or users(username__iexact=person.key).exists()


def _addresses_of(pixels: Sequence[int]) -> set[str]:
    ips: set[str | None] = set()
    for some in portions(pixels):
        ips.update(Open.objects.filter(pixel__in=some).values_list("ip", flat=True))
        ips.update(UniqueOpen.objects.filter(pk__in=some).values_list("last_ip", flat=True))
    return {ip for ip in ips if ip is not None}


def _fan_outs(ips: set[str]) -> list[FanOut]:
    ordered = sorted(ips)
    return [
        fan_out
        for start in range(0, len(ordered), 500)
        for fan_out in FanOut.objects.filter(ip__in=ordered[start : start + 500])
    ]


def _others_in(fan_out: FanOut, pixels: Sequence[int]) -> bool:
    """Whether somebody else's opens are still evidence of it."""
    first, last = id_bounds(fan_out.starts_at, fan_out.ends_at)
    opens = Open.objects.filter(pk__gte=first, pk__lt=last, ip=fan_out.ip)
    return _is_any_not_of(opens, pixels)


def _others_at(ip: str, pixels: Sequence[int]) -> bool:
    """No index holds addresses: in the worst case all opens are read, once a ruling."""
    return _is_any_not_of(Open.objects.filter(ip=ip), pixels)


def _is_any_not_of(opens: QuerySet[Open], pixels: Sequence[int]) -> bool:
    """However many pixels there are: a statement takes some hundred only."""
    of_others = set(opens.order_by().values_list("pixel", flat=True).distinct()[: len(pixels) + 1])
    return not of_others.issubset(pixels)


def _rulings_about(ips: set[str]) -> list[tuple[Ruling, str]]:
    """About one of these addresses alone."""
    networks = {str(ip_network(ip)): ip for ip in ips}
    rulings = Ruling.objects.exclude(network="")
    return [(one, networks[one.network]) for one in rulings if one.network in networks]


def _remove(plan: Plan, erased: Erased) -> None:
    if plan.person.recipient_id is not None:
        # That they chose, and when, is a figure; how it was known may name them.
        Consent.objects.filter(recipient=plan.person.recipient_id).update(proof="")
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
    if len(plan.person.name) >= LEAST_NAME:
        name = re.compile(rf"(?<!\w){re.escape(plan.person.name)}(?!\w)", re.IGNORECASE)
        for ruling in Ruling.objects.filter(note__icontains=plan.person.name):
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
