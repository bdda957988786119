"""Sentences for people that remember how they were made.

What is plain Python says them in English; a page says them in its reader's language, for which it
needs the pattern and the values, not the finished text. ``make messages`` collects the patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


class Sentence(str):
    """The English text; ``plural`` and ``number`` where there are two patterns to choose from."""

    __slots__ = ("number", "pattern", "plural", "values")

    pattern: str
    plural: str
    number: int
    values: Mapping[str, object]

    def __new__(
        cls,
        pattern: str,
        values: Mapping[str, object] | None = None,
        plural: str = "",
        number: int = 1,
    ) -> Sentence:
        values = values or {}
        chosen = plural if plural and number != 1 else pattern
        written = {name: in_english(value) for name, value in values.items()}
        self = super().__new__(cls, chosen % written if written else chosen)
        self.pattern, self.plural, self.number, self.values = pattern, plural, number, values
        return self

    def __getnewargs__(self) -> tuple[str, Mapping[str, object], str, int]:  # type: ignore[override]
        """For copies; str alone would hand over the finished text as the pattern."""
        return self.pattern, self.values, self.plural, self.number

    def replacing(self, name: str, change: Callable[[str], str]) -> Sentence:
        """The same with another value of that name, also in the sentences that it is made of."""
        values = {
            key: value.replacing(name, change)
            if isinstance(value, Sentence)
            else change(str(value))
            if key == name
            else value
            for key, value in self.values.items()
        }
        return Sentence(self.pattern, values, self.plural, self.number)


def said(pattern: str, **values: object) -> Sentence:
    return Sentence(pattern, values)


def said_of(singular: str, plural: str, number: int, **values: object) -> Sentence:
    """By how many: the pattern may name the ``number``."""
    return Sentence(singular, {"number": number, **values}, plural, number)


def counted(number: int, one: str, many: str = "") -> str:
    """For commands, which are English: 1 recipient, 2,000 recipients."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def in_a_row(*sentences: str) -> Sentence:
    values = {f"sentence{place}": one for place, one in enumerate(sentences)}
    return Sentence(" ".join(f"%({name})s" for name in values), values)


def in_english(value: object) -> str:
    """Whole numbers are counts, which are written in groups of three digits."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if is_count else str(value)
