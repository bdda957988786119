"""Campaigns laid over each other: curves, their chart, table and CSV, and names that tell apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign
from tests.conftest import make_campaign, make_hit, pixels_of
from tests.tracker.test_honest_pages import text_of
from tracker.models import CampaignCounts, QuarterHourCounts
from tracker.quarters import quarter_of
from tracker.rates import OpenRates
from tracker.reports.comparison import comparison_asked, comparison_of, labels_of, signed
from tracker.reports.curve_chart import BOTTOM, LEFT, LINE, RIGHT, TOP, apart, chart_of
from tracker.reports.curves import Curve, curves_of, table_of
from tracker.reports.habits import time_to_open_of
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def campaign_opened(
    sent_at: datetime | None, by_hour: dict[float, int], *, delivered: int = 1000, name: str = "c"
) -> Campaign:
    """So many people opened it for the first time in the quarter that begins so long after."""
    campaign = Campaign.objects.create(name=name, sent_at=sent_at)
    CampaignCounts.objects.create(
        campaign=campaign,
        recipients=delivered,
        sent=delivered,
        unique_human_opens=sum(by_hour.values()),
        unique_opens=sum(by_hour.values()),
        opens=sum(by_hour.values()),
    )
    for hours, people in by_hour.items():
        assert sent_at is not None
        QuarterHourCounts.objects.create(
            campaign=campaign,
            starts_at=quarter_of(sent_at) + hours * HOUR,
            unique_human_opens=people,
            human_opens=3 * people,
            opens=9 * people,
        )
    return Campaign.objects.select_related("counts").get(pk=campaign.pk)


def curves(*campaigns: Campaign, reach: int = 72, now: datetime = NOW) -> list[Curve]:
    return curves_of(comparison_of(campaigns).rows, reach=reach, now=now)


@pytest.mark.django_db
def test_a_curve_is_the_share_of_delivered_that_people_opened_by_then() -> None:
    sent = NOW - 10 * HOUR + timedelta(minutes=6)
    (curve,) = curves(campaign_opened(sent, {0: 100, 0.75: 50, 1: 200, 1.25: 4, 5.5: 1, -4: 7}))
    # An hour after the sending six of the quarter's fifteen minutes have passed.
    assert curve.shares[:3] == pytest.approx([0.237, 0.361, 0.361])
    assert curve.shares[-1] == pytest.approx(0.362)
    # Ten hours less six minutes have passed: the tenth has begun, an eleventh has not.
    assert len(curve.shares) == 10
    assert curve.share_after(11) is None


@pytest.mark.django_db
@given(
    sent_ago=st.integers(1, 90 * 60),
    opens=st.dictionaries(
        st.integers(-3, 330).map(lambda n: n / 4), st.integers(1, 50), max_size=9
    ),
)
def test_a_curve_tells_the_same_as_the_reports_time_to_open(
    sent_ago: int, opens: dict[float, int]
) -> None:
    """Every minute of sending, every hour: two pages, one figure."""
    sent = NOW - timedelta(minutes=sent_ago)
    past = {hours: n for hours, n in opens.items() if quarter_of(sent) + hours * HOUR < NOW}
    campaign = campaign_opened(sent, past)
    own = time_to_open_of(campaign, campaign.counts, now=NOW)
    (curve,) = curves(campaign)
    if own is None:
        assert not any(curve.shares)
        return
    hours = sent_ago // 60
    for hour in range(1, min(hours, 72) + 1):
        assert curve.shares[hour - 1] == pytest.approx(own.openers_after(hour * 3600) / 1000)
    if hours < 72:
        assert curve.shares[-1] == pytest.approx(own.openers / 1000)
    assert curve.shares == sorted(curve.shares)


@pytest.mark.django_db
def test_the_curves_start_together_whenever_each_was_sent(django_assert_num_queries: Any) -> None:
    same = {0.0: 10, 2.0: 20, 30.0: 5}
    days = [campaign_opened(NOW - days * 24 * HOUR, same) for days in (3, 40, 400)]
    with django_assert_num_queries(1):
        one, two, three = curves(*days)
    assert one.shares == two.shares == three.shares
    assert len(curves(*days, reach=24)[0].shares) == 24


@pytest.mark.django_db
def test_a_clock_change_moves_no_curve() -> None:
    sent = datetime(2026, 10, 24, 20, tzinfo=UTC)
    (curve,) = curves(campaign_opened(sent, dict.fromkeys(range(24), 1)))
    assert curve.shares[:24] == pytest.approx([(hour + 1) / 1000 for hour in range(24)])


@pytest.mark.usefixtures("real_db")
def test_the_curve_ends_at_the_human_open_rate_of_what_the_writer_counted() -> None:
    campaign = make_campaign(*(f"r{number}@example.com" for number in range(20)))
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=timezone.now() - 30 * HOUR)
    begin = (timezone.now() - 30 * HOUR).timestamp()
    write_hits(
        [
            make_hit(pixel.pk, at=int((begin + 3600 * number + again) * 1e6))
            for number, pixel in enumerate(pixels_of(campaign)[:8])
            for again in (60, 7200)
        ]
    )
    loaded = Campaign.objects.select_related("counts").get(pk=campaign.pk)
    (curve,) = curves(loaded, now=timezone.now())
    assert curve.shares[-1] == loaded.counts.rates.human_open_rate == 0.4


@pytest.mark.django_db
def test_what_was_not_sent_or_reached_nobody_has_no_curve_and_no_chart(log_in: LogIn) -> None:
    nothing = [campaign_opened(None, {}), campaign_opened(NOW, {}, delivered=0)]
    found = curves(*nothing)
    assert [curve.shares for curve in found] == [[], []]
    assert chart_of(found, reach=72) is None
    asked = "&".join(f"with={campaign.pk}" for campaign in nothing)
    assert "There is no curve yet" in text_of(log_in("viewer").get(f"/campaigns/compare/?{asked}"))


@pytest.mark.django_db
@pytest.mark.parametrize("reach", [24, 72, 168, 720])
def test_the_chart_stays_in_its_frame_and_every_line_has_its_own_dashes_and_label(
    reach: int,
) -> None:
    campaigns = [
        campaign_opened(NOW - 35 * 24 * HOUR, {0: 1, 3: 100 + number}, name=f"Letter {number}")
        for number in range(10)
    ]
    chart = chart_of(curves(*campaigns, reach=reach), reach=reach)
    assert chart is not None
    assert [line.number for line in chart.lines] == list(range(1, 11))
    assert [line.label for line in chart.lines] == [f"Letter {n}" for n in range(10)]
    for line in chart.lines:
        pairs = [pair.split() for pair in line.path.removeprefix("M").split("L")]
        assert all(LEFT <= float(x) <= RIGHT and TOP <= float(y) <= BOTTOM for x, y in pairs)
        heights = [float(y) for _, y in pairs]
        assert heights == sorted(heights, reverse=True)
    assert 2 <= len(chart.y_ticks) <= 6
    assert 4 <= len(chart.x_ticks) <= 9


def rate_campaign(name: str, age: timedelta, people: int) -> Campaign:
    """Opened by so many of 1,000."""
    return campaign_opened(NOW - age, {0: people} if people else {}, name=name)


def sentence_of(one: Campaign, other: Campaign) -> str:
    """The same whichever comes first."""
    (sentence,) = comparison_of([one, other], at=NOW).sentences
    return sentence


@pytest.mark.django_db
def test_nothing_is_said_of_a_campaign_of_which_no_open_came() -> None:
    old = rate_campaign("Old", timedelta(days=28), 300)
    silent, mute = (rate_campaign(name, timedelta(days=7), 0) for name in ("Silent", "Mute"))
    refused = "cannot be compared: no open of “Silent” has come, so nothing can be said"
    assert refused in sentence_of(old, silent)
    assert refused in sentence_of(silent, old)
    assert "no open of either has come" in sentence_of(silent, mute)
    assert curves(silent)[0].shares == []


@pytest.mark.django_db
def test_what_was_not_sent_is_said_to_be_so() -> None:
    sent, unsent = (
        rate_campaign("Sent", timedelta(days=9), 300),
        campaign_opened(None, {}, name="U"),
    )
    other = campaign_opened(None, {}, name="V")
    CampaignCounts.objects.filter(campaign__in=[unsent, other]).update(sent=0)
    unsent, other = Campaign.objects.select_related("counts").filter(name__in="UV").order_by("name")
    assert sentence_of(sent, unsent).endswith("“U” was not sent yet.")
    assert sentence_of(unsent, other).endswith("neither was sent yet.")


@pytest.mark.django_db
def test_of_several_the_best_is_held_against_each_other_one(log_in: LogIn) -> None:
    some = [
        rate_campaign(name, timedelta(days=9), people)
        for name, people in (("Low", 200), ("Best", 400), ("Next", 390))
    ]
    sentences = comparison_of(some, at=NOW).sentences
    assert len(sentences) == 2
    assert sentences[0].startswith("The rate of “Best” is higher than the rate of “Low”")
    assert "between the rate of “Best” and the rate of “Next” could be chance" in sentences[1]
    asked = "&".join(f"with={campaign.pk}" for campaign in some)
    text = text_of(log_in("viewer").get(f"/campaigns/compare/?{asked}"))
    assert text.count('<p class="finding"') == 2
    assert "11 Nov 2026" in text
    alone = text_of(log_in("viewer").get(f"/campaigns/compare/?with={some[0].pk}"))
    assert "One campaign is no comparison" in alone


@pytest.mark.django_db
def test_a_machines_open_is_enough_to_compare() -> None:
    old = rate_campaign("Old", timedelta(days=28), 300)
    bot = rate_campaign("Bot", timedelta(days=7), 0)
    CampaignCounts.objects.filter(campaign=bot).update(opens=1, unique_opens=1)
    bot = Campaign.objects.select_related("counts").get(pk=bot.pk)
    assert "The rate of “Old” is higher than the rate of “Bot”" in sentence_of(old, bot)


@pytest.mark.django_db
@pytest.mark.parametrize("people", [100, 290, 301])
def test_a_young_campaign_is_never_said_to_be_behind_or_the_same(people: int) -> None:
    old = rate_campaign("Old", timedelta(days=28), 300)
    young = rate_campaign("Young", timedelta(hours=7), people)
    for sentence in (sentence_of(old, young), sentence_of(young, old)):
        assert "Too early to compare: “Young” was sent only 7 hours ago" in sentence
        assert "still rising" in sentence
        assert "higher" not in sentence
        assert "chance" not in sentence


@pytest.mark.django_db
def test_a_young_campaign_that_is_ahead_already_is_since_rates_only_rise() -> None:
    old = rate_campaign("Old", timedelta(days=28), 300)
    young = rate_campaign("Young", timedelta(hours=7), 400)
    for sentence in (sentence_of(old, young), sentence_of(young, old)):
        assert "“Young” is higher than the rate of “Old” already" in sentence
        assert "sent only 7 hours ago and is still rising" in sentence


@pytest.mark.django_db
def test_campaigns_sent_together_and_settled_ones_are_compared_plainly() -> None:
    for ages in ((2 * HOUR, 2 * HOUR + HOUR / 6), (30 * HOUR, 700 * HOUR)):
        more, less = (
            rate_campaign(name, age, people)
            for name, age, people in zip(("More", "Less"), ages, (400, 300), strict=True)
        )
        sentence = sentence_of(less, more)
        assert sentence.startswith("The rate of “More” is higher than the rate of “Less” (diff")
        assert "rising" not in sentence


@given(human=st.integers(0, 700), prefetch=st.integers(1, 700))
def test_an_estimate_never_falls_while_opens_come(human: int, prefetch: int) -> None:
    """Why who is ahead early is ahead: one more reader, one more fetch in advance, and a reader of
    what was fetched in advance, all raise it."""

    def estimate(human: int, prefetch: int) -> float:
        rates = OpenRates(1500, human=human, unknown=0, prefetch=prefetch, machine=0)
        assert rates.estimated_open_rate is not None
        return rates.estimated_open_rate

    for more_people, more_fetched in ((1, 0), (0, 1), (1, -1)):
        later = estimate(human + more_people, prefetch + more_fetched)
        assert later >= estimate(human, prefetch)


@given(places=st.lists(st.floats(TOP, BOTTOM), min_size=1, max_size=10))
def test_labels_never_cover_each_other_nor_leave_the_chart(places: list[float]) -> None:
    found = apart(places)
    in_order = sorted(found)
    assert all(later - earlier >= LINE - 1e-6 for earlier, later in pairwise(in_order))
    assert in_order[0] >= TOP - 1e-6
    assert in_order[-1] <= BOTTOM + 1e-6
    room = BOTTOM - TOP - LINE * len(places)
    if all(later - earlier >= LINE for earlier, later in pairwise(sorted(places))) and room > 0:
        assert found == pytest.approx(places)


@given(highest=st.floats(0.0001, 1))
def test_the_scale_holds_the_highest_curve_and_is_no_larger_than_needed(highest: float) -> None:
    campaign = Campaign(pk=1, name="c", sent_at=NOW)
    campaign.counts = CampaignCounts(sent=1)
    (row,) = comparison_of([campaign]).rows
    chart = chart_of([Curve(row, 1, [highest])], reach=24)
    assert chart is not None
    top = float(chart.y_ticks[-1].label) / 100
    assert highest <= top + 1e-9
    assert top <= max(0.002, highest * 2.5 + 1e-9)


@pytest.mark.django_db
def test_the_table_and_the_csv_have_the_figures_of_the_curves(log_in: LogIn) -> None:
    now = timezone.now()
    one = campaign_opened(now - 30 * HOUR, {0: 100, 7: 100}, name="=SUM(A1)")
    two = campaign_opened(now - 4 * HOUR, {0: 300}, name="Two")
    found = curves(one, two, now=now)
    rows = {row.hours: row.shares for row in table_of(found, reach=72)}
    assert rows[1] == [0.1, 0.3]
    assert rows[12] == [0.2, None]
    assert list(rows) == [1, 2, 3, 6, 12, 24]
    asked = f"with={one.pk}&with={two.pk}&hours=72"
    answer: Any = log_in("viewer").get(f"/campaigns/compare/curves.csv?{asked}")
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    header, *lines = csv.reader(io.StringIO(content))
    assert header == ["hours_since_sent", "'=SUM(A1)", "Two"]
    assert lines[0] == ["1", "0.100000", "0.300000"]
    assert lines[8] == ["9", "0.200000", ""]
    text = text_of(log_in("viewer").get(f"/campaigns/compare/?{asked}"))
    assert '<td class="number">10.0%</td><td class="number">30.0%</td>' in text
    assert log_in("nobody").get(f"/campaigns/compare/curves.csv?{asked}").status_code == 403


@pytest.mark.django_db
def test_campaigns_of_one_name_are_told_apart_by_day_and_then_by_number() -> None:
    day = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    news = [
        Campaign.objects.create(name="News", sent_at=sent, time_zone="Europe/Berlin")
        for sent in (day, day + 48 * HOUR, day + 48 * HOUR, None)
    ]
    other = Campaign.objects.create(name="Other", sent_at=day)
    labels = labels_of([*news, other])
    assert list(labels.values()) == [
        "News, sent 4 March 2026",
        f"News, sent 6 March 2026 (no. {news[1].pk})",
        f"News, sent 6 March 2026 (no. {news[2].pk})",
        "News, not sent",
        "Other",
    ]
    (sentence,) = comparison_of(news[:2]).sentences
    assert "cannot be compared: neither was sent yet" in sentence


@pytest.mark.django_db
def test_the_sentence_names_two_campaigns_of_one_name_so_that_they_differ() -> None:
    one = campaign_opened(NOW - 90 * HOUR, {0: 400}, name="News")
    two = campaign_opened(NOW - 9 * HOUR, {0: 100}, name="News")
    (sentence,) = comparison_of([one, two]).sentences
    assert "“News, sent 16 November 2026” is higher than the rate of “News, sent 20" in sentence


def test_a_difference_that_is_not_zero_is_never_printed_as_zero() -> None:
    assert (signed(0.0003), signed(0.05)) == ("0.03", "5.0")
    assert (signed(-0.00004), signed(0.02)) == ("−0.004", "2.0")
    assert signed(0.0) == "0.0"
    assert signed(0.000_000_1) == "0.001"
    assert signed(-0.000_000_1) == "−0.001"


@given(share=st.floats(-1, 1, allow_nan=False))
def test_a_printed_difference_keeps_sign_and_size(share: float) -> None:
    printed = float(signed(share).replace("−", "-"))
    assert (printed > 0, printed < 0) == (share > 0, share < 0)
    assert abs(printed - 100 * share) <= 0.05 + 1e-9


@pytest.mark.django_db
def test_too_many_and_missing_campaigns_are_told(log_in: LogIn) -> None:
    some = [campaign_opened(NOW - 5 * HOUR, {}, name=f"c{number}") for number in range(12)]
    asked = [str(campaign.pk) for campaign in some]
    comparison = comparison_asked([*asked, asked[0], "x", "9" * 30])
    assert (len(comparison.rows), comparison.left_out, comparison.missing) == (10, 2, 0)
    text = text_of(log_in("viewer").get(f"/campaigns/compare/?with={asked[0]}&with=999999"))
    assert "1 of the chosen campaigns is not there any more" in text


@pytest.mark.django_db
def test_the_comparison_takes_the_same_few_queries_for_two_and_for_ten(
    log_in: LogIn, django_assert_num_queries: Any
) -> None:
    some = [campaign_opened(NOW - 5 * HOUR, {0: 9}, name=f"c{number}") for number in range(10)]
    client = log_in("viewer")
    for asked in (some[:2], some):
        query = "&".join(f"with={campaign.pk}" for campaign in asked)
        # Session, person, permissions; campaigns with counts, curves.
        with django_assert_num_queries(5):
            client.get(f"/campaigns/compare/?{query}&hours=nonsense")
