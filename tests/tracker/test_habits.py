"""When people open: the time to open, its curve, and the map of hours and weekdays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign
from tests.tracker.test_clock import ZONES, quarters
from tests.tracker.test_series import count
from tracker.models import CampaignCounts
from tracker.reports.curve import BOTTOM, LEFT, RIGHT, TOP, curve_of
from tracker.reports.habits import habits_of
from tracker.reports.heat_map import heat_map, heat_map_rows
from tracker.reports.series import ends_of
from tracker.reports.time_to_open import (
    DAY,
    HOUR,
    LONGEST,
    WEEK,
    TimeToOpen,
    in_words,
    time_to_open,
    time_to_open_rows,
)

SENT = datetime(2026, 3, 12, 8, 0, tzinfo=UTC)
LATER = SENT + timedelta(days=200)


def reached(
    *quarters_and_people: tuple[int, int], before: int = 0, now: datetime = LATER, more: int = 0
) -> TimeToOpen:
    """First opens by people in the quarters after sending, by number from 0."""
    rows = [(SENT + timedelta(minutes=15 * n), people) for n, people in quarters_and_people]
    openers = before + more + sum(people for _, people in quarters_and_people)
    found = time_to_open(rows, sent_at=SENT, before=before, openers=openers, now=now)
    assert found is not None
    return found


def test_the_median_lies_within_its_quarter_as_if_opens_came_evenly() -> None:
    assert reached((0, 100)).median == 450
    assert reached((0, 10), (1, 80), (9, 10)).median == 900 + 450
    # Half were reached when the second quarter ended, and nobody came for a while.
    assert reached((0, 25), (1, 25), (40, 50)).median == 1800


def test_marks_are_the_share_of_all_openers_after_an_hour_a_day_and_a_week() -> None:
    found = reached((0, 10), (3, 20), (4, 30), (95, 20), (96, 10), (700, 10))
    assert [round(mark.share, 3) for mark in found.marks] == [0.3, 0.8, 0.9]
    assert [mark.label for mark in found.marks] == ["1 hour", "1 day", "1 week"]


def test_what_is_not_over_yet_is_not_told() -> None:
    found = reached((0, 40), now=SENT + timedelta(hours=3))
    assert [mark.is_over for mark in found.marks] == [True, False, False]
    assert all(row.seconds <= 3 * HOUR for row in found.table)


def test_the_quarter_in_which_it_was_sent_counts_from_the_moment_of_sending() -> None:
    sent_at = SENT + timedelta(minutes=10)
    found = time_to_open([(SENT, 8)], sent_at=sent_at, before=0, openers=8, now=LATER)
    assert found is not None
    assert found.steps == [(0, 0), (300, 8)]
    assert found.median == 150


def test_opens_before_the_marked_time_are_reached_from_the_beginning() -> None:
    found = reached((0, 10), before=10)
    assert (found.before, found.openers_after(0), found.median) == (10, 10, 0.0)


def test_whoever_opened_very_late_is_one_of_the_openers_all_the_same() -> None:
    found = reached((0, 10), more=30)
    assert (found.later, found.median, found.share_after(LONGEST)) == (30, None, 0.25)


def test_nobody_has_no_time_to_open() -> None:
    assert time_to_open([], sent_at=SENT, before=0, openers=0, now=LATER) is None


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.integers(0, 3600),
    st.integers(0, 899),
    st.integers(0, 3),
)
def test_nobody_has_taken_longer_to_open_than_has_passed(
    people: list[int], elapsed: int, sent_late: int, before: int
) -> None:
    """Also by a clock that is behind the one of the opens."""
    sent_at = SENT + timedelta(seconds=sent_late)
    rows = [(SENT + timedelta(minutes=15 * n), some) for n, some in enumerate(people)]
    openers = before + sum(people)
    now = sent_at + timedelta(seconds=elapsed)
    found = time_to_open(rows, sent_at=sent_at, before=before, openers=openers, now=now)
    assert found is not None
    assert found.lasts <= max(elapsed, 1)
    assert found.openers_after(found.lasts) == openers
    assert found.median is not None
    assert found.median <= max(elapsed, 1)
    assert curve_of(found).line


def test_ten_seconds_after_sending_half_have_opened_within_a_minute() -> None:
    found = reached((0, 3), now=SENT + timedelta(seconds=10))
    assert found.median == 5
    assert in_words(found.median) == "less than 1 min"


people = st.dictionaries(st.integers(0, 9000), st.integers(1, 500), min_size=1, max_size=60)


@given(people, st.integers(0, 50), st.integers(0, 899))
def test_the_curve_rises_to_all_openers_and_halves_at_the_median(
    by_quarter: dict[int, int], before: int, sent_late: int
) -> None:
    rows = [(SENT + timedelta(minutes=15 * n), by_quarter[n]) for n in sorted(by_quarter)]
    openers = before + sum(by_quarter.values())
    sent_at = SENT + timedelta(seconds=sent_late)
    found = time_to_open(rows, sent_at=sent_at, before=before, openers=openers, now=LATER)
    assert found is not None
    assert found.openers_after(0) == before
    # At the end of each quarter exactly as many as had come.
    come = before
    for starts_at, new in rows:
        ends = (starts_at + timedelta(minutes=15) - sent_at).total_seconds()
        if ends <= LONGEST:
            come += new
            assert found.openers_after(ends) == come
    shares = [found.share_after(t) for t in range(0, LONGEST, 5 * HOUR)]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    median = found.median
    if median:
        assert found.share_after(median) == pytest.approx(0.5)


@given(people, st.integers(0, 50), st.integers(0, 100 * DAY))
def test_the_drawn_curve_stays_within_its_plot_and_never_falls(
    by_quarter: dict[int, int], before: int, elapsed: int
) -> None:
    found = reached(
        *sorted(by_quarter.items()), before=before, now=SENT + timedelta(seconds=elapsed)
    )
    curve = curve_of(found)
    places = [tuple(map(float, place.split(","))) for place in curve.line.split()]
    assert len(places) < 400
    assert all(LEFT - 0.01 <= x <= RIGHT + 0.01 for x, _ in places)
    assert all(TOP - 0.01 <= y <= BOTTOM + 0.01 for _, y in places)
    assert all(x0 <= x1 and y0 >= y1 for (x0, y0), (x1, y1) in pairwise(places))
    for one, next_one in pairwise(curve.x_ticks):
        assert next_one.at - one.at >= 8 * max(len(one.label), len(next_one.label))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "less than 1 min"),
        (59, "less than 1 min"),
        (450, "7 min"),
        (HOUR - 1, "59 min"),
        (HOUR, "1 h"),
        (2 * HOUR + 13 * 60, "2 h 13 min"),
        (3 * DAY, "3 days"),
        (3 * DAY + 5 * HOUR, "3 days 5 h"),
        (3 * WEEK + HOUR, "21 days"),
    ],
)
def test_a_length_of_time_is_said_as_people_say_it(seconds: float, text: str) -> None:
    assert in_words(seconds) == text


def test_the_file_has_a_row_where_each_quarter_with_openers_ends() -> None:
    assert list(time_to_open_rows(reached((0, 10), (5, 30)))) == [
        ("minutes_after_sending", "openers", "share_of_openers"),
        ("0", "0", "0.000000"),
        ("15", "10", "0.250000"),
        ("90", "40", "1.000000"),
    ]


@given(
    first=quarters,
    opens=st.dictionaries(st.integers(0, 3000), st.integers(0, 50), min_size=1, max_size=60),
    zone=st.sampled_from(ZONES),
)
def test_the_map_holds_every_open_at_its_own_clocks_hour(
    first: datetime, opens: dict[int, int], zone: str
) -> None:
    rows = [(first + timedelta(minutes=15 * n), number) for n, number in sorted(opens.items())]
    found = heat_map(rows, ZoneInfo(zone), since=first, now=first + timedelta(days=20))
    if found is None:
        assert not any(opens.values())
        return
    expected: dict[tuple[int, int], int] = {}
    for moment, number in rows:
        local = moment.astimezone(ZoneInfo(zone))
        key = (local.weekday(), local.hour)
        expected[key] = expected.get(key, 0) + number
    for day, cells in enumerate(found.rows):
        for cell in cells:
            assert cell.opens == expected.get((day, cell.hour), 0)
            assert (cell.shade == 0) == (cell.opens == 0)
            assert 0 <= cell.shade <= 5
            assert not cell.is_thin or cell.shade == 1
    assert sum(sum(map(int, row[2:])) for row in list(heat_map_rows(found))[1:]) == found.opens
    assert found.fullest.opens == max(expected.values())


def test_an_hour_that_the_clocks_repeat_is_one_cell() -> None:
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)  # 02:00 in Berlin, as an hour later
    found = heat_map(
        [(first, 3), (first + timedelta(hours=1), 4)],
        ZoneInfo("Europe/Berlin"),
        since=first,
        now=first + timedelta(days=20),
    )
    assert found is not None
    assert (found.rows[6][2].opens, found.rows[6][3].opens) == (7, 0)
    assert found.rows[6][2].label == "Sunday, 02:00–03:00: 7 opens by people, 100.0\u202f% of all"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "America/New_York"])
@given(first=quarters, hours=st.integers(0, 400))
def test_a_cell_is_ahead_until_the_campaign_has_been_in_that_hour(
    zone: str, first: datetime, hours: int
) -> None:
    now = first + timedelta(hours=hours)
    found = heat_map([(first, 3)], ZoneInfo(zone), since=first, now=now)
    assert found is not None
    minutes = range(0, 60 * hours + 1, 5)
    moments = [(first + timedelta(minutes=n)).astimezone(ZoneInfo(zone)) for n in minutes]
    lived = {(local.weekday(), local.hour) for local in moments}
    for day, cells in enumerate(found.rows):
        for cell in cells:
            # After two weeks an hour that the clocks left out is none to wait for.
            assert cell.is_ahead == ((day, cell.hour) not in lived and hours < 15 * 24)
            assert not (cell.is_ahead and cell.opens)
    assert found.is_young == any(cell.is_ahead for cells in found.rows for cell in cells)


def test_what_nobody_can_know_yet_is_no_figure_in_words_or_in_the_file() -> None:
    found = heat_map([(SENT, 3)], ZoneInfo("UTC"), since=SENT, now=SENT + timedelta(hours=2))
    assert found is not None
    thursday = found.rows[3]
    assert [cell.hour for cell in thursday if not cell.is_ahead] == [8, 9, 10]
    assert thursday[10].label == "Thursday, 10:00–11:00: no opens by people"
    assert thursday[11].label == "Thursday, 11:00–12:00: not lived through yet"
    assert {row[2] for row in heat_map_rows(found)} == {"human_opens", "3", "0", ""}


@pytest.mark.django_db
def test_the_map_begins_with_the_sending_and_an_older_one_has_seen_every_hour() -> None:
    campaign = campaign_with(SENT, (SENT + timedelta(hours=5), 20, 20))
    ends = ends_of(campaign)
    young = habits_of(campaign, campaign.counts, ends, now=SENT + timedelta(hours=6)).heat_map
    assert young is not None
    assert [cell.hour for cell in young.rows[3] if not cell.is_ahead] == list(range(8, 15))
    old = habits_of(campaign, campaign.counts, ends, now=LATER).heat_map
    assert old is not None
    assert not old.is_young


def campaign_with(sent_at: datetime | None, *rows: tuple[datetime, int, int]) -> Campaign:
    campaign = Campaign.objects.create(name="Habits", sent_at=sent_at)
    count(campaign, *rows)
    people = sum(human // 2 for _, _, human in rows)
    CampaignCounts.objects.update_or_create(
        campaign=campaign, defaults={"unique_opens": people, "unique_human_opens": people}
    )
    return Campaign.objects.select_related("counts").get(pk=campaign.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("first_minutes", "last_days"), [(0, 10), (-600, 10), (0, 400), (-600, 400)]
)
def test_habits_take_one_query_however_early_and_late_it_was_opened(
    first_minutes: int, last_days: int, django_assert_num_queries: Any
) -> None:
    first, last = SENT + timedelta(minutes=first_minutes), SENT + timedelta(days=last_days)
    campaign = campaign_with(SENT, (first, 20, 20), (SENT + timedelta(hours=1), 6, 6), (last, 8, 4))
    ends = ends_of(campaign)
    with django_assert_num_queries(1):
        habits = habits_of(campaign, campaign.counts, ends, now=LATER)
    found = habits.time_to_open
    assert found is not None
    assert found.openers == 15
    assert found.before == (10 if first_minutes < 0 else 0)
    assert found.later == (2 if last_days > 91 else 0)
    assert habits.heat_map is not None
    # What is older than it reaches back is left out, and said to be.
    assert habits.heat_map.opens == (4 if last_days > 91 else 30)
    assert habits.is_latest_only == (last_days > 91)


@pytest.mark.django_db
def test_without_a_send_time_there_is_a_map_but_no_time_to_open() -> None:
    campaign = campaign_with(None, (SENT, 20, 20))
    habits = habits_of(campaign, campaign.counts, ends_of(campaign), now=LATER)
    assert habits.time_to_open is None
    assert habits.heat_map is not None
