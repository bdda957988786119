"""Rates: quotients of counts, made when they are read and never stored."""

from __future__ import annotations


def rate(part: int, whole: int) -> float | None:
    """A fraction, 0…1 for what cannot exceed its whole; none where there is nothing to divide by.

    A zero denominator is no 0 %: nobody was asked.
    """
    return part / whole if whole > 0 else None
