"""Conditions in words, for whoever reads what a saved segment asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.utils.translation import gettext

from campaigns.models import Campaign
from tracker.breakdowns.providers import provider_label
from tracker.language import translated
from tracker.models import Segment
from tracker.segments.conditions import Condition, conditions_of
from tracker.segments.how import How, Kind

PATTERNS: dict[How, Callable[[], str]] = {
    How.IS: lambda: gettext("%(what)s is “%(value)s”"),
    How.IS_NOT: lambda: gettext("%(what)s is not “%(value)s”"),
    How.CONTAINS: lambda: gettext("%(what)s contains “%(value)s”"),
    How.ONE_OF: lambda: gettext("%(what)s is one of: %(value)s"),
    How.EMPTY: lambda: gettext("%(what)s is empty"),
    How.FILLED: lambda: gettext("%(what)s has a value"),
    How.AT_LEAST: lambda: gettext("%(what)s is a number of at least %(value)s"),
    How.AT_MOST: lambda: gettext("%(what)s is a number of at most %(value)s"),
    How.FROM: lambda: gettext("%(what)s is a day from %(value)s"),
    How.BEFORE: lambda: gettext("%(what)s is a day before %(value)s"),
    How.RECEIVED: lambda: gettext("is among the recipients of “%(what)s”"),
    How.OPENED: lambda: gettext("opened “%(what)s”, a person did"),
    How.NOT_OPENED: lambda: gettext("was sent “%(what)s”, and no person opened it"),
    How.MACHINES: lambda: gettext("only machines opened “%(what)s”"),
    How.UNOPENED: lambda: gettext("was sent “%(what)s”, and neither people nor machines opened it"),
    How.PREFETCHED: lambda: gettext("“%(what)s” was only fetched in advance for them"),
    How.SCANNED: lambda: gettext("only scanners and bots opened “%(what)s”"),
    How.UNCLEAR: lambda: gettext("whether a person opened “%(what)s” is unclear"),
    How.TIMES: lambda: gettext("opens of “%(what)s” by a person: at least %(value)s"),
}


def words_of(conditions: Sequence[Condition], campaigns: Mapping[int, str]) -> list[str]:
    """``campaigns``: names by number, of those that the conditions are about."""
    return [_words(condition, campaigns) for condition in conditions]


def words_of_segments(segments: Sequence[Segment]) -> list[tuple[Segment, list[str]]]:
    """One query for the names of all campaigns."""
    conditions = [conditions_of(segment.conditions) for segment in segments]
    numbers = campaigns_in([one for some in conditions for one in some])
    names = dict(Campaign.objects.filter(pk__in=numbers).values_list("pk", "name"))
    return [
        (segment, words_of(some, names)) for segment, some in zip(segments, conditions, strict=True)
    ]


def campaigns_in(conditions: Sequence[Condition]) -> set[int]:
    return {int(one.name) for one in conditions if one.kind is Kind.CAMPAIGN}


def _words(condition: Condition, campaigns: Mapping[int, str]) -> str:
    value = condition.value
    if condition.kind is Kind.PROVIDER:
        keys = condition.values if condition.how is How.ONE_OF else [value]
        value = "; ".join(translated(provider_label(key)) for key in keys)
    return PATTERNS[condition.how]() % {"what": _what(condition, campaigns), "value": value}


def _what(condition: Condition, campaigns: Mapping[int, str]) -> str:
    if condition.kind is Kind.ATTRIBUTE:
        return condition.name
    if condition.kind is Kind.CAMPAIGN:
        return campaigns.get(int(condition.name), condition.name)
    return str(condition.kind.label)
