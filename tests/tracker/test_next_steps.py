from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.mailcheck.cases import html
from tracker.pixels import ensure_test_pixel, mark_bounced, mark_sent
from tracker.reports.mail_check import check_for, keep_word
from tracker.reports.next_steps import first_steps, next_steps
from tracker.reports.silence import Facts, Reason, reasons_for, silence_of
from tracker.reports.totals import totals_of
from tracker.snippets import snippet
from tracker.spool import Spool
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
PUBLIC = "https://t.example.com"


def states(campaign: Campaign) -> str:
    """The first letter of each step's state: done, now, later, passed."""
    fresh = Campaign.objects.get(pk=campaign.pk)
    return "".join(step.state.value[0] for step in next_steps(fresh, totals_of(fresh)))


def check_it(campaign: Campaign, user: Any, settings: Any) -> None:
    settings.PUBLIC_URL = PUBLIC
    mail = html(snippet(pixels_of(campaign)[0].pk)).encode()
    keep_word(campaign, check_for(campaign, mail), user.pk)


def page_of(campaign: Campaign, log_in: LogIn) -> str:
    answer = log_in("marketer").get(campaign.get_absolute_url())
    return " ".join(answer.content.decode().split())


@pytest.mark.usefixtures("real_db")
def test_each_step_is_done_when_the_data_say_so(people: Any, settings: Any) -> None:
    campaign = make_campaign()
    assert states(campaign) == "dnlllll"
    campaign = make_campaign("ann@example.com", is_sent=False)
    assert states(campaign) == "ddnllll"
    write_hits([make_hit(ensure_test_pixel(campaign).pk)])
    assert states(campaign) == "ddddnll"
    check_it(campaign, people["marketer"], settings)
    assert states(campaign) == "dddddnl"
    mark_sent(campaign, at=timezone.now())
    assert states(campaign) == "ddddddn"
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    assert states(campaign) == ""


@pytest.mark.django_db
def test_steps_that_were_left_out_are_said_so(people: Any, settings: Any) -> None:
    assert states(make_campaign("ann@example.com")) == "dddppdn"
    campaign = make_campaign("bea@example.com", is_sent=False)
    check_it(campaign, people["marketer"], settings)
    assert states(campaign) == "dddpdnl"


@pytest.mark.django_db
def test_a_check_that_found_a_fault_is_told_and_not_done_before_the_mail_is_sent(
    people: Any, log_in: LogIn
) -> None:
    campaign = make_campaign("ann@example.com", is_sent=False)
    keep_word(campaign, check_for(campaign, b"<p>"), people["marketer"].pk)
    assert states(campaign) == "ddnllll"
    assert "Checked; it said: 2 things to mend before you send." in page_of(campaign, log_in)
    # It was checked all the same, and sent.
    mark_sent(campaign, at=timezone.now())
    assert states(campaign) == "dddpddn"
    assert "left out" in page_of(campaign, log_in)


def test_an_installation_without_campaign_begins_with_one() -> None:
    steps = first_steps()
    assert "".join(step.state.value[0] for step in steps) == "nllllll"
    assert [bool(step.url) for step in steps] == [True] + [False] * 6


@pytest.mark.django_db
def test_the_steps_take_two_queries_and_none_once_there_is_an_open(
    django_assert_max_num_queries: Any,
) -> None:
    campaign = make_campaign("ann@example.com")
    campaign = Campaign.objects.select_related("counts").get(pk=campaign.pk)
    next_steps(campaign, totals_of(campaign))  # the content type is remembered
    with django_assert_max_num_queries(2):
        next_steps(campaign, totals_of(campaign))
    campaign.counts.opens = 1
    with django_assert_max_num_queries(0):
        assert next_steps(campaign, totals_of(campaign)) == []


@pytest.mark.django_db
def test_the_empty_list_leads_the_marketer_and_tells_the_viewer(log_in: LogIn) -> None:
    text = log_in("marketer").get("/campaigns/").content.decode()
    assert "Create the first campaign" in text
    assert text.count('<li class="next-step ') == 7
    text = log_in("viewer").get("/campaigns/").content.decode()
    assert "Create the first campaign" not in text
    assert "A colleague imports the list" in text
    assert "/admin/campaigns/campaign/add/" not in text


@pytest.mark.django_db
def test_the_report_of_a_new_campaign_leads_on_and_links_for_managers_only(log_in: LogIn) -> None:
    campaign = make_campaign("ann@example.com", is_sent=False)
    text = log_in("marketer").get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "Take the snippets</a>" in text
    assert f"/campaigns/{campaign.pk}/check/" in text
    text = log_in("viewer").get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "To the first open" in text
    assert f"/campaigns/{campaign.pk}/check/" not in text
    assert f"/campaigns/{campaign.pk}/snippets/" not in text


@pytest.mark.usefixtures("real_db")
def test_the_steps_vanish_with_the_first_open(log_in: LogIn) -> None:
    campaign = make_campaign("ann@example.com")
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    text = log_in("marketer").get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "next-step" not in text


