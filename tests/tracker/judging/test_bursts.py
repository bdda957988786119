from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tracker.judging.bursts import NETWORKS, SUSPECTS, WITHIN, Fetch, bursts, network_of
from tracker.verdicts import Verdict

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HUMAN = Verdict.HUMAN_CLIENT.number
PROXY = Verdict.IMAGE_PROXY_ON_OPEN.number


def fetches(*seconds_and_ips: tuple[float, str], verdict: int = HUMAN) -> list[Fetch]:
    return [Fetch(NOON + timedelta(seconds=s), ip, verdict) for s, ip in seconds_and_ips]


def test_three_networks_within_half_a_minute_are_a_burst() -> None:
    hits = fetches((0, "192.0.2.1"), (12, "198.51.100.1"), (30, "203.0.113.1"))
    assert bursts(hits) == {0, 1, 2}


def test_a_second_later_they_are_none() -> None:
    assert not bursts(fetches((0, "192.0.2.1"), (12, "198.51.100.1"), (31, "203.0.113.1")))


def test_several_addresses_of_one_network_are_one() -> None:
    assert not bursts(fetches((0, "192.0.2.1"), (1, "192.0.2.7"), (2, "198.51.100.1")))
    assert network_of("2001:db8:1::1") == network_of("2001:db8:1:ffff::2")
    assert network_of("2001:db8:1::1") != network_of("2001:db8:2::1")


def test_a_proxys_many_addresses_are_no_evidence() -> None:
    assert not bursts(
        fetches((0, "192.0.2.1"), (1, "198.51.100.1"), (2, "203.0.113.1"), verdict=PROXY)
    )


def test_what_comes_long_after_a_burst_does_not_belong_to_it() -> None:
    hits = fetches((0, "192.0.2.1"), (1, "198.51.100.1"), (2, "203.0.113.1"), (3600, "192.0.2.200"))
    assert bursts(hits) == {0, 1, 2}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 90),
            st.sampled_from(["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"]),
            st.sampled_from([HUMAN, PROXY]),
        ),
        max_size=12,
    )
)
def test_a_fetch_belongs_to_a_burst_exactly_if_a_window_around_it_holds_three_networks(
    hits: list[tuple[int, str, int]],
) -> None:
    ordered = [Fetch(NOON + timedelta(seconds=s), ip, v) for s, ip, v in sorted(hits)]
    suspects = [(n, hit) for n, hit in enumerate(ordered) if hit.verdict in SUSPECTS]
    expected: set[int] = set()
    # Every window that begins and ends at a suspect, by brute force.
    for (first, one), (last, other) in combinations(suspects, 2):
        if other.opened_at - one.opened_at <= WITHIN:
            inside = [(n, hit) for n, hit in suspects if first <= n <= last]
            if len({network_of(hit.ip) for _, hit in inside}) >= NETWORKS:
                expected |= {n for n, _ in inside}
    assert bursts(ordered) == expected
