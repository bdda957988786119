"""A campaign's report: what it shows, how many questions it asks, and how it moves while open."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_segments import campaign_of_each_kind
from tests.tracker.test_series import count
from tracker.models import CampaignCounts
from tracker.pages import live
from tracker.reports.chart_page import Choice
from tracker.reports.funnel import funnel_of
from tracker.reports.live import Shared
from tracker.reports.people import list_urls
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
SENT = datetime(2026, 3, 12, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_shared() -> None:
    """Each test asks anew: campaigns of different tests may have the same id."""
    live.campaigns.clear()
    live.fragments.clear()
    live.readers.clear()


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("\u202f", "").split())


def rows_of(answer: Any) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def counted(sent_at: datetime | None = SENT) -> Campaign:
    """Two days of opens: 100 first ones by people in the first quarter, 20 in a later one."""
    campaign = make_campaign(name="Counted", is_sent=False)
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=sent_at, time_zone="Europe/Berlin")
    count(campaign, (SENT, 260, 200), (SENT + timedelta(hours=30), 50, 40))
    CampaignCounts.objects.filter(campaign=campaign).update(
        recipients=500,
        sent=500,
        bounces=20,
        opens=310,
        unique_opens=155,
        unique_human_opens=120,
        unique_unknown_opens=5,
        unique_prefetch_opens=20,
    )
    return Campaign.objects.select_related("counts").get(pk=campaign.pk)


@pytest.mark.usefixtures("real_db")
def test_the_report_asks_at_most_twelve_questions_whatever_its_size(
    log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    client = log_in("viewer")
    small, large = make_campaign(*emails(2)), make_campaign(*emails(150))
    write_hits([make_hit(pixels_of(small)[0].pk)])
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(large) for _ in range(4)])
    # Opened for years, and before the time that was marked: all that can be asked for.
    years = [SENT + timedelta(days=9 * n) for n in range(90)]
    count(large, *((at, 4, 2) for at in years))
    found = []
    for campaign in (small, large):
        with django_assert_max_num_queries(12) as asked:
            client.get(f"/campaigns/{campaign.pk}/?by=week&show=opened&sort=-opens")
        found.append(len(asked))
    assert found == [12, 12]


@pytest.mark.django_db
@pytest.mark.parametrize("by", ["quarter", "hour", "day", "week", "month", "decade"])
@pytest.mark.parametrize("opens", ["", "first", "all", "people"])
def test_every_zoom_keeps_all_other_choices_in_its_links(
    by: str, opens: str, log_in: LogIn
) -> None:
    campaign = counted()
    client = log_in("viewer")
    query = f"by={by}&opens={opens}&show=opened&sort=opens&q=r1"
    page = client.get(f"/campaigns/{campaign.pk}/?{query}")
    shown = page.context["page"]
    assert shown.choice.by == (by if by != "decade" else "hour")
    assert [link.is_current for link in shown.zooms].count(True) == 1
    for link in (*shown.zooms, *shown.splits):
        there = client.get(f"/campaigns/{campaign.pk}/{link.url.split('#')[0]}")
        people = there.context["people"]
        assert (people.query, people.state["show"], people.state["sort"]) == (
            *("r1", "opened", "opens"),
        )
    for link in shown.zooms:
        assert ("opens=" in link.url) == (opens != "")
        assert not opens or f"opens={opens}" in link.url
    # And the other way round: a link of the people keeps the chart.
    url = page.context["people"].tabs[0].url
    kept = client.get(f"/campaigns/{campaign.pk}/{url.split('#')[0]}").context["page"].choice
    assert kept == shown.choice


@pytest.mark.django_db
def test_the_chart_shows_people_first_and_its_table_and_file_follow(log_in: LogIn) -> None:
    campaign = counted()
    client = log_in("viewer")
    page = client.get(f"/campaigns/{campaign.pk}/?by=day")
    assert page.context["chart"].split == "people"
    text = text_of(page)
    assert "Repeats by people" in text
    assert "By machines or unclear" not in text
    (url,) = re.findall(r'id="chart-csv" href="([^"]+)"', text)
    rows = rows_of(client.get(unescape(url)))
    assert rows[0] == {
        "starts_at": "2026-03-12T00:00:00+01:00",
        "unique_human_opens": "100",
        "repeated_human_opens": "100",
        "human_opens": "200",
    }
    text = text_of(client.get(f"/campaigns/{campaign.pk}/?by=day&opens=all"))
    assert "By machines or unclear" in text
    (url,) = re.findall(r'id="chart-csv" href="([^"]+)"', text)
    assert rows_of(client.get(unescape(url)))[0]["opens"] == "260"


@pytest.mark.django_db
def test_where_only_machines_came_the_chart_shows_them_and_stays_so_while_it_moves(
    log_in: LogIn,
) -> None:
    campaign = counted()
    CampaignCounts.objects.filter(campaign=campaign).update(unique_human_opens=0)
    client = log_in("viewer")
    page = client.get(f"/campaigns/{campaign.pk}/")
    assert page.context["chart"].split == "all"
    CampaignCounts.objects.filter(campaign=campaign).update(unique_human_opens=1)
    url = f"/campaigns/{campaign.pk}/live?{page.context['live_query']}"
    assert "by machines, or unclear (upper part)" in text_of(client.get(url))
    # The tab that is marked says what is drawn, whatever comes first.
    empty = Campaign.objects.create(name="Not opened")
    CampaignCounts.objects.create(campaign=empty, recipients=9, sent=9)
    page = client.get(f"/campaigns/{empty.pk}/")
    assert "opens=people" in page.context["live_query"]


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_any_parameters_are_a_choice(by: str, window: str, opens: str) -> None:
    choice = Choice.from_url({"by": by, "window": window, "opens": opens})
    assert Choice.from_url(choice.parameters) == choice


@pytest.mark.django_db
def test_the_funnel_counts_each_recipient_once() -> None:
    steps = funnel_of(counted().counts, list_urls({}))
    assert [(step.people, step.kind) for step in steps] == [
        *((500, ""), (480, ""), (155, "")),
        *((120, "human"), (5, "unclear"), (20, "prefetched"), (10, "machine")),
    ]
    assert [step.share for step in steps[1:3]] == [480 / 500, 155 / 480]
    parts = steps[3:]
    assert sum(part.people for part in parts) == 155
    assert sum(part.share or 0 for part in parts) == pytest.approx(1)
    assert parts[0].of_delivered == 120 / 480
    assert parts[-1].begins + parts[-1].width == pytest.approx(steps[2].width)


@pytest.mark.django_db
def test_the_answer_the_figures_and_the_funnel_lead_to_the_people_they_count(
    log_in: LogIn,
) -> None:
    campaign = campaign_of_each_kind()
    count(campaign, (SENT, 9, 3))
    CampaignCounts.objects.filter(campaign=campaign).update(
        opens=9,
        unique_opens=6,
        unique_human_opens=2,
        unique_unknown_opens=1,
        unique_prefetch_opens=1,
    )
    client = log_in("viewer")
    page = client.get(f"/campaigns/{campaign.pk}/?by=day&q=nobody&show=bounced")
    text = text_of(page)

    def listed(link: str) -> int:
        address, _, place = unescape(link).partition("#")
        assert place == "people"
        assert "q=" not in address, "a figure is about all, not about who was searched for"
        there = client.get(f"/campaigns/{campaign.pk}/{address}")
        assert there.context["page"].choice.by == "day", "the chart stays as it was"
        return len(there.context["people"].rows)

    (answer,) = re.findall(r'At least <a href="([^"]+)">2 of 7</a> people opened', text)
    assert listed(answer) == 2
    figures = re.findall(r'<dd><a href="([^"]+)">(\d+)<span', text)
    assert [listed(link) for link, _ in figures] == [int(number) for _, number in figures] == [1, 1]
    steps = [step for step in page.context["funnel"] if step.url]
    assert [step.people for step in steps] == [8, 2, 1, 1, 2]
    assert [listed(step.url) for step in steps] == [8, 2, 1, 1, 2]


@pytest.mark.django_db
def test_nobody_has_no_list_to_be_led_to() -> None:
    assert [step.label for step in funnel_of(CampaignCounts(), list_urls({})) if step.url] == [
        "Recipients"
    ]


@pytest.mark.django_db
def test_what_to_do_with_the_people_stands_above_them(log_in: LogIn) -> None:
    campaign = campaign_of_each_kind()
    text = text_of(log_in("marketer").get(f"/campaigns/{campaign.pk}/?show=unopened"))
    segment = f'href="/campaigns/{campaign.pk}/segments/?who=unopened'
    use, again = f'{segment}">Use these as a segment', f'{segment}#resend">Write to them again'
    assert text.index("people-heading") < text.index(use) < text.index(again)
    assert text.index(again) < text.index('class="tabs"', text.index("people-heading"))
    text = text_of(log_in("viewer").get(f"/campaigns/{campaign.pk}/?show=unopened"))
    assert use in text
    assert "Write to them again" not in text


@pytest.mark.django_db
def test_a_funnel_of_nothing_and_one_of_too_many_openers_can_be_drawn() -> None:
    assert [step.share for step in funnel_of(CampaignCounts(), {})] == [None] * 7
    steps = funnel_of(CampaignCounts(recipients=2, unique_opens=5, unique_human_opens=5), {})
    assert max(step.begins + step.width for step in steps) == 100


@pytest.mark.django_db
def test_the_report_says_when_half_had_opened_and_when_it_was_sent(log_in: LogIn) -> None:
    text = text_of(log_in("viewer").get(f"/campaigns/{counted().pk}/"))
    assert "Half of the 120 people who opened so far had opened <strong>9 min</strong>" in text
    assert "Send time marked: <time" in text
    assert "Thursday 12 March 2026, 09:00" in text
    assert "exact to about 15 minutes" in text
    assert "Thursday, 09:00–10:00: 200 opens by people, 83.3% of all" in text


@pytest.mark.django_db
def test_without_a_send_time_the_report_says_why_there_is_no_time_to_open(
    log_in: LogIn,
) -> None:
    text = text_of(log_in("viewer").get(f"/campaigns/{counted(sent_at=None).pk}/"))
    assert "no time to open, because no send time is marked" in text
    assert "No send time is marked, so the chart cannot show it" in text


@pytest.mark.django_db
def test_each_chart_has_its_file(log_in: LogIn) -> None:
    campaign = counted()
    client = log_in("viewer")
    rows = rows_of(client.get(f"/campaigns/{campaign.pk}/opens.csv?by=day"))
    assert [(row["starts_at"], row["opens"], row["human_opens"]) for row in rows] == [
        ("2026-03-12T00:00:00+01:00", "260", "200"),
        ("2026-03-13T00:00:00+01:00", "50", "40"),
    ]
    assert (rows[0]["unique_opens"], rows[0]["repeated_opens"]) == ("130", "130")
    for by in ("quarter", "hour", "week", "month"):
        rows = rows_of(client.get(f"/campaigns/{campaign.pk}/opens.csv?by={by}"))
        assert sum(int(row["opens"]) for row in rows) == 310, by
    rows = rows_of(client.get(f"/campaigns/{campaign.pk}/time-to-open.csv"))
    assert rows[1] == {
        "minutes_after_sending": "15",
        "openers": "100",
        "share_of_openers": "0.833333",
    }
    rows = rows_of(client.get(f"/campaigns/{campaign.pk}/heat-map.csv"))
    assert len(rows) == 7 * 24
    assert {"weekday": "Thursday", "hour": "9", "human_opens": "200"} in rows


@pytest.mark.django_db
def test_the_funnel_has_its_file(log_in: LogIn) -> None:
    rows = rows_of(log_in("viewer").get(f"/campaigns/{counted().pk}/funnel.csv"))
    assert [(row["step"], row["people"]) for row in rows] == [
        ("recipients", "500"),
        ("delivered", "480"),
        ("unique_tracked_opens", "155"),
        ("unique_human_opens", "120"),
        ("unique_unknown_opens", "5"),
        ("unique_prefetch_opens", "20"),
        ("unique_machine_opens", "10"),
    ]
    assert (rows[0]["share_of_step_before"], rows[3]["share_of_trackable"]) == ("", "0.25")


@pytest.mark.django_db
def test_every_chart_has_a_table_a_file_and_a_link_to_itself(log_in: LogIn) -> None:
    campaign = counted()
    client = log_in("viewer")
    text = text_of(client.get(f"/campaigns/{campaign.pk}/?by=day&show=opened"))
    for name, file in (
        ("funnel", "funnel"),
        ("chart", "opens"),
        ("time-to-open", "time-to-open"),
        ("heat-map", "heat-map"),
    ):
        section = text.split(f'<section class="card" id="{name}"')[1].split("</section>")[0]
        # Nothing but the place: so it keeps whatever the URL asks for.
        assert f'<a href="#{name}">Link<span' in section
        assert f"/campaigns/{campaign.pk}/{file}.csv" in section
        assert "<table" in section


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["opens", "time-to-open", "heat-map"])
def test_a_campaign_without_opens_has_files_with_a_header_only(name: str, log_in: LogIn) -> None:
    campaign = Campaign.objects.create(name="Empty")
    assert rows_of(log_in("viewer").get(f"/campaigns/{campaign.pk}/{name}.csv")) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["opens.csv", "time-to-open.csv", "heat-map.csv", "funnel.csv", "live"]
)
def test_figures_are_for_readers_only(name: str, log_in: LogIn) -> None:
    campaign = counted()
    assert log_in("nobody").get(f"/campaigns/{campaign.pk}/{name}").status_code == 403
    assert Client().get(f"/campaigns/{campaign.pk}/{name}").status_code == 302
    assert log_in("viewer").get(f"/campaigns/{campaign.pk}/{name}").status_code == 200
    assert log_in("viewer").get(f"/campaigns/99999/{name}").status_code == 404
    assert log_in("viewer").post(f"/campaigns/{campaign.pk}/{name}").status_code == 405


@pytest.mark.django_db
def test_who_was_refused_once_is_refused_again(log_in: LogIn) -> None:
    url = f"/campaigns/{counted().pk}/live"
    client = log_in("nobody")
    assert [client.get(url).status_code for _ in range(2)] == [403, 403]
    client = log_in("viewer")
    assert client.get(url).status_code == 200
    client.logout()
    assert client.get(url).status_code == 302


@pytest.mark.django_db
def test_an_open_report_that_did_not_change_is_a_304_with_exactly_one_query(
    log_in: LogIn, django_assert_num_queries: Any
) -> None:
    campaign = counted()
    client = log_in("viewer")
    page = client.get(f"/campaigns/{campaign.pk}/?by=day")
    version = f'"{page.context["version"]}"'
    url = f"/campaigns/{campaign.pk}/live?{page.context['live_query']}"
    first = client.get(url, headers={"If-None-Match": version})
    assert (first.status_code, first["ETag"]) == (304, version)
    live.campaigns.clear()  # a second and a half later
    with django_assert_num_queries(1):
        answer = client.get(url, headers={"If-None-Match": version})
    assert (answer.status_code, answer.content) == (304, b"")
    assert not answer.cookies
    with django_assert_num_queries(0):
        for _ in range(100):
            client.get(url, headers={"If-None-Match": version})


@pytest.mark.usefixtures("real_db")
def test_a_new_open_is_in_the_next_answer_and_drawn_once_for_all_readers(
    log_in: LogIn, django_assert_num_queries: Any
) -> None:
    campaign = make_campaign(*emails(4))
    readers = [log_in("viewer"), log_in("marketer")]
    for reader in readers:
        page = reader.get(f"/campaigns/{campaign.pk}/")
        version = f'"{page.context["version"]}"'
        reader.get(f"/campaigns/{campaign.pk}/live")
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    live.campaigns.clear()
    url = f"/campaigns/{campaign.pk}/live"
    answer = readers[0].get(url, headers={"If-None-Match": version})
    assert answer.status_code == 200
    assert answer["ETag"] != version
    assert '<p class="answer">25.0%</p>' in text_of(answer)
    assert 'data-words="1 of 4 opened so far."' in text_of(answer)
    with django_assert_num_queries(0):
        other = readers[1].get(url, headers={"If-None-Match": version})
    assert other.content == answer.content
    again = readers[1].get(url, headers={"If-None-Match": other["ETag"]})
    assert again.status_code == 304


@pytest.mark.django_db
def test_what_moves_has_its_place_on_the_page_and_nothing_of_one_reader(log_in: LogIn) -> None:
    campaign = counted()
    client = log_in("marketer")
    fragment = client.get(f"/campaigns/{campaign.pk}/live").content.decode()
    page = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    ids = [part.split('"')[0] for part in fragment.split('id="live-')[1:]]
    assert sorted(ids) == sorted(
        [
            *("answer", "chart", "figures", "funnel", "heat-map", "last", "time-to-open"),
            "until-opened",
        ]
    )
    assert fragment.count("hx-swap-oob") == len(ids)
    for name in ids:
        assert page.count(f'id="live-{name}"') == 1
    assert "hx-swap-oob" not in page
    assert "csrf" not in fragment
    assert "mara" not in fragment


@pytest.mark.django_db
def test_what_leads_to_the_first_open_goes_with_it_and_not_before(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(20))
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=timezone.now() - timedelta(hours=9))
    client = log_in("viewer")
    page = text_of(client.get(f"/campaigns/{campaign.pk}/"))
    assert "and not one open" in page
    # Something else moved: the notice stays as it is.
    assert "until-opened" not in text_of(client.get(f"/campaigns/{campaign.pk}/live"))
    CampaignCounts.objects.filter(campaign=campaign).update(opens=1, unique_opens=1)
    live.campaigns.clear()
    fragment = text_of(client.get(f"/campaigns/{campaign.pk}/live"))
    assert '<div id="live-until-opened" hx-swap-oob="true"> </div>' in fragment


@pytest.mark.django_db
def test_a_draft_shows_its_next_steps_and_nothing_that_is_not_there_yet(log_in: LogIn) -> None:
    client = log_in("marketer")
    draft = Campaign.objects.create(name="Draft")
    text = text_of(client.get(f"/campaigns/{draft.pk}/"))
    assert "To the first open" in text
    headings = re.findall(r"<h2[^>]*>(.*?) ?<", text)
    assert headings == ["To the first open"]
    for part in ("live.js", *(f'id="{name}"' for name in ("rate", "people", "funnel", "live"))):
        assert part not in text, part


@pytest.mark.django_db
def test_each_part_appears_as_soon_as_it_has_something_to_show(log_in: LogIn) -> None:
    client = log_in("marketer")
    ready = make_campaign(*emails(3), is_sent=False)
    text = text_of(client.get(f"/campaigns/{ready.pk}/"))
    assert "Mark as sent" in text, "what the next step leads to"
    assert 'id="people"' in text
    assert 'id="live-figures"' not in text
    assert "Live: the figures" not in text.split("data-opened")[0]
    assert "The first open appears here by itself." in text
    sent = make_campaign(*emails(3))
    text = text_of(client.get(f"/campaigns/{sent.pk}/"))
    assert 'id="live-figures"' in text
    assert "data-when-opened hidden" in text
    assert "breakdowns" not in re.findall(r'<section id="([^"]+)"', text)
    CampaignCounts.objects.filter(campaign=sent).update(opens=1, unique_opens=1)
    text = text_of(client.get(f"/campaigns/{sent.pk}/"))
    assert "data-when-opened hidden" not in text
    assert "breakdowns" in re.findall(r'<section id="([^"]+)"', text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", ["opens", "unique_human_opens", "bounces", "sent", "recipients", "bot_opens"]
)
def test_whatever_the_report_shows_is_in_its_version(change: str, log_in: LogIn) -> None:
    campaign = counted()
    client = log_in("viewer")
    before = client.get(f"/campaigns/{campaign.pk}/").context["version"]
    CampaignCounts.objects.filter(campaign=campaign).update(**{change: 7})
    assert client.get(f"/campaigns/{campaign.pk}/").context["version"] != before


def test_a_hundred_who_ask_at_once_are_one_question() -> None:
    asked = []
    shared: Shared[int, int] = Shared(seconds=60, most=5)
    barrier = threading.Barrier(20)

    def make() -> int:
        asked.append(1)
        return 42

    found: list[int] = []

    def ask() -> None:
        barrier.wait()
        found.extend(shared.get(1, make) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(asked), found) == (1, [42] * 100)


def test_an_answer_is_shared_for_its_time_and_no_longer() -> None:
    now = [0.0]
    shared: Shared[int, float] = Shared(seconds=2, most=2, clock=lambda: now[0])
    assert shared.get(1, lambda: now[0]) == 0
    now[0] = 1.9
    assert shared.get(1, lambda: now[0]) == 0
    now[0] = 2.0
    assert shared.get(1, lambda: now[0]) == 2
    # The oldest makes room.
    for key in (2, 3):
        shared.get(key, lambda: now[0])
    now[0] = 2.5
    assert shared.get(1, lambda: now[0]) == 2.5


def test_a_question_that_failed_is_asked_again() -> None:
    shared: Shared[int, int] = Shared(seconds=60, most=5)

    def fail() -> int:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        shared.get(1, fail)
    assert shared.get(1, lambda: 1) == 1
