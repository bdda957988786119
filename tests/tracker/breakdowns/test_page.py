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
from tests.tracker.breakdowns.test_adding_up import IPHONE
from tests.tracker.consent.test_choices import decide
from tests.tracker.test_honest_pages import text_of
from tracker.breakdowns import refresh as refreshing
from tracker.breakdowns.refresh import refresh
from tracker.models import Breakdown, Breakdowns
from tracker.rates import wilson_interval
from tracker.reports.breakdowns import breakdown_page
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

LogIn = Callable[[str], Client]
KINDS = Breakdown.Kind.values


def sent(days_ago: float, *addresses: str, openers: int) -> Campaign:
    campaign = make_campaign(*addresses)
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)[:openers]])
    Campaign.objects.filter(pk=campaign.pk).update(
        sent_at=timezone.now() - timedelta(days=days_ago)
    )
    campaign.refresh_from_db()
    return campaign


@pytest.fixture
def fallen() -> Campaign:
    """Outlook.com opened 40 % before, and 5 % of this one; Gmail as before."""
    outlook, gmail = emails(60, "hotmail.com"), emails(60, "gmail.com")
    refresh(sent(10, *outlook, *gmail, openers=24))
    campaign = make_campaign(*outlook, *gmail)
    pixels = pixels_of(campaign)
    write_hits([make_hit(pixel.pk, user_agent=IPHONE) for pixel in [*pixels[:3], *pixels[60:66]]])
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=timezone.now() - timedelta(days=2))
    campaign.refresh_from_db()
    return campaign


def test_the_page_warns_of_the_provider_that_fell_and_of_no_other(
    fallen: Campaign, log_in: LogIn
) -> None:
    text = text_of(log_in("viewer").get(f"/campaigns/{fallen.pk}/"))
    assert (
        "Outlook.com: 5.0% of 60 people opened, against 40.0% in the campaign before. "
        "The mail probably lies in the spam folder there."
    ) in text
    assert text.count("far below its usual") == 1
    assert text.count("spam folder") == 2
    assert text.index("Outlook.com: 5.0%") < text.index('id="funnel"'), "right under the answer"


def test_the_overview_warns_in_the_campaigns_row_and_leads_to_the_provider(
    fallen: Campaign, log_in: LogIn
) -> None:
    refresh(fallen)
    text = text_of(log_in("viewer").get("/campaigns/"))
    link = f'href="/campaigns/{fallen.pk}/#by-provider">Outlook.com: probably in the spam folder<'
    assert link in text
    assert text.count("spam folder") == 1


def test_a_provider_whose_readers_have_become_anonymous_or_are_off_is_not_warned_of(
    log_in: LogIn,
) -> None:
    """Their opens are linked to no provider any more, so neither are they below its rate."""
    addresses = emails(200, "hotmail.com")
    refresh(sent(10, *addresses, openers=80))
    campaign = sent(2, *addresses, openers=80)
    for number, pixel in enumerate(pixels_of(campaign)):
        if number < 60 or number >= 110:
            decide(pixel, "anonymous" if number % 2 else "off")
    text = text_of(log_in("viewer").get(f"/campaigns/{campaign.pk}/"))
    assert "40.0%</strong>" in text, "20 of the 50 whose opens are linked to them"
    assert "spam folder" not in text


def test_nobody_is_warned_within_a_day(fallen: Campaign, log_in: LogIn) -> None:
    Campaign.objects.filter(pk=fallen.pk).update(sent_at=timezone.now() - timedelta(hours=23))
    text = text_of(log_in("viewer").get(f"/campaigns/{fallen.pk}/"))
    assert "spam folder" not in text
    assert "Usual" not in text


def test_each_table_shows_rates_denominators_and_intervals(fallen: Campaign, log_in: LogIn) -> None:
    page = breakdown_page(fallen, counts_of(fallen))
    assert page is not None
    lines = {line.label: line for line in page.providers.lines}
    assert list(lines) == ["Gmail", "Outlook.com"]
    assert (lines["Gmail"].people, lines["Gmail"].whole, lines["Gmail"].rate) == (6, 60, 0.1)
    assert lines["Gmail"].interval == wilson_interval(6, 60)
    low, high = wilson_interval(3, 60)
    text = text_of(log_in("viewer").get(f"/campaigns/{fallen.pk}/"))
    assert f"{100 * low:.1f}% to {100 * high:.1f}%" in text
    for label in ("Apple Mail", "iOS and iPadOS", "Phone"):
        assert f"<bdi>{label}</bdi>" in text
    assert "Of the 9 people who opened, by what each opened with last." in text


@pytest.mark.parametrize("kind", KINDS)
def test_each_table_has_a_link_of_its_own_and_its_csv(
    kind: str, fallen: Campaign, log_in: LogIn
) -> None:
    client = log_in("viewer")
    url = f"/campaigns/{fallen.pk}/breakdowns/{kind}.csv"
    text = text_of(client.get(f"/campaigns/{fallen.pk}/"))
    assert f'href="{url}"' in text
    assert f'href="#by-{kind}"' in text
    assert f'id="by-{kind}"' in text
    answer: Any = client.get(url)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert sum(int(row["unique_human_opens"]) for row in rows) == 9
    if kind == "provider":
        assert [row["provider"] for row in rows] == ["Gmail", "Outlook.com"]
        assert [row["is_far_below_usual"] for row in rows] == ["False", "True"]
        assert float(rows[1]["human_open_rate_low"]) < 0.05 < float(rows[1]["human_open_rate_high"])
    else:
        assert [row["share"] for row in rows] == ["1.0", "0.0"], "what is unknown is always said"


