"""What saved segments say of a person alone: values that nobody else has, and their name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.lookups import Exact

from campaigns.models import Recipient, email_key
from tracker.breakdowns.adding_up import Domain
from tracker.models import Segment
from tracker.persons.traces import name_pattern
from tracker.segments.attribute_text import AttributeText
from tracker.segments.conditions import Condition, conditions_of
from tracker.segments.how import How, Kind

NOBODY = "[erased]"
# What a value stands in by itself; parts of a value that is one of several are looked at apart.
BY_VALUE = (How.IS, How.IS_NOT, How.CONTAINS, How.ONE_OF)


def forget_values(recipients: Sequence[Recipient]) -> int:
    """Called while they are still known; how many segments changed.

    Who else has a value is asked only where a segment holds one of theirs.
    """
    changed = 0
    for segment in Segment.objects.select_for_update():
        conditions = conditions_of(segment.conditions)
        new = [_without(condition, recipients) for condition in conditions]
        name = _without_names(segment.name, recipients)
        if new != conditions or name != segment.name:
            segment.conditions = [condition.as_json() for condition in new]
            segment.name = name
            segment.save(update_fields=["conditions", "name"])
            changed += 1
    return changed


def values_of(recipient: Recipient) -> Iterator[tuple[str, str]]:
    """What ``forget_values`` would take away, each with the column that it stands in."""
    for segment in Segment.objects.order_by("pk"):
        for condition in conditions_of(segment.conditions):
            for value in _asked(condition):
                if _is_theirs(condition, value, [recipient]):
                    yield "conditions", value
        if _without_names(segment.name, [recipient]) != segment.name:
            yield "name", recipient.name


def _asked(condition: Condition) -> list[str]:
    """Values that may be one person's alone."""
    if condition.how not in BY_VALUE or condition.kind not in (Kind.ATTRIBUTE, Kind.DOMAIN):
        return []
    return condition.values if condition.how is How.ONE_OF else [condition.value]


def _without(condition: Condition, recipients: Sequence[Recipient]) -> Condition:
    asked = _asked(condition)
    kept = [NOBODY if _is_theirs(condition, one, recipients) else one for one in asked]
    if kept == asked:
        return condition
    value = "; ".join(kept)
    return Condition(condition.kind, condition.how, condition.name, value)


def _is_theirs(condition: Condition, value: str, recipients: Sequence[Recipient]) -> bool:
    """One of them has it, and nobody who stays."""
    if condition.kind is Kind.DOMAIN:
        value = email_key(value)
    if not any(_said(condition, one) == value for one in recipients):
        return False
    return not _having(condition, value).exclude(pk__in=[one.pk for one in recipients]).exists()


def _said(condition: Condition, recipient: Recipient) -> str:
    if condition.kind is Kind.DOMAIN:
        return recipient.email_key.rpartition("@")[2]
    said: Any = recipient.attributes.get(condition.name)
    return "" if said is None else str(said)


def _having(condition: Condition, value: str) -> QuerySet[Recipient]:
    is_domain = condition.kind is Kind.DOMAIN
    column = Domain(F("email_key")) if is_domain else AttributeText(condition.name)
    return Recipient.objects.filter(Exact(column, value))


def _without_names(text: str, recipients: Sequence[Recipient]) -> str:
    for recipient in recipients:
        if name := name_pattern(recipient.name):
            text = name.sub(NOBODY, text)
    return text[:80]
