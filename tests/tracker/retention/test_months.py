from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tracker.hits import new_hit_id
from tracker.retention.months import first_id, month_of, months, months_later

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

moments = st.integers(366, 339_000).flatmap(
    lambda day: st.integers(0, 86_399_999_999).map(
        lambda rest: EPOCH + timedelta(days=day, microseconds=rest)
    )
)


@given(moments)
def test_a_hit_stands_in_the_month_in_which_it_came(moment: datetime) -> None:
    hit = UUID(int=new_hit_id(int((moment - EPOCH) / MICROSECOND)))
    month = month_of(moment)
    assert first_id(month) <= hit < first_id(months_later(month, 1))


@given(moments, st.integers(-600, 600))
def test_months_later_and_back_is_the_same_month(moment: datetime, number: int) -> None:
    month = month_of(moment)
    if datetime(1972, 1, 1, tzinfo=UTC) <= month <= datetime(2800, 1, 1, tzinfo=UTC):
        later = months_later(month, number)
        assert later.day == 1
        assert months_later(later, -number) == month
        assert (later.year - month.year) * 12 + later.month - month.month == number


def test_months_are_all_from_the_first_to_the_last() -> None:
    found = list(months(datetime(2025, 11, 30, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)))
    assert [f"{month:%Y-%m}" for month in found] == ["2025-11", "2025-12", "2026-01", "2026-02"]
