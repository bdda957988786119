"""Quarters of an hour, UTC: the grain of the counts over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def quarter_of(moment: datetime) -> datetime:
    """The beginning of the quarter in which the moment lies."""
    return moment - (moment - EPOCH) % QUARTER
