"""Whom an erasure is about, and what of theirs is to go, found before anything is locked."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from campaigns.imports.broken import Theirs
from campaigns.imports.corrections import mistyped_of
from campaigns.imports.forget import lines_of
from campaigns.models import Recipient, email_key
from campaigns.models.keys import spellings_of
from campaigns.tombstones import STUB_DOMAIN
from tracker.judging.fan_outs import id_bounds
from tracker.models import FanOut, Open, Pixel, Ruling, UniqueOpen
from tracker.persons.evidence import portions
from tracker.persons.stub import stub_address
from tracker.persons.traces import Trace, find_traces


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
    def keys(self) -> set[str]:
        """Also as the network has their domain: where both spellings were recipients before
        domains were compared in their own letters, the other one is them as well."""
        return {one for key in (self.key, *self.mistyped) for one in spellings_of(key)}

    @property
    def spellings(self) -> set[str]:
        """In whatever way a text may have their address; letter case is ignored."""
        # Macs write ü as u and two dots.
        apart = {unicodedata.normalize("NFD", key) for key in self.keys}
        return {self.email, *self.keys, *apart}


@dataclass(slots=True)
class Plan:
    """What is to go beside the evidence, found before anything is locked."""

    person: Person
    traces: list[Trace] = field(default_factory=list)
    fan_outs: list[int] = field(default_factory=list)
    lone_rulings: list[int] = field(default_factory=list)
    pixels: list[int] = field(default_factory=list)
    recipient: Recipient | None = None


def plans_of(persons: Sequence[Person]) -> list[Plan]:
    """Together: an address that only some of them have used is nobody else's."""
    traces = find_traces([person.spellings for person in persons])
    plans = [Plan(person, texts) for person, texts in zip(persons, traces, strict=True)]
    own = [pixels_of(plan.person) for plan in plans]
    pixels = [pixel for some in own for pixel in some]
    for plan, some in zip(plans, own, strict=True):
        ips = _addresses_of(some)
        plan.fan_outs = [one.pk for one in _fan_outs(ips) if not _others_in(one, pixels)]
        plan.lone_rulings = [
            ruling.pk for ruling, ip in _rulings_about(ips) if not _others_at(ip, pixels)
        ]
    return plans


def pixels_of(person: Person) -> list[int]:
    if person.recipient_id is None:
        return []
    pixels = Pixel.objects.filter(recipient=person.recipient_id).order_by("pk")
    return list(pixels.values_list("pk", flat=True))


def rejected_lines_of(person: Person) -> int:
    """How many lines of imports name them, or are theirs with a broken address."""
    return len(lines_of(Theirs({person.key, *person.mistyped}, person.name)))


def has_account(person: Person) -> bool:
    """Whether somebody logs in with this address: an account is no recipient, and stays."""
    theirs = Q()
    for key in person.keys:
        theirs |= Q(email__iexact=key) | Q(username__iexact=key)
    return get_user_model()._default_manager.filter(theirs).exists()


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
