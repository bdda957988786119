"""The clip rate: of the copies that people opened, whose end was not loaded."""

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
from tests.tracker.breakdowns.test_refresh import due_later, read
from tests.tracker.consent.test_choices import decide
from tests.tracker.test_end_marks import GOOGLEBOT, end_hit, marked_campaign
from tests.tracker.test_honest_pages import text_of
from tracker.breakdowns import refresh as refreshing
from tracker.breakdowns.adding_up import breakdowns_of
from tracker.breakdowns.refresh import refresh, up_to_date
from tracker.judging.again import JudgeAgain
from tracker.models import Breakdowns, EndLoad, Open, Ruling
from tracker.rates import clip_rate
from tracker.sharing.report import shared_figures_of
from tracker.sharing.rows import shared_rows
from tracker.verdicts import Verdict
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

LogIn = Callable[[str], Client]


@pytest.fixture
def campaign() -> Campaign:
    """Of 8 openers at Gmail 2 have loaded the end, of 7 elsewhere 6, and two who opened nothing."""
    campaign = marked_campaign(*emails(10, "gmail.com"), *emails(10, "company.example"))
    pixels = pixels_of(campaign)
    gmail, company = pixels[:10], pixels[10:]
    write_hits([make_hit(pixel.pk) for pixel in (*gmail[:8], *company[:7])])
    write_hits([end_hit(pixel.pk) for pixel in (*gmail[:2], *company[:6], company[9])])
    write_hits([make_hit(company[8].pk, user_agent=GOOGLEBOT), end_hit(company[8].pk)])
    return campaign


def report_of(campaign: Campaign) -> dict[str, Any]:
    out = StringIO()
    call_command("report", str(campaign.pk), "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def page_of(campaign: Campaign, log_in: LogIn, path: str = "") -> str:
    return text_of(log_in("viewer").get(f"/campaigns/{campaign.pk}/{path}"))


def test_a_clip_rate_is_the_share_of_ends_that_were_not_loaded_and_none_of_few() -> None:
    assert clip_rate(100, 88) == 0.12
    assert clip_rate(5, 5) == 0
    assert clip_rate(4, 0) is None
    assert clip_rate(0, 0) is None


def test_the_report_says_it_of_all_and_of_each_provider_with_the_numbers(
    campaign: Campaign, log_in: LogIn
) -> None:
    text = page_of(campaign, log_in)
    assert "In 46.7% of the copies that people opened the end was not loaded." in text
    assert "That is 7 of 15;" in text
    card = text[text.index('id="clipping"') :]
    card = card[: card.index("</section>")]
    assert "75.0%" in card
    assert "14.3%" in card
    assert card.index("Gmail") < card.index("company.example")
    assert "is not among them" not in card


def test_the_json_has_it_as_fractions(campaign: Campaign) -> None:
    report = report_of(campaign)
    assert (report["end_loads"], report["clip_rate"]) == (8, 7 / 15)
    assert report["clip_rate_interval"][0] < 7 / 15 < report["clip_rate_interval"][1]
    rates = {one["provider"]: (one["end_loads"], one["clip_rate"]) for one in report["by_provider"]}
    assert rates == {"Gmail": (2, 0.75), "company.example": (6, 1 / 7)}
    out = StringIO()
    call_command("report", str(campaign.pk), stdout=out)
    (line,) = [line for line in out.getvalue().splitlines() if line.startswith("clip rate  ")]
    assert line.split()[2].startswith("46.7")


def test_the_csv_by_provider_has_it(campaign: Campaign, log_in: LogIn) -> None:
    url = f"/campaigns/{campaign.pk}/breakdowns/provider.csv"
    answer: Any = log_in("viewer").get(url)
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [(row["end_loads"], row["clip_rate"]) for row in rows] == [
        ("2", "0.75"),
        ("6", str(1 / 7)),
    ]
    assert list(rows[0])[-2:] == ["end_loads", "clip_rate"]


def test_the_page_of_figures_says_how_it_is_made(campaign: Campaign, log_in: LogIn) -> None:
    text = page_of(campaign, log_in, "figures/")
    figure = text[text.index('id="clip-rate"') :]
    assert "7 / 15" in figure
    assert "46.7%" in figure
    assert "closed early" in figure


def test_a_campaign_without_end_marks_says_nothing_of_them(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(9))
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)])
    report = report_of(campaign)
    assert (report["end_loads"], report["clip_rate"]) == (None, None)
    assert [one["clip_rate"] for one in report["by_provider"]] == [None]
    assert "clipping" not in page_of(campaign, log_in)
    assert "clip-rate" not in page_of(campaign, log_in, "figures/")


