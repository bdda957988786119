"""What the pages say of people, machines and what nobody can know."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_writer import AGENTS
from tracker.models import CampaignCounts, Open, Ruling
from tracker.recount import verify
from tracker.reports.comparison import comparison_of
from tracker.reports.figures import figures_of
from tracker.writer import write_hits

LogIn = Callable[[str], Client]


def counted(**numbers: int) -> Campaign:
    """A campaign with these counts, as many opens as unique opens."""
    campaign = make_campaign()
    values = {"recipients": numbers["sent"], **numbers}
    CampaignCounts.objects.filter(campaign=campaign).update(**values)
    return Campaign.objects.select_related("counts").get(pk=campaign.pk)


def check_campaign() -> Campaign:
    return counted(
        sent=1020,
        bounces=20,
        opens=530,
        unique_opens=530,
        unique_human_opens=180,
        unique_prefetch_opens=300,
        unique_unknown_opens=10,
    )


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("\u202f", "").split())


@pytest.mark.django_db
def test_the_report_leads_with_what_is_certain_and_ends_with_what_is_possible(
    log_in: LogIn,
) -> None:
    text = text_of(log_in("viewer").get(f"/campaigns/{check_campaign().pk}/"))
    assert '<p class="answer">18.0%</p>' in text
    assert "180 of 1,000</a> people opened" in text
    assert "<strong>25.7%</strong></a> did, at most" in text
    assert "49.0%</a>." in text
    assert "53.0%" in text, "the raw rate stands beside it"
    assert "64.2%" in text, "and what share machines have"
    assert "never proof of not read" in text


@pytest.mark.django_db
def test_each_figure_leads_to_its_formula_with_this_campaigns_numbers(log_in: LogIn) -> None:
    campaign = check_campaign()
    client = log_in("viewer")
    report = text_of(client.get(f"/campaigns/{campaign.pk}/"))
    page = text_of(client.get(f"/campaigns/{campaign.pk}/figures/"))
    for figure in figures_of(campaign.counts):
        assert f"/campaigns/{campaign.pk}/figures/#{figure.id}" in report
        assert f'id="{figure.id}"' in page
    assert "<span>H / (D − V)</span> = <span>180 / 700</span> = <strong>25.7%</strong>" in page


@pytest.mark.django_db
def test_the_list_and_its_csv_show_the_range(log_in: LogIn) -> None:
    check_campaign()
    client = log_in("viewer")
    text = text_of(client.get("/campaigns/"))
    assert "<strong>18.0%</strong>" in text
    assert "at most 49.0%, estimated 25.7%" in text
    assert "raw 53.0%, machines 64.2%" in text
    answer: Any = client.get("/campaigns/campaigns.csv")
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(content))
    assert (row["human_open_rate"], row["possible_open_rate"]) == ("0.18", "0.49")
    assert (
        float(row["estimated_open_rate_low"]) < 180 / 700 < float(row["estimated_open_rate_high"])
    )
    assert row["unknown_opens"] == "0"


@pytest.mark.django_db
def test_without_any_open_no_page_claims_a_rate(log_in: LogIn) -> None:
    campaign = counted(sent=50, bounces=2)
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=timezone.now() - timedelta(hours=1))
    client = log_in("marketer")
    page = text_of(client.get(f"/campaigns/{campaign.pk}/")).split('id="funnel"')[0]
    assert '<p class="answer">–</p>' in page
    assert "No open has come yet of the 48 people delivered to" in page
    figures = text_of(client.get(f"/campaigns/{campaign.pk}/figures/"))
    assert "<strong>–</strong></p> <p>No open has come yet, so nothing can be said." in figures
    overview = text_of(client.get("/campaigns/"))
    assert "no open yet" in overview
    admin = text_of(client.get("/admin/campaigns/campaign/"))
    for text in (page, figures, overview, admin):
        for claim in ("at most", "Probably about", ">0.0%", "interval: 0"):
            assert claim not in text, claim


@pytest.mark.django_db
def test_a_machines_open_alone_is_enough_to_speak_of_a_rate(log_in: LogIn) -> None:
    campaign = counted(sent=48, opens=1, unique_opens=1)
    text = text_of(log_in("viewer").get(f"/campaigns/{campaign.pk}/"))
    assert '<p class="answer">0.0%</p>' in text
    assert "of 48</a> people opened." in text
    # It is certain as far as anyone can know: there is nothing to estimate.
    assert "Probably about" not in text


@pytest.mark.django_db
def test_without_any_open_programs_get_numbers_and_people_a_dash() -> None:
    campaign = counted(sent=48)
    out = StringIO()
    call_command("report", str(campaign.pk), "--json", stdout=out)
    assert json.loads(out.getvalue())["human_open_rate"] == 0
    out = StringIO()
    call_command("report", str(campaign.pk), stdout=out)
    shown = dict(line.rsplit(maxsplit=1) for line in out.getvalue().splitlines()[3:])
    assert {shown[name] for name in ("human open rate", "estimated open rate")} == {"–"}
    assert shown["possible open rate"] == shown["estimated open rate interval"] == "–"


@pytest.mark.django_db
def test_the_report_for_programs_has_the_glossarys_keys() -> None:
    out = StringIO()
    call_command("report", str(check_campaign().pk), "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["unique_human_opens"], report["human_open_rate"]) == (180, 0.18)
    assert report["estimated_open_rate"] == pytest.approx(180 / 700)
    low, high = report["estimated_open_rate_interval"]
    assert 0.22 < low < 180 / 700 < high < 0.30
    assert report["possible_open_rate"] == 0.49
    assert report["machine_open_share"] == pytest.approx(340 / 530)
    assert set(report["by_verdict"]) == set(AGENTS)


@pytest.mark.django_db
def test_two_campaigns_that_differ_are_told_apart_and_two_that_may_not_are_not(
    log_in: LogIn,
) -> None:
    good = counted(sent=5000, opens=1500, unique_opens=1500, unique_human_opens=1500)
    less = counted(sent=5000, opens=1300, unique_opens=1300, unique_human_opens=1300)
    same = counted(sent=5000, opens=1290, unique_opens=1290, unique_human_opens=1290)
    few = counted(sent=20, opens=5, unique_opens=5, unique_human_opens=5)
    higher = f"The rate of “{good.name}” is higher than the rate of “{less.name}”"
    assert comparison_of([good, less]).sentences == [f"{higher} (difference 2.2 to 5.8 points)."]
    assert comparison_of([less, good]).sentences == [f"{higher} (difference 2.2 to 5.8 points)."]
    (sentence,) = comparison_of([less, same]).sentences
    assert sentence is not None
    assert "could be chance" in sentence
    (sentence,) = comparison_of([good, few]).sentences
    assert sentence is not None
    assert "cannot be compared yet" in sentence
    page = text_of(log_in("viewer").get(f"/campaigns/compare/?with={good.pk}&with={less.pk}"))
    assert "difference 2.2 to 5.8 points" in page
    assert log_in("viewer").get("/campaigns/compare/?with=x&with=99999999").status_code == 200


@pytest.fixture
def opened(real_db: None) -> Campaign:
    """Two recipients; the first was opened by a bot."""
    campaign = make_campaign(*emails(2))
    write_hits([make_hit(pixels_of(campaign)[0].pk, ip="192.0.2.7", user_agent=AGENTS["bot"])])
    return campaign


def test_a_recipients_page_says_why_each_open_counts_as_it_does(
    opened: Campaign, log_in: LogIn
) -> None:
    one, other = pixels_of(opened)
    text = text_of(log_in("viewer").get(f"/campaigns/{opened.pk}/recipients/{one.pk}/"))
    assert "curl/8.5.0" in text
    assert "192.0.2.7" in text
    assert "scanner or bot" in text
    assert "certain" in text
    assert "Decide yourself" not in text
    text = text_of(log_in("viewer").get(f"/campaigns/{opened.pk}/recipients/{other.pk}/"))
    assert "no proof that the mail was not read" in text
    other_campaign = make_campaign("x@example.com")
    wrong = f"/campaigns/{other_campaign.pk}/recipients/{one.pk}/"
    assert log_in("viewer").get(wrong).status_code == 404


@pytest.mark.parametrize(
    ("about", "named"),
    [
        ("open", "open "),
        ("address", "192.0.2.7/32"),
        ("network", "192.0.2.0/24"),
        ("agent", "curl"),
    ],
)
def test_a_marketer_decides_otherwise_and_takes_it_back(
    about: str, named: str, opened: Campaign, log_in: LogIn
) -> None:
    (pixel, _) = pixels_of(opened)
    url = f"/campaigns/{opened.pk}/recipients/{pixel.pk}/"
    form = {"open": Open.objects.get().pk, "verdict": "human_client", "about": about, "note": "me"}
    assert log_in("viewer").post(url, form).status_code == 403
    client = log_in("marketer")
    assert client.post(url, form).status_code == 302
    ruling = Ruling.objects.get()
    assert str(ruling).startswith(named)
    assert ruling.set_by is not None
    assert ruling.set_by.get_username() == "mara"
    assert counts_of(opened).unique_human_opens == 1
    assert verify().drift == 0
    text = text_of(client.get(url))
    assert "Decided by mara" in text
    assert "“me”" in text
    delete = f"{url}rulings/{ruling.pk}/delete"
    assert log_in("viewer").post(delete).status_code == 403
    assert client.get(delete).status_code == 405
    client.post(delete)
    assert counts_of(opened).unique_human_opens == 0
    assert verify().drift == 0


def test_a_decision_about_somebody_elses_open_or_without_sense_is_refused(
    opened: Campaign, log_in: LogIn
) -> None:
    _, other = pixels_of(opened)
    url = f"/campaigns/{opened.pk}/recipients/{other.pk}/"
    form = {"open": Open.objects.get().pk, "verdict": "human_client", "about": "open"}
    answer = log_in("marketer").post(url, form)
    assert "Nothing was decided" in text_of(answer)
    assert not Ruling.objects.exists()


def test_a_recipients_page_takes_the_same_few_queries_whatever_the_number_of_opens(
    opened: Campaign, log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    pixel, _ = pixels_of(opened)
    write_hits([make_hit(pixel.pk, user_agent=f"Agent/{n}") for n in range(30)])
    client = log_in("viewer")
    with django_assert_max_num_queries(12):
        client.get(f"/campaigns/{opened.pk}/recipients/{pixel.pk}/")


@pytest.mark.usefixtures("real_db")
def test_who_opens_both_anonymously_and_not_never_makes_more_people_than_there_are(
    log_in: LogIn,
) -> None:
    campaign = make_campaign(*emails(3))
    hits = [make_hit(one.pk) for one in pixels_of(campaign)]
    write_hits([*hits, *(make_hit(hit.pixel_id)._replace(is_anonymous=True) for hit in hits[:2])])
    client = log_in("viewer")
    text = text_of(client.get(f"/campaigns/{campaign.pk}/"))
    assert '<p class="answer">100.0%</p>' in text
    assert "3 of 3</a> people opened" in text
    assert "There are 5, and 3 who may be tracked: all rates end at 100 %." in text
    assert "Somebody counts twice" in text
    figures = text_of(client.get(f"/campaigns/{campaign.pk}/figures/"))
    assert "Somebody counts twice" in figures
    assert "3 / 3" in figures


@pytest.mark.django_db
def test_more_openers_than_marked_as_sent_are_put_down_to_the_marking(log_in: LogIn) -> None:
    campaign = counted(recipients=5, sent=2, opens=3, unique_opens=3, unique_human_opens=3)
    text = text_of(log_in("viewer").get(f"/campaigns/{campaign.pk}/"))
    assert "2 of 2</a> people opened" in text
    assert "mark the campaign as sent" in text
    assert "Somebody counts twice" not in text
