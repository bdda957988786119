from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.reports.charts import Chart, Point, lay_out

By = Literal["hour", "day"]
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 12, 9, tzinfo=BERLIN)

counts = st.integers(0, 10) | st.integers(0, 5_000_000)
bys: st.SearchStrategy[By] = st.sampled_from(("hour", "day"))


def make_points(pairs: list[tuple[int, int]], by: By = "hour") -> list[Point]:
    if by == "day":
        days = [(START + timedelta(days=i)).replace(hour=0) for i in range(len(pairs))]
        return [Point(day, a + b, a) for day, (a, b) in zip(days, pairs, strict=True)]
    hours = [
        (START.astimezone(UTC) + timedelta(hours=i)).astimezone(BERLIN) for i in range(len(pairs))
    ]
    return [Point(hour, a + b, a) for hour, (a, b) in zip(hours, pairs, strict=True)]


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    by: By = draw(bys)
    pairs = draw(st.lists(st.tuples(counts, counts), min_size=1, max_size=170))
    after = draw(st.none() | st.integers(-1000, 20_000))
    sent_at = None if after is None else START + timedelta(minutes=after)
    return lay_out(make_points(pairs, by), by=by, sent_at=sent_at)


@given(charts())
def test_bars_never_leave_the_plot(chart: Chart) -> None:
    for bar in chart.bars:
        assert chart.left - 1e-6 <= bar.slot_x <= bar.x + 1e-6
        assert bar.x + bar.width <= bar.slot_x + bar.slot_width + 1e-6 <= chart.right + 2e-6
        assert chart.top - 1e-6 <= bar.others_y <= bar.human_y + 1e-6 <= chart.bottom + 2e-6
        assert bar.human_height >= 0
        assert bar.others_height >= 0


@given(charts())
def test_bars_stand_side_by_side_in_the_points_order(chart: Chart) -> None:
    for one, next_one in pairwise(chart.bars):
        assert one.x + one.width < next_one.x
        assert one.point.starts_at < next_one.point.starts_at


@given(charts())
def test_heights_are_proportional_to_the_counts(chart: Chart) -> None:
    top_value = int(chart.y_ticks[-1].label.replace(",", ""))
    unit = (chart.bottom - chart.top) / top_value
    for bar in chart.bars:
        assert bar.human_height == pytest.approx(bar.point.human_opens * unit, abs=1e-6)
        assert bar.others_height == pytest.approx(bar.point.others * unit, abs=1e-6)


@given(charts())
def test_the_ticks_are_three_to_five_even_and_cover_the_maximum(chart: Chart) -> None:
    values = [int(tick.label.replace(",", "")) for tick in chart.y_ticks]
    assert 3 <= len(values) <= 5
    assert values[0] == 0
    assert values[-1] >= max(bar.point.opens for bar in chart.bars)
    assert len({b - a for a, b in pairwise(values)}) == 1
    assert chart.y_ticks[0].at == chart.bottom
    assert chart.y_ticks[-1].at == pytest.approx(chart.top)


@given(charts())
def test_labels_on_the_time_axis_keep_their_distance(chart: Chart) -> None:
    assert chart.x_ticks
    for one, next_one in pairwise(chart.x_ticks):
        assert next_one.at - one.at >= 8 * max(len(one.label), len(next_one.label))


@given(charts())
def test_the_sent_marker_stands_within_the_plot_or_not_at_all(chart: Chart) -> None:
    if chart.sent is not None:
        assert chart.left <= chart.sent.x <= chart.right
        assert chart.left <= chart.sent.text_x <= chart.right


@pytest.mark.parametrize("size", [1, 2, 24, 72, 170])
def test_there_are_as_many_bars_as_points(size: int) -> None:
    assert len(lay_out(make_points([(1, 1)] * size), by="hour", sent_at=None).bars) == size


def test_the_first_label_of_each_day_names_the_day() -> None:
    chart = lay_out(make_points([(3, 1)] * 40), by="hour", sent_at=None)
    assert [tick.label for tick in chart.x_ticks] == [
        *("Thu 12:00", "18:00", "Fri 00:00", "06:00", "12:00", "18:00", "Sat 00:00")
    ]


def test_days_are_labelled_by_date_and_a_new_year_by_its_number() -> None:
    start = datetime(2026, 12, 30, tzinfo=BERLIN)
    points = [Point(start + timedelta(days=i), 1, 1) for i in range(4)]
    chart = lay_out(points, by="day", sent_at=None)
    assert [tick.label for tick in chart.x_ticks] == ["30 Dec", "31 Dec", "1 Jan 2027", "2 Jan"]


def test_a_day_change_is_marked_where_the_new_day_begins() -> None:
    chart = lay_out(make_points([(1, 0)] * 20), by="hour", sent_at=None)
    (at,) = chart.day_starts
    assert at == pytest.approx(chart.bars[15].slot_x)


def test_the_sent_marker_stands_as_far_into_the_hour_as_the_moment_was() -> None:
    points = make_points([(1, 0)] * 4)
    chart = lay_out(points, by="hour", sent_at=START + timedelta(minutes=90))
    assert chart.sent is not None
    assert chart.sent.x == pytest.approx(chart.bars[1].slot_x + chart.bars[1].slot_width / 2)


@pytest.mark.parametrize("minutes", [-1, 4 * 60])
def test_a_campaign_sent_outside_the_chart_has_no_marker(minutes: int) -> None:
    sent_at = START + timedelta(minutes=minutes)
    assert lay_out(make_points([(1, 0)] * 4), by="hour", sent_at=sent_at).sent is None


def test_the_hour_that_the_clocks_repeat_has_a_bar_of_its_own() -> None:
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)
    points = [Point((first + timedelta(hours=i)).astimezone(BERLIN), 1, 1) for i in range(3)]
    chart = lay_out(points, by="hour", sent_at=points[1].starts_at)
    assert [bar.label[:17] for bar in chart.bars] == [
        *("Sun 25 Oct, 02:00", "Sun 25 Oct, 02:00", "Sun 25 Oct, 03:00")
    ]
    assert chart.sent is not None
    assert chart.sent.x == pytest.approx(chart.bars[1].slot_x)


def test_a_bar_says_in_words_what_it_counts() -> None:
    chart = lay_out(make_points([(812, 400), (0, 0), (1, 0)]), by="hour", sent_at=None)
    assert [bar.label for bar in chart.bars] == [
        "Thu 12 Mar, 09:00: 1,212 opens, 812 by people, 400 by machines or unclear",
        "Thu 12 Mar, 10:00: no opens",
        "Thu 12 Mar, 11:00: 1 open, 1 by people, 0 by machines or unclear",
    ]
