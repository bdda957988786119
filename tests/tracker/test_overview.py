"""The overview: search, statuses, order, pages, what is usual, the first days, the live line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign
from tests.conftest import make_campaign, make_hit, pixels_of
from tests.tracker.test_honest_pages import text_of
from tests.tracker.test_writer import AGENTS
from tracker.models import CampaignCounts, QuarterHourCounts
from tracker.pixels import ensure_test_pixel
from tracker.quarters import quarter_of
from tracker.reports.numbered import pages_of
from tracker.reports.overview import SORTS, overview_page
from tracker.reports.pulse import State, longest_gap, pulse_at, today_at
from tracker.reports.spans import in_words
from tracker.reports.sparklines import sparkline, sparklines_of
from tracker.reports.statuses import Status, having, standing_of
from tracker.reports.totals import totals_of
from tracker.reports.usual import History, Word, trend_of
from tracker.spool import Spool
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def sent_campaign(name: str, sent_at: datetime | None, **counts: Any) -> Campaign:
    """With these counts; what was sent reached 1,000 unless they say otherwise. A campaign that
    people opened was opened by a machine besides, if they say no more."""
    campaign = Campaign.objects.create(name=name, sent_at=sent_at, created_at=NOW - 90 * DAY)
    values: dict[str, Any] = {"recipients": 1000, "sent": 1000 if sent_at else 0, **counts}
    if "unique_human_opens" in counts:
        values.setdefault("unique_opens", counts["unique_human_opens"] + 1)
    CampaignCounts.objects.create(campaign=campaign, **values)
    return campaign


def names_of(**parameters: str) -> list[str]:
    return [row.campaign.name for row in overview_page(parameters, now=NOW).rows]


def one_of_each_status() -> None:
    Campaign.objects.create(name="empty")
    sent_campaign("draft", None, recipients=0)
    sent_campaign("ready", None)
    sent_campaign("sent", NOW - 3 * DAY, opens=5, unique_opens=5, last_opened_at=NOW - DAY)
    sent_campaign("opening", NOW - DAY, opens=5, unique_opens=5, last_opened_at=NOW - HOUR / 6)
    sent_campaign("silent", NOW - 6 * HOUR)
    sent_campaign("fresh", NOW - HOUR)
    sent_campaign("bounced", NOW - DAY, bounces=1000)
    archived = sent_campaign("archived", NOW - 9 * HOUR)
    Campaign.objects.filter(pk=archived.pk).update(archived_at=NOW)


@pytest.mark.django_db
def test_each_status_has_its_campaigns_and_says_what_is_wrong() -> None:
    one_of_each_status()
    found = {status.value: sorted(names_of(status=status)) for status in Status}
    assert found == {
        "draft": ["draft", "empty"],
        "ready": ["ready"],
        "sent": ["bounced", "fresh", "opening", "sent", "silent"],
        "opening": ["opening"],
        "silent": ["silent"],
        "archived": ["archived"],
    }
    rows = {row.campaign.name: row for row in overview_page({}, now=NOW).rows}
    said = {name: row.standing.label for name, row in rows.items()}
    assert said == {
        "empty": "draft",
        "draft": "draft",
        "ready": "ready",
        "sent": "sent",
        "opening": "being opened now",
        "silent": "no hit",
        "fresh": "sent",
        "bounced": "sent",
    }
    assert rows["silent"].standing.note == "Sent 6 hours ago and no hit at all"
    counts = {tab.label: tab.count for tab in overview_page({}, now=NOW).tabs}
    assert counts == {
        "Active": 8,
        "Draft": 2,
        "Ready": 1,
        "Sent": 5,
        "Being opened now": 1,
        "No hit": 1,
        "Archived": 1,
    }


@pytest.mark.django_db
def test_a_campaigns_own_status_is_one_under_which_it_is_found() -> None:
    one_of_each_status()
    for campaign in Campaign.objects.select_related("counts"):
        status = standing_of(campaign, totals_of(campaign), now=NOW).status
        assert Campaign.objects.filter(having(status, now=NOW), pk=campaign.pk).exists(), campaign


@pytest.mark.django_db
def test_a_campaign_that_is_opened_but_not_marked_as_sent_says_so() -> None:
    sent_campaign("forgotten", None, opens=3, unique_opens=3)
    (row,) = overview_page({}, now=NOW).rows
    assert row.standing.note == "It is being opened, but not marked as sent"


@pytest.mark.django_db
def test_every_column_sorts_both_ways_and_what_has_no_figure_comes_last() -> None:
    sent_campaign("b", NOW - 2 * DAY, unique_human_opens=300, recipients=3000)
    sent_campaign("A", NOW - 3 * DAY, unique_human_opens=200, sent=400, recipients=1)
    sent_campaign("c", NOW - 1 * DAY, unique_human_opens=400, sent=4000, recipients=20)
    Campaign.objects.create(name="d", created_at=NOW - 9 * DAY)
    expected = {
        "name": "Abcd",
        "-name": "dcbA",
        "sent": "dAbc",
        "-sent": "cbAd",
        "recipients": "Acbd",
        "-recipients": "bcAd",
        "opens": "Abcd",
        "-opens": "cbAd",
        "rate": "cbAd",
        "-rate": "Abcd",
        "": "cbAd",
        "x'; --": "cbAd",
    }
    assert {sort: "".join(names_of(sort=sort)) for sort in expected} == expected


@pytest.mark.django_db
def test_a_screen_without_headings_offers_every_order_and_shows_the_present_one() -> None:
    for sort in SORTS:
        for key in (sort, f"-{sort}"):
            offered = overview_page({"sort": key}, now=NOW).sorts
            assert [one.key for one in offered if one.is_chosen] == [key]
    assert len(offered) == 2 * len(SORTS)


@pytest.mark.django_db
@pytest.mark.parametrize("sort", ["name", "-sent", "rate", "-opens", "recipients"])
def test_the_pages_of_any_order_hold_every_campaign_once(sort: str) -> None:
    for number in range(113):
        sent_campaign(f"n{number % 7}", NOW - DAY, unique_human_opens=number % 3)
    pages = [overview_page({"sort": sort, "page": str(page)}, now=NOW) for page in (1, 2, 3)]
    found = [row.campaign.pk for page in pages for row in page.rows]
    assert len(found) == len(set(found)) == 113
    next_url = pages[0].pages.next_url
    assert next_url is not None
    assert "page=2" in next_url
    assert ("sort=" in next_url) == (sort != "-sent")
    assert overview_page({"sort": sort, "page": "99"}, now=NOW).pages.number == 3


@pytest.mark.django_db
def test_the_search_looks_at_name_and_subject_and_the_links_keep_it() -> None:
    sent_campaign("Spring", NOW - DAY)
    other = sent_campaign("Other", NOW - DAY)
    Campaign.objects.filter(pk=other.pk).update(subject="It is SPRING & more")
    sent_campaign("Autumn", NOW - DAY)
    assert sorted(names_of(q="spring")) == ["Other", "Spring"]
    page = overview_page({"q": "spring", "status": "sent", "sort": "name"}, now=NOW)
    assert [tab.count for tab in page.tabs if tab.is_current] == [2]
    assert all(column.url is None or "q=spring" in column.url for column in page.columns)
    assert all("sort=name" in tab.url for tab in page.tabs)


@given(
    total=st.integers(0, 400),
    asked=st.one_of(st.text(max_size=4), st.integers(0, 20).map(str)),
    rows=st.integers(1, 60),
)
def test_numbered_pages_follow_each_other_without_gap(total: int, asked: str, rows: int) -> None:
    page = pages_of(total, asked, rows=rows, keep={})
    assert 1 <= page.number <= page.count
    everything = [
        number
        for which in range(1, page.count + 1)
        for number in range(total)[pages_of(total, str(which), rows=rows, keep={}).rows]
    ]
    assert everything == list(range(total))
    assert (page.next_url is None) == (page.number == page.count)
    assert (page.previous_url is None) == (page.number == 1)
    assert (page.first_url is None) == (page.number <= 2)
    assert (page.last_url is None) == (page.number >= page.count - 1)


# What is usual


def history(*rates: float, until: datetime = NOW - 2 * DAY) -> History:
    """One campaign a day, the last one then."""
    begin = until - (len(rates) - 1) * DAY
    return History([(begin + number * DAY, number) for number in range(len(rates))], rates)


def trend(human: int, delivered: int, past: History, *, age: timedelta = 30 * HOUR) -> Any:
    campaign = Campaign(pk=10_000, sent_at=NOW - age)
    totals = CampaignCounts(sent=delivered, unique_human_opens=human, unique_opens=human + 1)
    return trend_of(campaign, totals, past, now=NOW)


@given(rates=st.lists(st.floats(0, 1), min_size=3, max_size=60))
def test_the_usual_is_the_median_of_the_last_twenty_before(rates: list[float]) -> None:
    assert trend(100, 1000, history(*rates)).usual == median(rates[-20:])
    assert trend(100, 1000, history(*rates)).earlier == min(len(rates), 20)


@pytest.mark.parametrize(
    ("human", "delivered", "word"),
    [
        (400, 1000, Word.ABOVE),
        (200, 1000, Word.BELOW),
        (300, 1000, Word.AS_USUAL),
        # Less than a tenth of the usual, however certain.
        (320_000, 1_000_000, Word.AS_USUAL),
        (331_000, 1_000_000, Word.ABOVE),
        # More than a tenth, but of so few that it may be chance.
        (8, 20, Word.AS_USUAL),
        (0, 1000, Word.BELOW),
    ],
)
def test_above_and_below_need_a_difference_that_is_large_and_no_chance(
    human: int, delivered: int, word: Word
) -> None:
    assert trend(human, delivered, history(0.2, 0.3, 0.4)).word is word


def test_for_a_day_it_is_too_early_and_without_three_before_nothing_is_usual() -> None:
    early = trend(400, 1000, history(0.2, 0.3, 0.4), age=23 * HOUR)
    assert (early.word, early.usual, early.points) == (Word.TOO_EARLY, 0.3, None)
    assert trend(400, 1000, history(0.2, 0.3)).word is Word.NO_USUAL
    assert trend(400, 1000, history()).usual is None


@pytest.mark.django_db
def test_only_settled_campaigns_sent_before_make_the_usual() -> None:
    for number, human in enumerate((100, 200, 300)):
        sent_campaign(f"before {number}", NOW - (20 - number) * DAY, unique_human_opens=human)
    sent_campaign("archived", NOW - 15 * DAY, unique_human_opens=400)
    Campaign.objects.filter(name="archived").update(archived_at=NOW)
    sent_campaign("reached nobody", NOW - 14 * DAY, sent=0)
    sent_campaign("draft", None)
    sent_campaign("without its pixel", NOW - 12 * DAY)
    sent_campaign("this", NOW - 10 * DAY, unique_human_opens=600)
    sent_campaign("after", NOW - 5 * DAY, unique_human_opens=900)
    sent_campaign("too young to count", NOW - 3 * HOUR, unique_human_opens=990)
    sent_campaign("young", NOW - 2 * HOUR, unique_human_opens=990)
    rows = {row.campaign.name: row.trend for row in overview_page({}, now=NOW).rows}
    this, young = rows["this"], rows["young"]
    assert this is not None
    assert young is not None
    assert (this.word, this.usual, this.earlier) == (Word.ABOVE, 0.25, 4)
    assert this.points == pytest.approx(35)
    assert (young.word, young.earlier) == (Word.TOO_EARLY, 6)
    assert rows["draft"] is None
    assert rows["reached nobody"] is None
    assert rows["without its pixel"] is None


@pytest.mark.django_db
def test_the_page_states_how_the_usual_is_made_and_says_it_in_words(log_in: LogIn) -> None:
    now = timezone.now()
    for number in range(4):
        sent_campaign(f"c{number}", now - (9 - number) * DAY, unique_human_opens=300)
    sent_campaign("good", now - 2 * DAY, unique_human_opens=500)
    text = text_of(log_in("viewer").get("/campaigns/"))
    assert "median human open rate of the last up to 20 campaigns" in text
    assert "above usual" in text
    assert "+20.0 points" in text
    assert "usual 30.0%" in text
    assert "as usual" in text
    assert "no usual yet" in text
    good = Campaign.objects.get(name="good")
    report = text_of(log_in("viewer").get(good.get_absolute_url()))
    assert (
        "<strong>above usual</strong>: +20.0 points against 30.0%, the median of the 4 campaigns "
        "before."
    ) in report
    Campaign.objects.filter(pk=good.pk).update(sent_at=now - 3 * HOUR)
    report = text_of(log_in("viewer").get(good.get_absolute_url()))
    assert "Usual is 30.0%, the median of the 4 campaigns before." in report
    first = Campaign.objects.get(name="c0")
    assert "the median of" not in text_of(log_in("viewer").get(first.get_absolute_url()))


# The first days


@pytest.mark.django_db
def test_a_sparkline_adds_up_the_human_opens_of_three_days_from_sending() -> None:
    sent = datetime(2026, 10, 25, 0, 7, 30, 900_000, tzinfo=UTC)
    campaign = sent_campaign("a", sent)
    other = sent_campaign("b", sent + 100 * DAY)
    quarter = quarter_of(sent)
    for after, opens in (
        (timedelta(0), 1),
        (3 * HOUR - HOUR / 4, 2),
        (3 * HOUR, 5),
        (71 * HOUR, 4),
    ):
        QuarterHourCounts.objects.create(
            campaign=campaign, starts_at=quarter + after, opens=99, human_opens=opens
        )
    for outside in (-HOUR / 4, 72 * HOUR):
        QuarterHourCounts.objects.create(
            campaign=campaign, starts_at=quarter + outside, opens=9, human_opens=70
        )
    found = sparklines_of([campaign, other])
    assert list(found) == [campaign.pk]
    assert found[campaign.pk] == sparkline([3, 5, *[0] * 21, 4])
    assert found[campaign.pk].label.startswith("12 opens by people in the first three days")
    assert "between 3 and 6 hours" in found[campaign.pk].label


@given(sums=st.lists(st.integers(0, 10**7), min_size=24, max_size=24).filter(any))
def test_a_sparkline_stays_in_its_box_and_hides_nothing(sums: list[int]) -> None:
    path = sparkline(sums).path
    heights = [float(part.partition("h")[0]) for part in path.split("v-")[1:]]
    assert len(heights) == sum(1 for opens in sums if opens)
    assert all(1 <= height <= 24 for height in heights)


# The live line


def opened_at(*moments: datetime, campaign: Campaign | None = None) -> None:
    """Recorded through the writer, one open by a person at each of these moments."""
    (pixel,) = pixels_of(campaign or make_campaign(f"r{len(moments)}@example.com"))
    write_hits([make_hit(pixel.pk, at=int(moment.timestamp() * 1e6)) for moment in moments])


@pytest.fixture
def empty_spool(settings: Any, tmp_path: Path) -> Path:
    settings.SPOOL_DIR = str(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("real_db", "empty_spool")
def test_the_line_tells_when_the_last_hit_came() -> None:
    assert pulse_at(NOW).state is State.NONE
    tested = make_campaign(is_sent=False)
    write_hits([make_hit(ensure_test_pixel(tested).pk, at=int((NOW - HOUR).timestamp() * 1e6))])
    works = pulse_at(NOW)
    assert works.state is State.WORKS
    assert works.sentence == (
        "Tracking works: a test pixel was seen 1 hour ago. No recipient has opened yet."
    )
    Campaign.objects.filter(pk=tested.pk).update(sent_at=NOW - 5 * HOUR)
    silent = pulse_at(NOW)
    assert silent.is_warning
    assert silent.sentence.startswith("Not one hit, though the first mail was sent 5 hours ago.")
    opened_at(NOW - timedelta(seconds=12))
    assert pulse_at(NOW).sentence == "Tracking works: last hit 12 seconds ago."
    # One stretch of opens tells nothing of what is usual.
    assert pulse_at(NOW + 3 * HOUR).sentence == "Last hit 3 hours ago."


@pytest.mark.usefixtures("real_db", "empty_spool")
def test_a_silence_longer_than_any_of_the_week_is_called_unusual() -> None:
    opened_at(*(NOW - number * 2 * HOUR for number in range(40)))
    quiet = pulse_at(NOW + timedelta(minutes=100))
    assert quiet.state is State.QUIET
    cache.clear()
    unusual = pulse_at(NOW + 3 * HOUR)
    assert unusual.is_warning
    assert unusual.sentence.startswith("No hit for 3 hours; that is unusual.")
    assert "2 hours" in unusual.sentence


@pytest.mark.usefixtures("real_db")
def test_hits_in_the_spool_are_told_first(empty_spool: Path) -> None:
    opened_at(NOW)
    spool = Spool(empty_spool)
    spool.append([make_hit(1)])
    assert pulse_at(NOW).sentence.startswith("Hits wait in the spool: the database was away.")
    spool.release()
    spool.replay(write_hits)
    assert pulse_at(NOW).state is State.WORKS
    spool.set_aside([make_hit(1)])
    assert pulse_at(NOW).state is State.REFUSED


@given(hours=st.lists(st.integers(0, 600), min_size=1, max_size=60, unique=True))
def test_the_longest_gap_is_that_of_the_sorted_quarters(hours: list[int]) -> None:
    quarters = [NOW + number * timedelta(minutes=15) for number in sorted(hours)]
    gap = longest_gap(quarters)
    if quarters[-1] - quarters[0] < DAY - timedelta(minutes=15):
        assert gap is None
    else:
        gaps = [quarters[i + 1] - quarters[i] for i in range(len(quarters) - 1)]
        assert gap == max(gaps)


@pytest.mark.usefixtures("real_db", "empty_spool")
@pytest.mark.parametrize(
    ("zone", "day_begins"),
    [
        ("UTC", datetime(2026, 11, 20, 0, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 11, 19, 18, 15, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 20, 5, tzinfo=UTC)),
    ],
)
def test_today_begins_at_midnight_of_the_accounts_clock(
    zone: str, day_begins: datetime, settings: Any
) -> None:
    settings.TIME_ZONE = zone
    second = timedelta(seconds=1)
    opened_at(day_begins - second, day_begins, NOW - second)
    (pixel,) = pixels_of(make_campaign("bot@example.com"))
    write_hits([make_hit(pixel.pk, at=int(NOW.timestamp() * 1e6), user_agent=AGENTS["bot"])])
    today = today_at(NOW)
    assert (today.opens, today.human_opens, today.time_zone) == (3, 2, zone)


@pytest.mark.usefixtures("real_db", "empty_spool")
def test_the_live_piece_is_not_sent_again_until_something_changed(
    log_in: LogIn, django_assert_num_queries: Any
) -> None:
    # So long ago that the words do not change during the test.
    opened_at(timezone.now() - 5 * DAY)
    client = log_in("viewer")
    first = client.get("/campaigns/pulse/")
    assert first.status_code == 200
    assert 'id="pulse"' in first.content.decode()
    assert "no-cache" in first["Cache-Control"]
    # Session, person, permissions, and one for the piece; what is usual is remembered.
    with django_assert_num_queries(4):
        again = client.get("/campaigns/pulse/", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    opened_at(timezone.now(), timezone.now())
    later = client.get("/campaigns/pulse/", headers={"If-None-Match": first["ETag"]})
    assert later.status_code == 200
    assert "Tracking works" in later.content.decode()


@pytest.mark.usefixtures("real_db", "empty_spool")
def test_an_open_that_leaves_the_line_as_it_was_still_renews_the_piece() -> None:
    campaign = make_campaign("r@example.com")
    opened_at(NOW - 5 * DAY, campaign=campaign)
    before = pulse_at(NOW)
    assert pulse_at(NOW).version == before.version
    opened_at(NOW - 6 * DAY, campaign=campaign)
    after = pulse_at(NOW)
    assert after.sentence == before.sentence
    assert after.version != before.version


@pytest.mark.django_db
def test_the_live_piece_is_nobodys_without_permission_and_leads_to_no_login(
    log_in: LogIn,
) -> None:
    assert Client().get("/campaigns/pulse/").status_code == 404
    assert log_in("nobody").get("/campaigns/pulse/").status_code == 404


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (3599, "59 minutes"),
        (3600, "1 hour"),
        (47.9 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
    ],
)
def test_spans_are_said_in_one_unit_rounded_down(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


@pytest.mark.django_db
def test_the_file_of_the_list_is_the_list_as_it_is_searched_filtered_and_sorted(
    log_in: LogIn,
) -> None:
    one_of_each_status()
    for number in range(60):
        sent_campaign(f"many {number:02}", timezone.now() - number * HOUR, unique_human_opens=1)
    client = log_in("viewer")
    for query in (
        "",
        "?q=many&sort=name",
        "?status=draft&sort=-name",
        "?q=archived&status=archived",
    ):
        page = client.get(f"/campaigns/{query}")
        (url,) = re.findall(r'href="([^"]+campaigns\.csv[^"]*)"', page.content.decode())
        answer: Any = client.get(unescape(url))
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        names = [row["name"] for row in csv.DictReader(io.StringIO(text))]
        overview = page.context["overview"]
        assert len(names) == overview.pages.total > 0
        # All of its pages, in its order.
        assert names[:50] == [row.campaign.name for row in overview.rows]


@pytest.mark.django_db
def test_the_overview_takes_the_same_few_queries_whatever_it_shows(
    log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    client = log_in("viewer")
    for number in range(120):
        sent_campaign(f"n{number}", timezone.now() - number * DAY, unique_human_opens=200)
    for query in ("", "?sort=rate&page=2", "?status=sent&q=n&sort=-opens", "?status=draft"):
        with django_assert_max_num_queries(12):
            client.get(f"/campaigns/{query}")
