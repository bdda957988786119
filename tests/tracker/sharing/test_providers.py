from __future__ import annotations

from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracker.sharing.test_hiding import cells_of
from tracker.sharing.hiding import Hidden, People, people_shown
from tracker.sharing.providers import Group, providers_shown


def people_of(groups: list[Group]) -> People | None:
    """All that is known of a campaign in which everybody opened or left no trace."""
    return people_shown(
        sent=sum(group.delivered for group in groups),
        bounces=0,
        human=sum(group.human for group in groups),
        prefetch=0,
        unknown=0,
        machine=0,
    )


def groups_of(delivered: tuple[int, ...], human: tuple[int, ...]) -> list[Group]:
    return [
        Group(f"provider {i}", *pair) for i, pair in enumerate(zip(delivered, human, strict=True))
    ]


@pytest.mark.parametrize(
    "delivered", [(12, 12), (30, 10), (10, 10, 10), (24, 8, 4), (20, 9, 9), (12, 11, 10)]
)
def test_of_a_provider_without_a_line_more_than_one_number_of_openers_is_possible(
    delivered: tuple[int, ...],
) -> None:
    """Whoever reads knows the rule and how many of each provider the mail was delivered to."""
    alike: dict[object, list[tuple[int, ...]]] = defaultdict(list)
    for human in product(*(range(each + 1) for each in delivered)):
        groups = groups_of(delivered, human)
        people = people_of(groups)
        if people is None or not isinstance(people.human, int):
            continue
        lines = providers_shown(people, groups)
        if lines:
            alike[(cells_of(people), tuple(lines))].append(human)
    assert alike
    for (_, lines), campaigns in alike.items():  # type: ignore[misc]  # a pair
        told = {line.key for line in lines}
        for i in range(len(delivered)):
            values = {human[i] for human in campaigns}
            if f"provider {i}" in told:
                assert len(values) == 1
            elif len(delivered) - len(told - {""}) > 1:
                assert len(values) > 1, (lines, i, campaigns)
            else:
                # All others are this one provider: many opened, and many did not.
                assert min(values) >= 5
                assert max(values) <= delivered[i] - 5


people_at = st.integers(0, 40).flatmap(
    lambda delivered: st.tuples(st.just(delivered), st.integers(0, delivered))
)


@given(st.lists(people_at, max_size=8), people_at)
def test_no_line_is_about_few_and_all_add_up_to_the_answer(
    at_providers: list[tuple[int, int]], anonymous: tuple[int, int]
) -> None:
    groups = [Group(f"provider {i}", *pair) for i, pair in enumerate(at_providers)]
    people = people_of([*groups, Group("in no breakdown", *anonymous)])
    if people is None:
        return
    lines = providers_shown(people, groups)
    for line in lines:
        assert line.human >= 5
        assert line.delivered - line.human >= 5
        assert line.key == "" or line in groups
    if lines:
        assert sum(line.delivered for line in lines) == people.delivered
        assert sum(line.human for line in lines) == people.human
    assert [line.delivered for line in lines if line.key] == sorted(
        (line.delivered for line in lines if line.key), reverse=True
    )


def test_where_the_answer_is_hidden_no_provider_has_a_line() -> None:
    groups = groups_of((50, 50), (2, 2))
    people = people_of(groups)
    assert people is not None
    assert people.human is Hidden.FEW
    assert providers_shown(people, groups) == []


def test_few_others_take_the_smallest_provider_along() -> None:
    groups = groups_of((200, 60, 20, 3), (80, 30, 10, 1))
    people = people_of(groups)
    assert people is not None
    # Three people are left over: the third provider joins them.
    assert providers_shown(people, groups) == [
        Group("provider 0", 200, 80),
        Group("provider 1", 60, 30),
        Group("", 23, 11),
    ]


def test_nothing_is_left_over_where_everybody_is_in_a_line() -> None:
    groups = groups_of((200, 60), (80, 30))
    people = people_of(groups)
    assert people is not None
    assert providers_shown(people, groups) == groups


def test_a_breakdown_that_knows_more_than_the_answer_adds_nothing_to_it() -> None:
    people = people_of([Group("all", 100, 40)])
    assert people is not None
    # Added up a moment later, with one more opener.
    assert providers_shown(people, groups_of((70, 30), (30, 11))) == [
        Group("provider 0", 70, 30),
        Group("", 30, 10),
    ]
