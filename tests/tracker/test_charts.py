from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.reports.axes import NARROW
from tracker.reports.charts import ROOM_FOR_SENT, Chart, Split, lay_out
from tracker.reports.clock import ZOOMS, By, next_start, start_of
from tracker.reports.series import Point

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 12, 9, tzinfo=BERLIN)

counts = st.integers(0, 10) | st.integers(0, 5_000_000)
splits: st.SearchStrategy[Split] = st.sampled_from(("people", "all", "first"))


def make_points(
    pairs: list[tuple[int, int]], by: By = "hour", start: datetime = START
) -> list[Point]:
    """By people and by others; a third of either are first opens."""
    points = []
    starts_at = start_of(start, by, BERLIN)
    for human, others in pairs:
        opens = human + others
        points.append(Point(starts_at, opens, human, opens // 3, human // 3))
        starts_at = next_start(starts_at, by, BERLIN)
    return points


def draw(
    points: list[Point],
    by: By = "hour",
    sent_at: datetime | None = None,
    split: Split = "all",
) -> Chart:
    ends_at = next_start(points[-1].starts_at, by, BERLIN)
    return lay_out(points, by=by, ends_at=ends_at, sent_at=sent_at, split=split)


@st.composite
def charts(draw_one: st.DrawFn) -> Chart:
    by: By = draw_one(st.sampled_from(ZOOMS))
    pairs = draw_one(st.lists(st.tuples(counts, counts), min_size=1, max_size=170))
    after = draw_one(st.none() | st.integers(-1000, 20_000))
    sent_at = None if after is None else START + timedelta(minutes=after)
    return draw(make_points(pairs, by), by, sent_at, draw_one(splits))


@given(charts())
def test_bars_never_leave_the_plot(chart: Chart) -> None:
    for bar in chart.bars:
        assert chart.left - 1e-6 <= bar.slot_x <= bar.x + 1e-6
        assert bar.x + bar.width <= bar.slot_x + bar.slot_width + 1e-6 <= chart.right + 2e-6
        assert chart.top - 1e-6 <= bar.upper_y <= bar.lower_y + 1e-6 <= chart.bottom + 2e-6
        assert bar.lower_height >= 0
        assert bar.upper_height >= 0


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
        assert bar.lower_height == pytest.approx(bar.lower * unit, abs=1e-6)
        assert bar.upper_height == pytest.approx(bar.upper * unit, abs=1e-6)


@given(charts())
def test_the_ticks_are_three_to_five_even_and_cover_the_maximum(chart: Chart) -> None:
    values = [int(tick.label.replace(",", "")) for tick in chart.y_ticks]
    assert 3 <= len(values) <= 5
    assert values[0] == 0
    assert values[-1] >= max(bar.lower + bar.upper for bar in chart.bars)
    assert len({b - a for a, b in pairwise(values)}) == 1
    assert chart.y_ticks[0].at == chart.bottom
    assert chart.y_ticks[-1].at == pytest.approx(chart.top)


@given(charts())
def test_labels_on_the_time_axis_keep_their_distance(chart: Chart) -> None:
    assert chart.x_ticks
    for one, next_one in pairwise(chart.x_ticks):
        assert next_one.at - one.at >= 8 * max(len(one.label), len(next_one.label))


@given(charts())
def test_on_a_phone_the_labels_keep_their_distance_and_stay_on_the_page(chart: Chart) -> None:
    scale = NARROW / (chart.right - chart.left)
    for one, next_one in pairwise(chart.narrow_x_ticks):
        assert (next_one.at - one.at) * scale >= 7 * max(len(one.label), len(next_one.label))
    for tick in chart.narrow_x_ticks:
        assert (chart.right - tick.at) * scale >= 21


@given(charts())
def test_the_sent_marker_stands_within_the_plot_or_not_at_all(chart: Chart) -> None:
    if chart.sent is not None:
        assert chart.left <= chart.sent.x <= chart.right
        if chart.sent.anchor == "start":
            assert chart.sent.x + ROOM_FOR_SENT <= chart.right


@pytest.mark.parametrize("size", [1, 2, 24, 72, 170])
def test_there_are_as_many_bars_as_points(size: int) -> None:
    assert len(draw(make_points([(1, 1)] * size)).bars) == size


def test_the_first_label_of_each_day_names_the_day() -> None:
    chart = draw(make_points([(3, 1)] * 40))
    assert [tick.label for tick in chart.x_ticks] == [
        *("Thu 12:00", "18:00", "Fri 00:00", "06:00", "12:00", "18:00", "Sat 00:00")
    ]


def test_days_are_labelled_by_date_and_a_new_year_by_its_number() -> None:
    start = datetime(2026, 12, 30, tzinfo=BERLIN)
    chart = draw(make_points([(1, 0)] * 4, "day", start), "day")
    assert [tick.label for tick in chart.x_ticks] == ["30 Dec", "31 Dec", "1 Jan 2027", "2 Jan"]


def test_a_day_change_is_marked_where_the_new_day_begins() -> None:
    chart = draw(make_points([(1, 0)] * 20))
    (at,) = chart.day_starts
    assert at == pytest.approx(chart.bars[15].slot_x)


@pytest.mark.parametrize("minutes", range(60, 120, 7))
def test_no_open_seems_to_have_come_before_the_sending(minutes: int) -> None:
    """The bar of its own hour begins behind the marker, and the one before ends in front of it."""
    points = make_points([(1, 0)] * 4)
    chart = draw(points, sent_at=START + timedelta(minutes=minutes))
    assert chart.sent is not None
    before, own = chart.bars[:2]
    assert before.x + before.width <= chart.sent.x <= own.x


@pytest.mark.parametrize("minutes", [-1, 4 * 60])
def test_a_campaign_sent_outside_the_chart_has_no_marker(minutes: int) -> None:
    sent_at = START + timedelta(minutes=minutes)
    assert draw(make_points([(1, 0)] * 4), sent_at=sent_at).sent is None


def test_the_hour_that_the_clocks_repeat_has_a_bar_of_its_own() -> None:
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)
    points = make_points([(1, 0)] * 3, start=first)
    chart = draw(points, sent_at=points[1].starts_at)
    assert [bar.label[:17] for bar in chart.bars] == [
        *("Sun 25 Oct, 02:00", "Sun 25 Oct, 02:00", "Sun 25 Oct, 03:00")
    ]
    assert chart.sent is not None
    assert chart.sent.x == pytest.approx(chart.bars[1].slot_x)


def test_a_bar_says_in_words_what_it_counts() -> None:
    chart = draw(make_points([(812, 400), (0, 0), (1, 0)]))
    assert [bar.label for bar in chart.bars] == [
        "Thu 12 Mar, 09:00: 1,212 opens, 812 by people, 400 by machines or unclear",
        "Thu 12 Mar, 10:00: no opens",
        "Thu 12 Mar, 11:00: 1 open, 1 by people, 0 by machines or unclear",
    ]


def test_first_opens_and_repeats_are_the_other_way_to_split_a_bar() -> None:
    chart = draw(make_points([(300, 90)]), split="first")
    (bar,) = chart.bars
    assert (bar.lower, bar.upper) == (130, 260)
    assert bar.label == "Thu 12 Mar, 09:00: 390 opens, 130 first, 260 repeated"


def test_of_people_only_their_opens_are_drawn_and_make_the_scale() -> None:
    chart = draw(make_points([(9, 9_000), (0, 4), (1, 0)]), split="people")
    assert [(bar.lower, bar.upper) for bar in chart.bars] == [(3, 6), (0, 0), (0, 1)]
    assert chart.y_ticks[-1].label == "10"
    assert chart.highest is chart.bars[0]
    assert chart.title == "Opens by people, by hour"
    assert [bar.label for bar in chart.bars] == [
        "Thu 12 Mar, 09:00: 9 opens by people, 3 first, 6 repeated",
        "Thu 12 Mar, 10:00: no opens by people",
        "Thu 12 Mar, 11:00: 1 open by people, 0 first, 1 repeated",
    ]


@pytest.mark.parametrize(
    ("by", "label"),
    [
        ("quarter", "Thu 12 Mar, 09:00–09:15"),
        ("hour", "Thu 12 Mar, 09:00"),
        ("day", "Thu 12 Mar"),
        ("week", "week from Mon 9 Mar 2026"),
        ("month", "March 2026"),
    ],
)
def test_a_bar_is_named_as_people_call_its_time(by: By, label: str) -> None:
    (bar,) = draw(make_points([(0, 0)], by), by).bars
    assert bar.label == f"{label}: no opens"


def test_quarters_are_labelled_at_round_hours() -> None:
    chart = draw(make_points([(3, 1)] * 96, "quarter"), "quarter")
    assert [tick.label for tick in chart.x_ticks] == [
        *("Thu 09:00", "12:00", "15:00", "18:00", "21:00", "Fri 00:00", "03:00", "06:00")
    ]


def test_months_are_labelled_by_name_and_a_new_year_by_its_number() -> None:
    chart = draw(make_points([(1, 0)] * 12, "month"), "month")
    assert chart.x_ticks[0].label == "Mar"
    assert "Jan 2027" in [tick.label for tick in chart.x_ticks]


def test_the_sent_marker_of_a_month_stands_in_front_of_its_bar() -> None:
    start = datetime(2026, 3, 1, tzinfo=BERLIN)
    chart = draw(make_points([(1, 0)] * 2, "month", start), "month", START)
    assert chart.sent is not None
    assert chart.left < chart.sent.x <= chart.bars[0].x
