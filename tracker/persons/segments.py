"""What saved segments say of a person alone: values that nobody else has, and their name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.lookups import Exact

from campaigns.models import Recipient, email_key
from tracker.breakdowns.adding_up import Domain
from tracker.models import Segment
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


def _without(condition: Condition, recipients: Sequence[Recipient]) -> Condition:
    if condition.how not in BY_VALUE or condition.kind not in (Kind.ATTRIBUTE, Kind.DOMAIN):
        return condition
    asked = condition.values if condition.how is How.ONE_OF else [condition.value]
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
        # Shorter names are words that stand in names of anything.
        if len(recipient.name) >= 3:
            name = re.compile(rf"(?<!\w){re.escape(recipient.name)}(?!\w)", re.IGNORECASE)
            text = name.sub(NOBODY, text)
    return text[:80]
