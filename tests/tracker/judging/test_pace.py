from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.judging.pace import PACES, RECIPIENTS, Look, Pace, Run, runs

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def looks(count: int, *, every: float, agents: int = 1, start: float = 0) -> list[Look]:
    """Each of another recipient; the agents take turns."""
    return [
        Look(NOON + timedelta(seconds=start + place * every), place, place % agents)
        for place in range(count)
    ]


def test_a_gateway_that_fetches_a_companys_mail_back_to_back_is_one_run() -> None:
    (run,) = runs(looks(30, every=1))
    assert run == Run(NOON, NOON + timedelta(seconds=29), 30)


@pytest.mark.parametrize(
    ("count", "every", "agents", "is_run"),
    [
        (10, 3.3, 1, True),
        (10, 3.4, 1, False),
        (9, 0.1, 1, False),
        (20, 1.6, 2, True),
        (20, 2.3, 5, False),
        (12, 1.0, 6, True),
        (12, 1.7, 6, True),
        (12, 1.9, 6, False),
        (12, 1.0, 12, False),
        (12, 0.4, 12, True),
        (500, 3.4, 1, False),
        (500, 1.7, 40, False),
    ],
)
def test_offices_and_carriers_are_slower(
    count: int, every: float, agents: int, is_run: bool
) -> None:
    assert bool(runs(looks(count, every=every, agents=agents))) is is_run


def test_one_person_who_looks_through_many_mails_is_one_recipient() -> None:
    assert not runs([look._replace(recipient_id=1) for look in looks(60, every=0.5)])


def test_two_runs_with_a_rest_between_them_are_two() -> None:
    found = runs([*looks(15, every=1), *looks(15, every=1, start=300)])
    assert [run.recipients for run in found] == [15, 15]


def test_somebody_else_at_the_same_address_does_not_hide_a_gateway() -> None:
    others = [
        Look(NOON + timedelta(seconds=place * 9 + 0.5), 900 + place, 900 + place)
        for place in range(3)
    ]
    assert runs(sorted([*looks(10, every=3), *others]))


class Touched(int):
    """A recipient's id that counts how often one of them is looked at."""

    times = 0

    def __hash__(self) -> int:
        Touched.times += 1
        return int.__hash__(self)


@pytest.mark.parametrize("agents", [1, 2, 300])
def test_a_flood_from_one_address_costs_no_more_a_look_than_a_trickle(agents: int) -> None:
    def work(count: int) -> int:
        Touched.times = 0
        some = looks(count, every=0.001, agents=agents)
        (run,) = runs(one._replace(recipient_id=Touched(one.recipient_id)) for one in some)
        assert run.recipients == count
        return Touched.times

    assert work(4_000) < 5 * work(1_000)


LOOKS = st.lists(
    st.builds(
        lambda tenths, recipient, agent: Look(
            NOON + timedelta(seconds=tenths / 10), recipient, agent
        ),
        st.integers(0, 900),
        st.integers(0, 14),
        st.integers(0, 4),
    ),
    max_size=60,
).map(sorted)


def is_full(window: list[Look], pace: Pace) -> bool:
    by_agent: dict[int | None, set[int]] = {}
    for look in window:
        by_agent.setdefault(look.user_agent_id, set()).add(look.recipient_id)
    recipients = {look.recipient_id for look in window}
    if len(recipients) < RECIPIENTS:
        return False
    if pace.agents is None:
        return len(by_agent) <= len(recipients) / pace.recipients_each
    busiest = sorted(by_agent.values(), key=len, reverse=True)[: pace.agents]
    return len(set().union(*busiest)) >= RECIPIENTS


@given(LOOKS)
def test_a_look_belongs_to_a_run_exactly_if_a_window_at_such_a_pace_holds_it(
    some: list[Look],
) -> None:
    expected = set()
    for pace in PACES:
        for place, last in enumerate(some):
            window = [
                one for one in some[: place + 1] if one.opened_at >= last.opened_at - pace.within
            ]
            if is_full(window, pace):
                # Whoever fetches at that moment belongs to it, too.
                expected |= {
                    one.opened_at
                    for one in some
                    if window[0].opened_at <= one.opened_at <= last.opened_at
                }
    found = runs(some)
    assert {
        one.opened_at
        for one in some
        if any(run.starts_at <= one.opened_at <= run.ends_at for run in found)
    } == expected
    for run in found:
        inside = {one.recipient_id for one in some if run.starts_at <= one.opened_at <= run.ends_at}
        assert RECIPIENTS <= run.recipients <= len(inside)
    assert all(one.ends_at < other.starts_at for one, other in pairwise(found))


@given(LOOKS, st.integers(0, 60))
def test_more_looks_never_hide_a_run(some: list[Look], cut: int) -> None:
    """Judged while it is under way, a run only grows."""
    before = runs(some[:cut])
    after = runs(some)
    for run in before:
        assert any(
            other.starts_at <= run.starts_at and run.ends_at <= other.ends_at for other in after
        )
