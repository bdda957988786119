"""What a saved segment asks of a recipient: conditions, as they are stored and as filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, TextField, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import (
    Exact,
    GreaterThanOrEqual,
    IContains,
    In,
    LessThan,
    LessThanOrEqual,
    Regex,
)

from campaigns.models import email_key
from tracker.breakdowns.adding_up import Domain
from tracker.breakdowns.providers import domains_of
from tracker.models import Pixel, PixelQuerySet
from tracker.segments.attribute_text import AsDay, AsNumber, AttributeText
from tracker.segments.choice import Who
from tracker.segments.how import How, Kind
from tracker.segments.who import BY_WHO

# One row of a saved segment; more is no filter that a person can read.
MOST_CONDITIONS = 12
SEPARATOR = ";"


@dataclass(frozen=True, slots=True)
class Condition:
    """``name`` is the attribute's, or the campaign's number; ``value`` is what a person wrote."""

    kind: Kind
    how: How
    name: str = ""
    value: str = ""

    @property
    def what(self) -> str:
        """Kind and name in one, for a form."""
        return f"{self.kind}:{self.name}" if self.name else self.kind.value

    @property
    def values(self) -> list[str]:
        """Of “one of”, without empty ones."""
        return [value for part in self.value.split(SEPARATOR) if (value := part.strip())]

    def as_json(self) -> dict[str, str]:
        return {
            "kind": self.kind.value,
            "how": self.how.value,
            "name": self.name,
            "value": self.value,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Condition:
        return cls(Kind(stored["kind"]), How(stored["how"]), stored["name"], stored["value"])


def conditions_of(stored: Sequence[Mapping[str, Any]]) -> list[Condition]:
    return [Condition.from_json(one) for one in stored]


def filter_of(condition: Condition) -> Q:
    """On recipients."""
    match condition.kind:
        case Kind.ATTRIBUTE:
            return _by_text(AttributeText(condition.name), condition)
        case Kind.DOMAIN:
            return _by_text(Domain(F("email_key")), condition)
        case Kind.PROVIDER:
            return _by_provider(condition)
        case Kind.CAMPAIGN:
            return Q(Exists(_pixels(condition).filter(recipient=OuterRef("pk"))))


def _by_text(text: Any, condition: Condition) -> Q:
    """Who has no value at all is not what is written, and contains nothing."""
    known = Coalesce(text, Value(""), output_field=TextField())
    value = condition.value
    if condition.kind is Kind.DOMAIN:
        # Also as the network has it: compared with the domains of keys.
        value = SEPARATOR.join(map(email_key, value.split(SEPARATOR)))
    by_how: dict[How, Callable[[], Any]] = {
        How.IS: lambda: Exact(known, value),
        How.IS_NOT: lambda: ~Q(Exact(known, value)),
        How.CONTAINS: lambda: IContains(known, value),
        How.ONE_OF: lambda: In(known, [one.strip() for one in value.split(SEPARATOR)]),
        How.EMPTY: lambda: Exact(known, ""),
        How.FILLED: lambda: ~Q(Exact(known, "")),
        How.AT_LEAST: lambda: GreaterThanOrEqual(AsNumber(text), float(value)),
        How.AT_MOST: lambda: LessThanOrEqual(AsNumber(text), float(value)),
        How.FROM: lambda: GreaterThanOrEqual(AsDay(text), value),
        How.BEFORE: lambda: LessThan(AsDay(text), value),
    }
    return Q(by_how[condition.how]())


def _by_provider(condition: Condition) -> Q:
    """``values`` are keys of ``tracker.breakdowns.providers``."""
    asked = [condition.value] if condition.how is not How.ONE_OF else condition.values
    own, others, pattern = domains_of(asked)
    domain = Domain(F("email_key"))
    theirs = Q(In(domain, own))
    if pattern:
        theirs |= Q(Regex(domain, pattern)) & ~Q(In(domain, others))
    return ~theirs if condition.how is How.IS_NOT else theirs


WHO = {
    How.RECEIVED: Who.ALL,
    How.OPENED: Who.OPENED,
    How.NOT_OPENED: Who.NOT_OPENED,
    How.UNOPENED: Who.UNOPENED,
    How.MACHINES: Who.MACHINES,
    How.PREFETCHED: Who.PREFETCHED,
    How.SCANNED: Who.SCANNED,
    How.UNCLEAR: Who.UNCLEAR,
    How.TIMES: Who.OPENED,
}


def _pixels(condition: Condition) -> PixelQuerySet:
    """The same people as the campaign's own segments: nobody whose opens are not linked to them."""
    pixels = BY_WHO[WHO[condition.how]](Pixel.objects.filter(campaign=int(condition.name)))
    if condition.how is not How.RECEIVED:
        pixels = pixels.linked()
    if condition.how is How.TIMES:
        pixels = pixels.filter(unique_open__human_open_count__gte=int(condition.value))
    return pixels
