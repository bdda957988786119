from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.reports import geometry
from tracker.reports.geometry import By, Point, lay_out, ticks

START = datetime(2026, 3, 12, 9, tzinfo=UTC)
steps: list[By] = ["hour", "day"]


def points_of(values: list[tuple[int, int]], by: By) -> list[Point]:
    step = timedelta(hours=1) if by == "hour" else timedelta(days=1)
    return [Point(START + step * n, a + b, a) for n, (a, b) in enumerate(values)]


counts = st.tuples(st.integers(0, 10**7), st.integers(0, 10**7))


@given(st.lists(counts, min_size=1, max_size=170), st.sampled_from(steps))
def test_no_bar_leaves_the_plot_and_heights_follow_the_counts(
    values: list[tuple[int, int]], by: By
) -> None:
    points = points_of(values, by)
    chart = lay_out(points, by=by, sent_at=None)
    assert [bar.point for bar in chart.bars] == points
    most = max(sum(value) for value in values)
    for bar in chart.bars:
        assert chart.left <= bar.x
        assert bar.x + bar.width <= chart.right + 0.01
        assert chart.top - 0.01 <= bar.repeat_y <= bar.first_y <= chart.base
        whole = bar.first_height + bar.repeat_height
        full = (chart.base - chart.top) * most / ticks(most)[-1]
        assert whole == pytest.approx(full * bar.point.opens / max(most, 1), abs=0.02)


@given(st.integers(0, 10**12))
def test_the_grid_is_a_few_round_numbers_that_reach_the_highest_bar(most: int) -> None:
    scale = ticks(most)
    assert 3 <= len(scale) <= 6
    assert scale[0] == 0
    assert scale[-1] >= most
    step = scale[1]
    assert scale == [step * n for n in range(len(scale))]
    assert str(step).rstrip("0") in ("1", "2", "5")


@given(st.integers(1, 170), st.sampled_from(steps))
def test_labels_on_the_time_axis_have_room(count: int, by: By) -> None:
    chart = lay_out(points_of([(1, 0)] * count, by), by=by, sent_at=None)
    places = [tick.position for tick in chart.x_ticks]
    assert all(b - a >= 55 for a, b in pairwise(places))


def test_the_moment_of_sending_is_marked_only_where_the_chart_shows_it() -> None:
    points = points_of([(1, 0)] * 12, "hour")
    inside = lay_out(points, by="hour", sent_at=START + timedelta(minutes=90))
    slot = geometry.PLOT_WIDTH / 12
    assert inside.sent_x == pytest.approx(geometry.LEFT + 1.5 * slot, abs=0.01)
    for outside in (START - timedelta(hours=1), START + timedelta(days=2), None):
        assert lay_out(points, by="hour", sent_at=outside).sent_x is None
