"""Months of opens, in UTC, and where each begins among the hits' ids, which begin with the time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID


def month_of(moment: datetime) -> datetime:
    """The month's first moment."""
    utc = moment.astimezone(UTC)
    return datetime(utc.year, utc.month, 1, tzinfo=UTC)


def months_later(month: datetime, number: int) -> datetime:
    """``month`` is a month's first moment; ``number`` may be negative."""
    year, index = divmod(month.year * 12 + month.month - 1 + number, 12)
    return datetime(year, index + 1, 1, tzinfo=UTC)


def months(first: datetime, last: datetime) -> Iterator[datetime]:
    """All months from the one with ``first`` to the one with ``last``."""
    month = month_of(first)
    while month <= last:
        yield month
        month = months_later(month, 1)


def first_id(moment: datetime) -> UUID:
    """No hit at or after that moment has a smaller id, none before it as great a one."""
    milliseconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    return UUID(int=max(0, milliseconds) << 80)


def moment_of(hit_id: UUID) -> datetime:
    """When that hit came, to the millisecond; OverflowError for an id that no hit has."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=hit_id.int >> 80)
