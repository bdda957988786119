from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import ceiling
from tracker.ceiling import MINUTE, Ceiling, Place
from tracker.hits import Hit, HitReader, Outcome
from tracker.proxies import TrustedProxies
from tracker.tokens import Tokens

NOON = 1_770_000_000_000_000 // MINUTE * MINUTE
tokens = Tokens("k" * 40)


def test_the_hit_that_reaches_the_ceiling_says_so_and_those_above_are_not_recorded() -> None:
    reader = HitReader(tokens, TrustedProxies(), Ceiling(3))
    hits = [reader.read("GET", tokens.make(5), {}, peer=None) for _ in range(5)]
    assert [hit.is_at_ceiling for hit in hits if isinstance(hit, Hit)] == [False, False, True]
    assert hits[3:] == [Outcome.CEILING, Outcome.CEILING]
    assert isinstance(reader.read("GET", tokens.make(6), {}, peer=None), Hit)


def test_every_minute_begins_anew() -> None:
    most = Ceiling(1)
    assert most.place(5, NOON) is Place.AT
    assert most.place(5, NOON + MINUTE - 1) is Place.ABOVE
    assert most.place(5, NOON + MINUTE) is Place.AT


def test_a_ceiling_of_zero_is_none() -> None:
    none = Ceiling(0)
    assert {none.place(5, NOON) for _ in range(100)} == {Place.BELOW}
    assert not none._seen


def test_memory_does_not_grow_with_the_number_of_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "PIXELS_REMEMBERED", 10)
    most = Ceiling(2)
    for pixel_id in range(1000):
        most.place(pixel_id, NOON)
        assert len(most._seen) <= 10


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3 * MINUTE)), max_size=60),
    st.integers(1, 5),
)
def test_in_no_minute_more_than_the_ceiling_is_recorded_and_never_less_than_could_be(
    hits: list[tuple[int, int]], most: int
) -> None:
    counting = Ceiling(most)
    asked: Counter[tuple[int, int]] = Counter()
    recorded: Counter[tuple[int, int]] = Counter()
    for pixel_id, after in sorted(hits, key=lambda hit: hit[1]):
        key = (pixel_id, (NOON + after) // MINUTE)
        asked[key] += 1
        recorded[key] += counting.place(pixel_id, NOON + after) is not Place.ABOVE
    assert recorded == Counter({key: min(times, most) for key, times in asked.items()})