def test_a_csv_needs_the_right_to_read_and_a_kind_that_there_is(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(3), is_sent=False)
    url = f"/campaigns/{campaign.pk}/breakdowns/provider.csv"
    assert Client().get(url).status_code == 302
    assert log_in("nobody").get(url).status_code == 403
    client = log_in("viewer")
    assert client.post(url).status_code == 405
    assert client.get(f"/campaigns/{campaign.pk}/breakdowns/weather.csv").status_code == 404
    assert client.get("/campaigns/999999/breakdowns/provider.csv").status_code == 404
    answer: Any = client.get(url)
    (header,) = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    assert header[0] == "provider"


def test_a_domain_that_a_spreadsheet_would_run_is_made_harmless(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(5, "=cmd.example"))
    answer: Any = log_in("viewer").get(f"/campaigns/{campaign.pk}/breakdowns/provider.csv")
    assert b"'=cmd.example" in b"".join(answer.streaming_content)


def test_a_campaign_that_is_not_sent_has_no_breakdown(log_in: LogIn) -> None:
    client = log_in("viewer")
    for campaign in (make_campaign(*emails(3), is_sent=False), make_campaign()):
        assert b'id="breakdowns"' not in client.get(f"/campaigns/{campaign.pk}/").content


def test_a_campaign_that_only_machines_opened_says_so(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(6))
    write_hits([make_hit(pixels_of(campaign)[0].pk, user_agent="curl/8.5.0")])
    text = text_of(log_in("viewer").get(f"/campaigns/{campaign.pk}/"))
    assert text.count("Nobody has opened so far, as far as anyone can know.") >= 3
    assert "<bdi>example.com</bdi>" in text


def test_opens_of_what_was_not_sent_give_no_rate(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(6), is_sent=False)
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)])
    text = text_of(log_in("viewer").get(f"/campaigns/{campaign.pk}/"))
    assert 'data-label="95 % interval">–<' in text


def test_a_large_campaign_waits_for_the_schedule_and_then_says_of_when_its_sums_are(
    fallen: Campaign, log_in: LogIn, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(refreshing, "SMALL", 10)
    client = log_in("viewer")
    url = f"/campaigns/{fallen.pk}/"
    assert "are being added up" in text_of(client.get(url))
    assert not Breakdown.objects.filter(campaign=fallen).exists()
    refresh(fallen)
    assert "As of" not in text_of(client.get(url))
    write_hits([make_hit(pixels_of(fallen)[0].pk)])
    Breakdowns.objects.filter(campaign=fallen).update(
        computed_at=timezone.now().replace(hour=12, minute=3)
    )
    text = text_of(client.get(url))
    assert ">12:03</time>" in text
    assert "what came since is added soon" in text
    totals = counts_of(fallen)
    campaign = Campaign.objects.select_related("breakdowns", "end_marks").get(pk=fallen.pk)
    with django_assert_num_queries(2):
        breakdown_page(campaign, totals)
    monkeypatch.undo()
    with django_assert_num_queries(3):
        page = breakdown_page(campaign, totals)
    assert page is not None
    assert page.as_of is None


def test_the_report_for_programs_has_the_breakdowns_and_the_warnings(fallen: Campaign) -> None:
    out = StringIO()
    call_command("report", str(fallen.pk), "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert [line["provider"] for line in report["by_provider"]] == ["Gmail", "Outlook.com"]
    assert report["by_provider"][1]["human_open_rate"] == 0.05
    assert report["by_provider"][1]["usual_human_open_rate"] == 0.4
    assert report["by_provider"][1]["human_open_rate_interval"] == list(wilson_interval(3, 60))
    client, unknown = report["by_client"]
    assert (unknown["client"], unknown["unique_human_opens"]) == ("Unknown", 0)
    assert (client["client"], client["unique_human_opens"], client["share"]) == ("Apple Mail", 9, 1)
    assert report["by_operating_system"][0]["operating_system"] == "iOS and iPadOS"
    assert report["by_device"][0]["device"] == "Phone"
    (warning,) = report["provider_warnings"]
    assert warning["provider"] == "Outlook.com"
    assert warning["sentence"].startswith("Outlook.com: 5.0\u202f% of 60 people opened")
    assert report["breakdowns_computed_at"]
    call_command("report", str(fallen.pk), stdout=(out := StringIO()))
    assert "Gmail 6 (10.0\u202f%); Outlook.com 3 (5.0\u202f%)" in out.getvalue()
    assert "The mail probably lies in the spam folder there." in out.getvalue()
    empty = make_campaign()
    call_command("report", str(empty.pk), "--json", stdout=(out := StringIO()))
    assert json.loads(out.getvalue())["by_provider"] == []
