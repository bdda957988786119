from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracker.rates import rate


def test_nothing_divided_by_nothing_is_no_rate() -> None:
    assert rate(0, 0) is None
    assert rate(3, 0) is None


@given(
    st.integers(1, 10**9).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))
)
def test_a_part_of_a_whole_is_a_fraction_between_none_and_all(numbers: tuple[int, int]) -> None:
    part, whole = numbers
    fraction = rate(part, whole)
    assert fraction is not None
    assert 0 <= fraction <= 1
    assert (fraction == 1) == (part == whole)
