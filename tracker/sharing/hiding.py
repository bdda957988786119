"""What a shared report leaves out, so that no figure tells of fewer than five people.

Whoever reads may know some of the recipients, can subtract, and can read this rule. So:

1. A count of people below ``LEAST`` is shown as "fewer than 5"; none is below five, too.
2. It must not follow from the others. Delivered is the sum of five cells: opened by people, by
   privacy proxies, unclear, by machines only, and no trace. As soon as one of the first four is
   few, "no trace" is not shown at all, neither as a number nor as few: what is left after
   subtracting the visible cells is then split between the few and it in a way that nobody can know.
3. Where too little is left for that (less than four, so that a few could not be four), or where
   "no trace" alone is few, only the answer is shown: how many of how many opened; and if
   fewer than ``LEAST_TOTAL`` did not, or their number is few itself, only how many it was
   delivered to.
4. A report about fewer than ``LEAST_TOTAL`` people shows nothing.
5. Few bounces hide how many were sent, which is delivered and bounces together.
6. A day is shown if at least five people opened for the first time on it; then its opens come from
   five people or more. First opens of all days add up to the people who opened. If that sum, with
   what the shown days' opens allow, said more of a hidden day than "fewer than 5", no day is shown.
7. Rates and ranges are made of what is shown, and of nothing else.
8. Whoever is off is left out of every figure, of what was sent and delivered too: then these add up
   without them. How many they are is told by itself, as any count, from five on.

Whatever is shown, a cell named "fewer than 5" may be any of 0 to 4, and no hidden cell has one
possible value only. The tests go through all small campaigns to prove it. What the rule does not
cover: two looks at the report at different times, and knowledge from outside such as the exact
length of the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from tracker import rates
from tracker.rates import Interval, rate, wilson_interval
from tracker.sentences import said

LEAST = 5
MOST_FEW = LEAST - 1
LEAST_TOTAL = 2 * LEAST


class Hidden(Enum):
    FEW = said("fewer than %(least)s", least=LEAST)
    NOT_SHOWN = said("not shown")

    def __str__(self) -> str:
        return str(self.value)


Shown = int | Hidden


def number(shown: Shown) -> int | None:
    return shown if isinstance(shown, int) else None


@dataclass(frozen=True, slots=True)
class People:
    """A campaign's recipients as strangers may see them, by what their opens show.

    Without those of whom nothing may be recorded; ``untracked`` is how many these are.
    """

    sent: Shown
    bounces: Shown
    untracked: Shown
    delivered: int
    human: Shown
    prefetch: Shown
    unknown: Shown
    machine: Shown
    no_trace: Shown


def people_shown(
    *,
    sent: int,
    bounces: int,
    human: int,
    prefetch: int,
    unknown: int,
    machine: int,
    untracked: int = 0,
) -> People | None:
    """None where there are too few to show anything. ``untracked`` were delivered to."""
    sent -= untracked
    delivered = sent - bounces
    if delivered < LEAST_TOTAL:
        return None
    named = (human, prefetch, unknown, machine)
    no_trace = delivered - sum(named)
    is_one_few = min(named) < LEAST
    rest = delivered - sum(count for count in named if count >= LEAST)
    cells: tuple[Shown, ...]
    if not is_one_few and no_trace >= LEAST:
        cells = (*named, no_trace)
    elif is_one_few and rest >= MOST_FEW:
        cells = (*map(_shown, named), Hidden.NOT_SHOWN)
    elif human >= LEAST and delivered - human >= LEAST_TOTAL:
        cells = (human, *[Hidden.NOT_SHOWN] * 4)
    else:
        cells = (Hidden.NOT_SHOWN,) * 5
    few_bounces = bounces < LEAST
    return People(
        Hidden.NOT_SHOWN if few_bounces else sent,
        Hidden.FEW if few_bounces else bounces,
        _shown(untracked),
        delivered,
        *cells,
    )


def _shown(count: int) -> Shown:
    return count if count >= LEAST else Hidden.FEW


def days_shown(human: Shown, days: Sequence[tuple[int, int]]) -> list[Shown] | None:
    """Opens by people, for days given as (opens by people, people who opened for the first time).

    None where no day may be shown.
    """
    if not isinstance(human, int):
        return None
    shown: list[Shown] = [opens if first >= LEAST else Hidden.FEW for opens, first in days]
    visible = [opens for opens in shown if isinstance(opens, int)]
    hidden = len(shown) - len(visible)
    # First opens of a shown day are at least five and at most its opens; of a hidden one 0 to 4.
    least = LEAST * len(visible) + MOST_FEW
    most = sum(visible) + MOST_FEW * (hidden - 1)
    if hidden and not least <= human <= most:
        return None
    return shown


@dataclass(frozen=True, slots=True)
class SharedRates:
    """The rates that follow from what is shown, by the names of ``tracker.rates.OpenRates``."""

    people: People

    @property
    def delivered(self) -> int:
        return self.people.delivered

    @property
    def human_open_rate(self) -> float | None:
        human = number(self.people.human)
        return None if human is None else rate(human, self.delivered)

    @property
    def possible_open_rate(self) -> float | None:
        """Few are taken for as many as they can be: it remains the most that is possible."""
        human = number(self.people.human)
        others = (self.people.prefetch, self.people.unknown)
        if human is None or Hidden.NOT_SHOWN in others:
            return None
        most = human + sum(MOST_FEW if isinstance(one, Hidden) else one for one in others)
        return rate(min(most, self.delivered), self.delivered)

    @property
    def is_possible_widened(self) -> bool:
        """Whether few are in it, so that the report's own possible rate is a little lower."""
        return Hidden.FEW in (self.people.prefetch, self.people.unknown)

    @property
    def estimated_open_rate(self) -> float | None:
        whole = self._whole_of_estimate
        return rate(self.people.human, whole) if isinstance(self.people.human, int) else None

    @property
    def estimated_open_rate_interval(self) -> Interval | None:
        if self.estimated_open_rate is None or not isinstance(self.people.human, int):
            return None
        return wilson_interval(self.people.human, self._whole_of_estimate)

    @property
    def _whole_of_estimate(self) -> int:
        """D − V, where few are taken for none; 0 where there is no estimate."""
        human, prefetch = number(self.people.human), self.people.prefetch
        if human is None or prefetch is Hidden.NOT_SHOWN:
            return 0
        whole = self.delivered - (number(prefetch) or 0)
        return whole if whole >= max(rates.LEAST_FOR_ESTIMATE, human) else 0
