"""Of a shared report: who opened by mailbox provider, where no few can be told apart.

``tracker.sharing.hiding`` says what strangers may know. Here it comes to this:

1. A provider has a line if at least five people of it opened and at least five to whom the mail
   was delivered did not: then neither are few.
2. What is left of the report's own figures after subtracting the lines is a line, too, "all
   others", and the same holds for it. As long as it does not, the provider with the fewest
   recipients joins it; nothing may be left as well.
3. All others are subtracted from the whole, not added up: whoever is in no breakdown (anonymous
   recipients, opens since it was added up) is among them, so that nobody is left by themselves.

The tests go through all small campaigns of two and three providers to prove that of a provider
without a line more is possible than one number of openers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tracker.rates import rate
from tracker.sharing.hiding import LEAST, People


class Group(NamedTuple):
    """Recipients of one provider, or all others; ``key`` is empty for these."""

    key: str
    delivered: int
    human: int

    @property
    def rate(self) -> float | None:
        return rate(self.human, self.delivered)

    @property
    def can_be_shown(self) -> bool:
        return self.human >= LEAST and self.delivered - self.human >= LEAST


def providers_shown(people: People, providers: Iterable[Group]) -> Sequence[Group]:
    """The most recipients first, all others last; nothing where no provider may have a line."""
    if not isinstance(people.human, int):
        return []
    lines = sorted(
        (one for one in providers if one.can_be_shown), key=lambda one: (-one.delivered, one.key)
    )
    while lines:
        others = Group(
            "",
            people.delivered - sum(one.delivered for one in lines),
            people.human - sum(one.human for one in lines),
        )
        if others.can_be_shown:
            return [*lines, others]
        if others.delivered == others.human == 0:
            return lines
        lines.pop()
    return []
