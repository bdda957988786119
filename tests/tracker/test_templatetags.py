from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.reports.curve_chart import CurveChart
from tracker.templatetags.glimpse import (
    across,
    dash,
    decimal1,
    down,
    percent,
    plot_box,
    signed_points,
)

fractions = st.floats(min_value=0, max_value=1)


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (None, "–"),
        (0.0, "0.0\u202f%"),
        (0.0001, "<\u202f0.1\u202f%"),
        (0.0005, "0.1\u202f%"),
        (0.53, "53.0\u202f%"),
        (523 / 1200, "43.6\u202f%"),
        (0.99999, "99.9\u202f%"),
        (1.0, "100.0\u202f%"),
        (1.0001, "100.1\u202f%"),
        (12.5, "1,250.0\u202f%"),
    ],
)
def test_a_rate_reads_as_a_percentage_with_one_decimal(fraction: float | None, text: str) -> None:
    assert percent(fraction) == text


@given(fractions)
def test_only_nothing_reads_as_nothing_and_only_everything_as_everything(fraction: float) -> None:
    text = percent(fraction)
    assert (text == "0.0\u202f%") == (fraction == 0)
    assert (text == "100.0\u202f%") == (fraction == 1)


@given(fractions)
def test_a_percentage_is_at_most_a_tenth_off(fraction: float) -> None:
    shown = float(percent(fraction).removesuffix("\u202f%").removeprefix("<\u202f"))
    assert abs(shown - 100 * fraction) <= 0.1


@given(st.none() | st.floats(allow_nan=False, allow_infinity=False, width=16))
def test_a_percentage_never_breaks_over_two_lines(fraction: float | None) -> None:
    assert " " not in percent(fraction)


@given(st.floats(min_value=0, max_value=1e6))
def test_a_decimal_is_rounded_to_one_place(number: float) -> None:
    assert abs(float(decimal1(number).replace(",", "")) - number) <= 0.05 + 1e-9


def test_a_missing_decimal_is_a_dash() -> None:
    assert decimal1(None) == "–"


@pytest.mark.parametrize(("value", "shown"), [(None, "–"), ("", "–"), (0, 0), ("Gmail", "Gmail")])
def test_a_dash_stands_for_nothing_but_not_for_zero(value: object, shown: object) -> None:
    assert dash(value) == shown


@pytest.mark.parametrize(
    ("points", "text"),
    [
        (None, "–"),
        (4.24, "+4.2 points"),
        (-4.26, "−4.3 points"),
        (0.0, "0.0 points"),
        (-0.01, "0.0 points"),
    ],
)
def test_a_difference_to_the_usual_has_its_sign(points: float | None, text: str) -> None:
    assert signed_points(points) == text


def test_places_in_a_chart_are_shares_of_the_room_between_its_labels() -> None:
    chart = CurveChart([], [], [], [], "", height=200.0, left=40.0, right=140.0)
    assert [across(x, chart) for x in (40, 90, 140)] == ["0.00%", "50.00%", "100.00%"]
    assert [down(y, chart) for y in (0, 50, 200)] == ["0.00%", "25.00%", "100.00%"]
    assert plot_box(chart) == "40.00 0 100.00 200.00"
