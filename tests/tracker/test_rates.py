from __future__ import annotations

import itertools
from math import comb, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rates import OpenRates, difference_interval, rate, wilson_interval

CHECK = OpenRates(1000, human=180, unknown=10, prefetch=300, machine=40)


def percent(fraction: float | None) -> str:
    assert fraction is not None
    return f"{100 * fraction:.1f}"


def test_a_rate_is_a_fraction_of_its_whole() -> None:
    assert rate(1, 4) == 0.25
    assert rate(6, 4) == 1.5


def test_nothing_to_divide_by_gives_no_rate() -> None:
    assert rate(0, 0) is None
    assert rate(3, 0) is None
    assert rate(3, -1) is None


def test_the_check_value_of_the_glossary_holds_to_the_decimal() -> None:
    assert percent(CHECK.human_open_rate) == "18.0"
    assert percent(CHECK.possible_open_rate) == "49.0"
    assert percent(CHECK.estimated_open_rate) == "25.7"
    assert percent(CHECK.machine_open_share) == "64.2"


def test_there_is_no_estimate_from_fewer_than_thirty_people_who_can_be_known() -> None:
    few = OpenRates(129, human=10, unknown=0, prefetch=100, machine=0)
    assert (few.estimated_open_rate, few.estimated_open_rate_interval) == (None, None)
    enough = OpenRates(130, human=10, unknown=0, prefetch=100, machine=0)
    assert enough.estimated_open_rate == pytest.approx(1 / 3)


def test_everyone_behind_a_proxy_and_nobody_delivered_to_give_no_rate() -> None:
    assert OpenRates(50, 0, 0, 50, 0).estimated_open_rate is None
    nobody = OpenRates(0, 0, 0, 0, 0)
    assert nobody.human_open_rate is None
    assert nobody.possible_open_rate is None
    assert nobody.machine_open_share is None


def test_more_openers_than_delivered_to_give_no_estimate() -> None:
    assert OpenRates(40, human=45, unknown=0, prefetch=0, machine=0).estimated_open_rate is None


@given(*[st.integers(0, 5000) for _ in range(5)])
def test_the_estimate_lies_between_the_bounds(
    human: int, unknown: int, prefetch: int, machine: int, rest: int
) -> None:
    delivered = human + unknown + prefetch + machine + rest
    rates = OpenRates(delivered, human, unknown, prefetch, machine)
    estimate, interval = rates.estimated_open_rate, rates.estimated_open_rate_interval
    if estimate is None or interval is None:
        assert delivered - prefetch < 30
        return
    least, most = rates.human_open_rate, rates.possible_open_rate
    assert least is not None
    assert most is not None
    assert least <= estimate + 1e-12
    assert estimate <= most + 1e-12
    assert 0 <= interval[0] <= estimate + 1e-12
    assert estimate - 1e-12 <= interval[1] <= 1


# From R. G. Newcombe, Statistics in Medicine 17 (1998): table I of the paper on single proportions
# and table II of the paper on differences, to the decimals given there.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_newcombe_gives_the_published_intervals(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    assert difference_interval(one, other) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 400), st.data())
def test_an_interval_holds_its_share_and_mirrors_it(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    mirrored = wilson_interval(trials - successes, trials)
    assert isclose(1 - low, mirrored[1], abs_tol=1e-9)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_an_interval_holds_the_truth_about_95_times_in_a_hundred(share: float) -> None:
    """Exactly, not by chance: over all outcomes, weighted by how likely each is."""
    trials = 200
    held = sum(
        comb(trials, n) * share**n * (1 - share) ** (trials - n)
        for n in range(trials + 1)
        if wilson_interval(n, trials)[0] <= share <= wilson_interval(n, trials)[1]
    )
    assert 0.93 < held < 0.97


@given(*[st.integers(0, 50) for _ in range(5)])
def test_no_rate_is_over_more_people_than_there_are_and_the_best_evidence_comes_first(
    delivered: int, human: int, unknown: int, prefetch: int, machine: int
) -> None:
    found = OpenRates.of_at_most_all(
        delivered, human=human, unknown=unknown, prefetch=prefetch, machine=machine
    )
    kinds = (human, unknown, prefetch, machine)
    capped = (found.human, found.unknown, found.prefetch, found.machine)
    if not delivered or sum(kinds) <= delivered:
        assert capped == kinds
        return
    assert found.opened == delivered
    assert found.raw_open_rate == 1
    lost = [kind - one for kind, one in zip(kinds, capped, strict=True)]
    # Of two kinds the worse one is left out wholly before the better one loses anybody.
    for better, worse in itertools.pairwise(range(4)):
        assert not lost[better] or not capped[worse]