def sent(hours: float, count: int = 10, domain: str = "example.com") -> Campaign:
    campaign = make_campaign(*emails(count, domain), is_sent=False)
    mark_sent(campaign, at=timezone.now() - timedelta(hours=hours))
    return Campaign.objects.select_related("counts").get(pk=campaign.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("hours", "count", "is_silent"),
    [(2.9, 10, False), (3.1, 10, True), (3.1, 9, False), (500, 10, True)],
)
def test_silence_is_wondered_at_after_three_hours_and_from_ten_recipients(
    hours: float, count: int, is_silent: bool
) -> None:
    campaign = sent(hours, count)
    silence = silence_of(campaign, totals_of(campaign))
    assert (silence is not None) == is_silent
    said = {3.1: "Sent 3 hours ago", 500: "Sent 20 days ago"}
    assert silence is None or silence.headline == f"{said[hours]}, and not one open"


@pytest.mark.usefixtures("real_db")
def test_one_open_ends_the_silence_and_a_test_open_does_not() -> None:
    campaign = sent(5)
    write_hits([make_hit(ensure_test_pixel(campaign).pk)])
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert silence_of(campaign, totals_of(campaign)) is not None
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert silence_of(campaign, totals_of(campaign)) is None


@pytest.mark.django_db
def test_a_mail_that_bounced_everywhere_is_no_silence() -> None:
    campaign = sent(5)
    mark_bounced(campaign, emails(10), at=timezone.now())
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert silence_of(campaign, totals_of(campaign)) is None


HEALTHY = Facts(PUBLIC, 0, 0, is_test_opened=True, last_check="Ready to send.", only_domain=None)


def names(facts: Facts) -> list[str]:
    return [reason.name for reason in reasons(facts)]


def reasons(facts: Facts) -> list[Reason]:
    return reasons_for(Campaign(pk=1), facts)


def test_what_is_known_to_be_wrong_comes_first() -> None:
    assert names(HEALTHY) == ["not-sent", "nobody-yet", "rewritten"]
    local = replace(HEALTHY, public_url="http://127.0.0.1:8000", only_domain="example.com")
    assert names(local)[:3] == ["unreachable", "one-domain", "http"]
    spooled = replace(HEALTHY, waiting_files=1, only_domain="example.com")
    assert names(spooled)[:2] == ["spooled", "one-domain"]
    assert names(replace(HEALTHY, refused_bytes=1))[0] == "spooled"
    assert [reason.is_sure for reason in reasons(spooled)] == [True] + [False] * 4


def test_what_was_never_tried_is_likelier_than_what_was_found_well() -> None:
    untested = replace(HEALTHY, is_test_opened=False, last_check=None)
    assert names(untested) == ["untested", "not-in-the-mail", "rewritten", "not-sent"]
    faulty = replace(HEALTHY, last_check="2 things to mend before you send.")
    assert "2 things to mend" in reasons(faulty)[0].sentence


@pytest.mark.django_db
def test_recipients_of_one_domain_are_noticed() -> None:
    campaign = sent(5, domain="firm.example")
    silence = silence_of(campaign, totals_of(campaign))
    assert silence is not None
    (reason,) = [reason for reason in silence.reasons if reason.name == "one-domain"]
    assert "firm.example" in reason.sentence
    mixed = make_campaign(*emails(9), "x@other.example", is_sent=False)
    mark_sent(mixed, at=timezone.now() - timedelta(hours=5))
    mixed = Campaign.objects.get(pk=mixed.pk)
    silence = silence_of(mixed, totals_of(mixed))
    assert silence is not None
    assert "one-domain" not in [reason.name for reason in silence.reasons]


@pytest.mark.django_db
def test_hits_that_wait_in_the_spool_are_the_first_reason(settings: Any, tmp_path: Path) -> None:
    settings.PUBLIC_URL, settings.SPOOL_DIR = PUBLIC, str(tmp_path)
    campaign = sent(5)
    Spool(tmp_path).append([make_hit(pixels_of(campaign)[0].pk)])
    silence = silence_of(campaign, totals_of(campaign))
    assert silence is not None
    assert silence.reasons[0].name == "spooled"


@pytest.mark.django_db
def test_the_report_says_the_silence_instead_of_the_steps(log_in: LogIn) -> None:
    campaign = sent(30)
    text = log_in("marketer").get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "Sent 30 hours ago, and not one open" in text
    assert "PUBLIC_URL names testserver" in text
    assert f'href="/campaigns/{campaign.pk}/check/"' in text
    assert "next-steps" not in text
    text = log_in("viewer").get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "not one open" in text
    assert f"/campaigns/{campaign.pk}/check/" not in text


@pytest.mark.django_db
def test_silence_takes_three_queries_whatever_the_campaigns_size(
    django_assert_max_num_queries: Any,
) -> None:
    campaign = sent(5, 300)
    silence_of(campaign, totals_of(campaign))  # the content type is remembered
    with django_assert_max_num_queries(3):
        silence_of(campaign, totals_of(campaign))
