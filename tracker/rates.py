"""Rates: quotients of counts, made when they are read and never stored."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

# Fewer people whose opens can be known say nothing about the others.
LEAST_FOR_ESTIMATE = 30
# Of fewer people who opened a clip rate would tell of single ones, and of nothing else.
LEAST_FOR_CLIPPING = 5
Z95 = NormalDist().inv_cdf(0.975)

Interval = tuple[float, float]


def rate(part: int, whole: int) -> float | None:
    """A fraction, 0…1 for what cannot exceed its whole; none where there is nothing to divide by.

    A zero denominator is no 0 %: nobody was asked.
    """
    return part / whole if whole > 0 else None


def clip_rate(opened: int, end_loads: int) -> float | None:
    """Of the copies that people opened, the share whose end was not loaded."""
    return rate(opened - end_loads, opened) if opened >= LEAST_FOR_CLIPPING else None


@dataclass(frozen=True, slots=True)
class OpenRates:
    """What can be said of how many opened: at least, probably, at most.

    Recipients, each counted once: ``delivered`` to who may be tracked, and of these those with a
    ``human`` open, those with an ``unknown`` one and no human one, those whose best open was a
    privacy ``prefetch``, and those that only a ``machine`` (scanner or bot) opened for. Formulas:
    docs/glossary.md.
    """

    delivered: int
    human: int
    unknown: int
    prefetch: int
    machine: int

    @classmethod
    def of_at_most_all(
        cls, delivered: int, *, human: int, unknown: int, prefetch: int, machine: int
    ) -> OpenRates:
        """With no more people than ``delivered``, the best evidence first.

        More unique opens than recipients come from who opened both as themselves and anonymously,
        which nothing may tell, and from mail that is not marked as sent, or as bounced wrongly.
        Where none is delivered there is no rate, and nothing is left out.
        """
        if delivered <= 0:
            return cls(delivered, human, unknown, prefetch, machine)
        left, people = delivered, []
        for kind in (human, unknown, prefetch, machine):
            people.append(min(kind, left))
            left -= people[-1]
        return cls(delivered, *people)

    @property
    def opened(self) -> int:
        """Recipients with any open, machines' included."""
        return self.human + self.unknown + self.prefetch + self.machine

    @property
    def raw_open_rate(self) -> float | None:
        return rate(self.opened, self.delivered)

    @property
    def human_open_rate(self) -> float | None:
        """The lower bound: everybody who read behind a privacy proxy is missing."""
        return rate(self.human, self.delivered)

    @property
    def possible_open_rate(self) -> float | None:
        """The upper bound, but for those who read without loading images."""
        return rate(self.human + self.prefetch + self.unknown, self.delivered)

    @property
    def knowable(self) -> int:
        """Those whose open, if there is one, can be told from a machine's."""
        return self.delivered - self.prefetch

    @property
    def estimated_open_rate(self) -> float | None:
        """As if those behind a privacy proxy opened like the others; none if these are too few."""
        if self.knowable < LEAST_FOR_ESTIMATE or self.human > self.knowable:
            return None
        return rate(self.human, self.knowable)

    @property
    def estimated_open_rate_interval(self) -> Interval | None:
        """Wilson's 95 % interval of the estimate."""
        if self.estimated_open_rate is None:
            return None
        return wilson_interval(self.human, self.knowable)

    @property
    def machine_open_share(self) -> float | None:
        """What part of the unique opens says nothing about a reader."""
        return rate(self.prefetch + self.machine, self.opened)


def wilson_interval(successes: int, trials: int) -> Interval:
    """The 95 % score interval of a proportion (E. B. Wilson, JASA 22, 1927).

    ``0 ≤ successes ≤ trials``, ``trials > 0``. Always within 0…1, and sensible at both ends, where
    the usual p ± 1.96 standard errors is not.
    """
    share = successes / trials
    spread = Z95**2 / trials
    middle = share + spread / 2
    half = sqrt(spread * (share * (1 - share) + spread / 4))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    # At the very ends the formula gives exactly 0 or 1, but for rounding.
    return (0.0 if successes == 0 else low, 1.0 if successes == trials else high)


def difference_interval(one: tuple[int, int], other: tuple[int, int]) -> Interval:
    """The 95 % interval of one proportion less another, each as (successes, trials).

    Newcombe's hybrid score interval (method 10 in Statistics in Medicine 17, 1998): it joins the
    two Wilson intervals, and keeps its promise with small and extreme counts.
    """
    first, second = one[0] / one[1], other[0] / other[1]
    low1, high1 = wilson_interval(*one)
    low2, high2 = wilson_interval(*other)
    difference = first - second
    return (
        difference - sqrt((first - low1) ** 2 + (high2 - second) ** 2),
        difference + sqrt((high1 - first) ** 2 + (second - low2) ** 2),
    )
