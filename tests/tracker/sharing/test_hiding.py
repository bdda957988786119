from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple, replace
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracker.rates import OpenRates
from tracker.sharing.hiding import (
    LEAST_TOTAL,
    Hidden,
    People,
    SharedRates,
    days_shown,
    people_shown,
)

FEW = {0, 1, 2, 3, 4}
Cells = tuple[int, int, int, int, int]
Days = tuple[tuple[int, int], ...]


def shown(cells: Cells, bounces: int = 0) -> People | None:
    """Cells in the order human, prefetch, unknown, machine, no trace."""
    human, prefetch, unknown, machine, _ = cells
    return people_shown(
        sent=sum(cells) + bounces,
        bounces=bounces,
        human=human,
        prefetch=prefetch,
        unknown=unknown,
        machine=machine,
    )


def cells_of(people: People) -> tuple[int | Hidden, ...]:
    return (people.human, people.prefetch, people.unknown, people.machine, people.no_trace)


def splits(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for others in splits(total - first, parts - 1):
            yield (first, *others)


@pytest.mark.parametrize("delivered", [*range(LEAST_TOTAL, 19), 22])
def test_no_hidden_cell_of_any_small_campaign_follows_from_what_is_shown(delivered: int) -> None:
    """Whoever knows the rule and lists all campaigns that would look like this one: is a cell that
    is called few 0 to 4 among them, and does no hidden cell always have the same value?"""
    alike: dict[tuple[int | Hidden, ...], list[tuple[int, ...]]] = defaultdict(list)
    for cells in splits(delivered, 5):
        people = shown(cells)  # type: ignore[arg-type]  # five
        assert people is not None
        alike[astuple(people)].append(cells)
    for look, campaigns in alike.items():
        for i, cell in enumerate(look[4:]):
            values = {cells[i] for cells in campaigns}
            if isinstance(cell, int):
                assert values == {cell}
                assert cell >= 5
            elif cell is Hidden.FEW:
                assert values == FEW, (look, i, values)
            else:
                assert len(values) > 1, (look, i, values)


large = st.one_of(st.integers(0, 12), st.integers(0, 2_000_000))


@given(st.tuples(large, large, large, large, large), st.data())
def test_in_a_campaign_of_any_size_a_few_could_be_any_few(
    cells: Cells, data: st.DataObject
) -> None:
    people = shown(cells)
    assume(people is not None)
    assert people is not None
    few = [i for i, cell in enumerate(cells_of(people)) if cell is Hidden.FEW]
    other = list(cells)
    for i in few:
        other[i] = data.draw(st.integers(0, 4))
    other[4] += sum(cells) - sum(other)
    # With few others it takes what "no trace" leaves: then one at a time may be any.
    if other[4] < 0 and few:
        for i in few:
            other[i] = 0
        other[few[0]] = data.draw(st.integers(0, 4))
        other[4] = sum(cells) - sum(other[:4])
    assert other[4] >= 0
    assert shown((other[0], other[1], other[2], other[3], other[4])) == people


@given(st.tuples(large, large, large, large, large), st.integers(0, 50), st.integers(0, 12))
def test_whoever_is_off_changes_no_figure_and_is_counted_by_itself(
    cells: Cells, bounces: int, off: int
) -> None:
    human, prefetch, unknown, machine, _ = cells
    with_them = people_shown(
        sent=sum(cells) + bounces + off,
        bounces=bounces,
        human=human,
        prefetch=prefetch,
        unknown=unknown,
        machine=machine,
        untracked=off,
    )
    without = shown(cells, bounces)
    if without is None or with_them is None:
        assert without is with_them
        return
    assert with_them.untracked == (off if off >= 5 else Hidden.FEW)
    assert replace(with_them, untracked=Hidden.FEW) == without


@given(st.tuples(large, large, large, large, large), st.integers(0, 50))
def test_nothing_below_five_is_shown_and_sums_hold(cells: Cells, bounces: int) -> None:
    people = shown(cells, bounces)
    if people is None:
        assert sum(cells) < LEAST_TOTAL
        return
    visible = [cell for cell in cells_of(people) if isinstance(cell, int)]
    assert min(visible, default=5) >= 5
    assert people.delivered >= LEAST_TOTAL
    if len(visible) == 5:
        assert sum(visible) == people.delivered
    else:
        assert people.no_trace is Hidden.NOT_SHOWN
    if bounces < 5:
        assert (people.bounces, people.sent) == (Hidden.FEW, Hidden.NOT_SHOWN)
    else:
        assert (people.bounces, people.sent) == (bounces, people.delivered + bounces)


@given(st.tuples(large, large, large, large, large))
def test_the_range_is_the_reports_own_or_wider_by_what_few_can_be(cells: Cells) -> None:
    people = shown(cells)
    if people is None:
        return
    human, prefetch, unknown, machine, _ = cells
    own = OpenRates(sum(cells), human, unknown, prefetch, machine)
    found = SharedRates(people)
    if found.human_open_rate is None:
        assert found.possible_open_rate is None
        assert found.estimated_open_rate is None
        return
    assert found.human_open_rate == own.human_open_rate
    if found.possible_open_rate is not None:
        assert own.possible_open_rate is not None
        most = own.possible_open_rate + 8 / people.delivered
        assert own.possible_open_rate <= found.possible_open_rate <= most + 1e-12
    if min(cells) >= 5:
        assert found.possible_open_rate == own.possible_open_rate
        assert found.estimated_open_rate == own.estimated_open_rate
        assert found.estimated_open_rate_interval == own.estimated_open_rate_interval


def test_a_campaign_with_more_opens_than_deliveries_shows_no_rate() -> None:
    people = people_shown(sent=20, bounces=0, human=30, prefetch=0, unknown=0, machine=0)
    assert people is not None
    assert set(cells_of(people)) == {Hidden.NOT_SHOWN}


def test_the_common_campaign_keeps_its_answer() -> None:
    people = shown((180, 300, 2, 0, 518))
    assert people is not None
    assert cells_of(people) == (180, 300, Hidden.FEW, Hidden.FEW, Hidden.NOT_SHOWN)
    found = SharedRates(people)
    assert found.estimated_open_rate == pytest.approx(180 / 700)
    assert found.possible_open_rate == pytest.approx(0.484)


# A day is (opens by people, people who opened for the first time).
DAY_KINDS = [(first, first) for first in range(5)] + [
    (opens, first) for first in range(5, 9) for opens in range(first, 9)
]


@pytest.mark.parametrize("days", [1, 2, 3, 4])
def test_no_hidden_day_follows_from_the_others(days: int) -> None:
    alike: dict[tuple[int, tuple[int | Hidden, ...]], list[Days]] = defaultdict(list)
    for campaign in product(DAY_KINDS, repeat=days):
        human = sum(first for _, first in campaign)
        found = days_shown(human, campaign)
        if found is not None:
            alike[(human, tuple(found))].append(campaign)
    assert alike
    for (_, look), campaigns in alike.items():
        for i, opens in enumerate(look):
            if isinstance(opens, Hidden):
                assert {campaign[i][1] for campaign in campaigns} == FEW, (look, i)
            else:
                assert opens >= 5


many_days = st.lists(
    st.integers(0, 40).flatmap(lambda first: st.tuples(st.integers(first, 60), st.just(first))),
    min_size=1,
    max_size=28,
)


@given(many_days)
def test_each_shown_day_had_five_new_people_and_keeps_its_number(
    days: list[tuple[int, int]],
) -> None:
    found = days_shown(sum(first for _, first in days), days)
    for shown_opens, (opens, first) in zip(found or [], days, strict=bool(found)):
        assert shown_opens == (opens if first >= 5 else Hidden.FEW)


def test_the_common_course_is_shown_and_one_that_gives_a_day_away_is_not() -> None:
    found = days_shown(41, [(50, 30), (12, 8), (6, 2), (1, 1), (0, 0)])
    assert found == [50, 12, Hidden.FEW, Hidden.FEW, Hidden.FEW]
    # Without repeats 32 − 30 would be the second day's.
    assert days_shown(32, [(30, 30), (2, 2)]) is None
    assert days_shown(Hidden.FEW, [(3, 3)]) is None
