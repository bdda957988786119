"""Spans of time as people say them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils.translation import ngettext_lazy

from tracker.language import count

# The unit, how many seconds it has, and up to how many of it are counted.
UNITS = (
    (ngettext_lazy("%(number)s second", "%(number)s seconds", "count"), 1, 60),
    (ngettext_lazy("%(number)s minute", "%(number)s minutes", "count"), 60, 60),
    (ngettext_lazy("%(number)s hour", "%(number)s hours", "count"), 3_600, 48),
)
DAYS = ngettext_lazy("%(number)s day", "%(number)s days", "count")
UNITS_AGO = (
    (ngettext_lazy("%(number)s second ago", "%(number)s seconds ago", "count"), 1, 60),
    (ngettext_lazy("%(number)s minute ago", "%(number)s minutes ago", "count"), 60, 60),
    (ngettext_lazy("%(number)s hour ago", "%(number)s hours ago", "count"), 3_600, 48),
)
DAYS_AGO = ngettext_lazy("%(number)s day ago", "%(number)s days ago", "count")
DAY = 86_400


def in_words(span: timedelta) -> str:
    """Such as "12 seconds" or "6 hours": one unit, rounded down; a clock that is ahead says none
    of it."""
    return _said(span, UNITS, DAYS)


def ago(span: timedelta) -> str:
    """Such as "6 hours ago", for which many languages have other forms than for "6 hours"."""
    return _said(span, UNITS_AGO, DAYS_AGO)


def _said(span: timedelta, units: Sequence[tuple[Any, int, int]], days: Any) -> str:
    seconds = max(0, int(span.total_seconds()))
    pattern, length = next(
        ((unit, length) for unit, length, most in units if seconds < length * most), (days, DAY)
    )
    number = seconds // length
    return str(pattern % {"count": number, "number": count(number)})
