"""Why a line or a file was refused: English by itself, and kept so that a page can translate it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Reason(str):
    """The English text, which remembers its pattern and what was put into it."""

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, object]

    def __new__(cls, pattern: str, values: Mapping[str, object]) -> Reason:
        written = {
            name: f"{value:,}" if isinstance(value, int) else value
            for name, value in values.items()
        }
        self = super().__new__(cls, pattern % written if written else pattern)
        self.pattern, self.values = pattern, values
        return self


def because(pattern: str, **values: object) -> Reason:
    """``make messages`` collects the patterns; whole numbers among the values are counts."""
    return Reason(pattern, values)


def as_kept(text: str) -> list[Any]:
    """What a JSON column keeps of it: pattern and values; nothing of any other text."""
    if not isinstance(text, Reason):
        return []
    return [text.pattern, {name: _value_as_kept(value) for name, value in text.values.items()}]


def _value_as_kept(value: object) -> object:
    if isinstance(value, Reason):
        return {"because": as_kept(value)}
    # No database takes a NUL in its JSON.
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value