def test_of_fewer_than_five_openers_there_is_none(log_in: LogIn) -> None:
    campaign = marked_campaign(*emails(20))
    pixels = pixels_of(campaign)
    write_hits([make_hit(pixel.pk) for pixel in pixels[:4]])
    write_hits([end_hit(pixel.pk) for pixel in pixels])
    report = report_of(campaign)
    assert (report["end_loads"], report["clip_rate"]) == (None, None)
    told = [(one["end_loads"], one["clip_rate"]) for one in report["by_provider"]]
    assert told == [(None, None)]
    assert "there is no clip rate yet" in page_of(campaign, log_in)
    assert "Fewer than 5 people have opened." in page_of(campaign, log_in, "figures/")
    write_hits([make_hit(pixels[4].pk)])
    assert report_of(campaign)["clip_rate"] == 0


def test_whoever_is_anonymous_is_above_and_below_no_clip_rate(
    campaign: Campaign, log_in: LogIn
) -> None:
    gmail = pixels_of(campaign)[:10]
    # One whose end was loaded, and one whose was not.
    for pixel in (gmail[0], gmail[7]):
        decide(pixel, "anonymous")
    report = report_of(campaign)
    assert report["clip_rate"] == 6 / 13
    assert "is not among them" in page_of(campaign, log_in)


def test_an_opener_who_was_no_person_after_all_counts_no_longer(campaign: Campaign) -> None:
    pixel = pixels_of(campaign)[7]
    Ruling.objects.create(open=Open.objects.get(pixel=pixel), verdict=Verdict.BOT.number)
    JudgeAgain().pixels([pixel.pk])
    assert report_of(campaign)["clip_rate"] == 6 / 14


def test_an_end_load_alone_makes_stored_sums_old(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    refresh(campaign)
    assert due_later() == []
    write_hits([end_hit(pixels_of(campaign)[7].pk)])
    assert due_later() == [campaign]
    monkeypatch.setattr(refreshing, "SMALL", 5)
    found = read(campaign)
    with django_assert_num_queries(1):
        _, is_fresh, rows = up_to_date(found, found.counts)
    assert not is_fresh
    assert sum(row.end_loads for row in rows) == 8
    refresh(campaign)
    found = read(campaign)
    _, is_fresh, rows = up_to_date(found, found.counts)
    assert is_fresh
    assert sum(row.end_loads for row in rows) == 9
    # The same again is nothing new.
    write_hits([end_hit(pixels_of(campaign)[7].pk)])
    assert due_later() == []


def test_end_loads_that_come_while_it_is_added_up_are_seen_by_the_next(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = breakdowns_of

    def load_meanwhile(campaign: Campaign) -> Any:
        rows = real(campaign)
        write_hits([end_hit(pixels_of(campaign)[7].pk)])
        return rows

    monkeypatch.setattr(refreshing, "breakdowns_of", load_meanwhile)
    refresh(campaign)
    assert due_later() == [campaign]


def test_a_large_campaign_says_of_when_its_clip_rate_is(
    campaign: Campaign, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "SMALL", 5)
    refresh(campaign)
    Breakdowns.objects.update(computed_at=timezone.now() - timedelta(days=2))
    write_hits([end_hit(pixels_of(campaign)[7].pk)])
    text = page_of(campaign, log_in)
    card = text[text.index('id="clipping"') :]
    assert "That is 7 of 15;" in card
    assert "As of" in card[: card.index("</section>")]


def test_shared_reports_tell_nothing_of_it(campaign: Campaign) -> None:
    figures = shared_figures_of(campaign, at=timezone.now())
    assert not [row for row in shared_rows(figures) if "clip" in str(row) or "end" in row[1]]


def test_only_the_counts_of_opens_are_recounted_and_end_loads_are_no_part_of_them(
    campaign: Campaign,
) -> None:
    assert counts_of(campaign).opens == 16
    EndLoad.objects.all().delete()
    call_command("verify_counts", stdout=StringIO())
