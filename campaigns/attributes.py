"""The names of attributes that recipients have, kept by whoever brings attributes."""

from __future__ import annotations

from collections.abc import Iterable

from campaigns.models import Attribute

# More are offered nowhere: a form with a thousand choices helps nobody.
MOST_OFFERED = 500


def keep_names(names: Iterable[str]) -> None:
    """Known names change nothing."""
    new = [Attribute(name=name) for name in sorted(set(names)) if name]
    Attribute.objects.bulk_create(new, ignore_conflicts=True)


def names_offered() -> list[str]:
    return list(Attribute.objects.values_list("name", flat=True)[:MOST_OFFERED])
