"""Links to reports, as their makers and their readers meet them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Recipient
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_writer import AGENTS
from tracker.models import CampaignCounts, QuarterHourCounts, SharedReport, SharedReportTry
from tracker.quarters import quarter_of
from tracker.reports.series import ends_of, series_of
from tracker.sharing import links, passwords
from tracker.sharing.forms import ShareForm
from tracker.sharing.links import count_view, find, hash_of, share
from tracker.sharing.passwords import Answer, network_of, try_password
from tracker.sharing.report import shared_figures_of
from tracker.snippets import configured_tokens
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
PASSWORD = "a word for the client"
# Beyond ASCII letters and digits, so that the escaping is tested, too.
NAME = "Spring <b>sale</b> of ann@example.com"


def shared(
    campaign: Campaign, *, days: int = 7, password: str = "", label: str = "For the client"
) -> tuple[SharedReport, str]:
    now = timezone.now()
    return share(
        campaign,
        label=label,
        expires_at=now + timedelta(days=days),
        password=password,
        user_id=None,
        at=now,
    )


def counted(**numbers: int) -> Campaign:
    campaign = make_campaign(name=NAME)
    values = {"recipients": numbers["sent"], **numbers}
    CampaignCounts.objects.filter(campaign=campaign).update(**values)
    Campaign.objects.filter(pk=campaign.pk).update(
        sent_at=timezone.now() - timedelta(days=9), subject="Dear Ann Secret"
    )
    return Campaign.objects.get(pk=campaign.pk)


def usual_campaign() -> Campaign:
    campaign = counted(
        sent=1020,
        bounces=20,
        opens=490,
        unique_opens=482,
        unique_human_opens=180,
        unique_prefetch_opens=300,
        unique_unknown_opens=2,
    )
    assert campaign.sent_at is not None
    for day, opens, first in ((0, 190, 150), (1, 40, 24), (2, 9, 4), (4, 2, 2)):
        QuarterHourCounts.objects.create(
            campaign=campaign,
            starts_at=campaign.sent_at.replace(minute=0, second=0, microsecond=0)
            + timedelta(days=day, minutes=45 if day == 0 else 0),
            opens=opens + 300,
            unique_opens=first,
            human_opens=opens,
            unique_human_opens=first,
        )
    return campaign


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("\u202f", "").split())


def figures_of(secret: str) -> str:
    """The page without what is no figure: the head, links with their random secret, moments."""
    text = text_of(Client().get(f"/shared/{secret}/")).replace(secret, "")
    return re.sub(r"<head>.*</head>|datetime=\S+|\d+ \w+ 20\d\d, \d\d:\d\d", "", text)


def rows_of(answer: Any) -> list[list[str]]:
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content)))


@pytest.mark.django_db
def test_the_note_about_hidden_days_stands_only_where_a_day_is_hidden() -> None:
    campaign = usual_campaign()
    _, secret = shared(campaign)
    text = text_of(Client().get(f"/shared/{secret}/"))
    assert "fewer than 5 *" in text
    assert "* Fewer than 5 people opened for the first time" in text
    # Of yesterday, and each of its days is shown.
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=timezone.now() - timedelta(days=1))
    QuarterHourCounts.objects.filter(campaign=campaign).delete()
    for day, first in ((0, 100), (1, 80)):
        QuarterHourCounts.objects.create(
            campaign=campaign,
            starts_at=quarter_of(timezone.now() - timedelta(days=1 - day)),
            opens=first,
            human_opens=first,
            unique_opens=first,
            unique_human_opens=first,
        )
    text = text_of(Client().get(f"/shared/{secret}/"))
    assert "*" not in text.split("Opens by day")[1].split("</section>")[0]
    assert "Days are shown for four weeks after the sending." in text


@pytest.mark.django_db
def test_a_link_shows_the_answer_and_hides_what_is_few() -> None:
    _, secret = shared(usual_campaign())
    text = figures_of(secret)
    assert '<p class="answer">18.0%</p>' in text
    assert "<strong>180 of 1,000</strong> people opened." in text
    assert "<strong>25.7%</strong> did, at most 48.4%." in text
    assert text.count("fewer than 5</span>") == 2, "unclear, and machines only"
    assert text.count("not shown</span>") == 1, "no trace, which would give them away"
    assert "518" not in text
    assert ">190</td>" in text.replace(" ", "")
    assert "fewer than 5 *" in text
    assert ">9<" not in text, "the opens of a day with four new openers"


@pytest.mark.django_db
def test_the_csv_and_the_file_show_what_the_page_shows() -> None:
    _, secret = shared(usual_campaign())
    answer: Any = Client().get(f"/shared/{secret}/report.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    header, *rows = rows_of(answer)
    assert header == ["part", "name", "value"]
    values = {(part, name): value for part, name, value in rows}
    assert values["recipients", "delivered"] == "1000"
    assert values["recipients", "unique_unknown_opens"] == "fewer than 5"
    assert values["recipients", "no_trace"] == "not shown"
    assert values["rates", "human_open_rate"] == "0.18"
    assert values["rates", "possible_open_rate"] == "0.484"
    days = [value for (part, _), value in values.items() if part == "human_opens_by_day"]
    assert days == ["190", "40", "fewer than 5 first opens"]
    file = Client().get(f"/shared/{secret}/report.html")
    assert file["Content-Disposition"].endswith('.html"')
    text = text_of(file)
    assert '<p class="answer">18.0%</p>' in text
    assert secret not in text, "who gets the file gets no link"
    assert not re.search(r"(href|src)=", text), "it needs nothing else"
    assert "--people: #0b6b62" in text


@pytest.mark.django_db
@pytest.mark.parametrize(("off", "told"), [(0, None), (4, None), (5, "5"), (300, "300")])
def test_whoever_is_off_is_left_out_of_a_shared_report_and_that_is_said(
    off: int, told: str | None
) -> None:
    campaign = usual_campaign()
    CampaignCounts.objects.filter(campaign=campaign).update(
        sent=1020 + off,
        recipients=1020 + off,
        untracked=off,
        unique_opens=482 + off,
        unique_untracked_opens=off,
    )
    _, secret = shared(campaign)
    text = text_of(Client().get(f"/shared/{secret}/"))
    assert "<strong>180 of 1,000</strong> people opened" in text
    few = "Recipients of whom nothing may be recorded, if there are any, are left out of every"
    some = f"Left out of every figure, of sent and delivered too: {told} recipients"
    assert ((few in text), (some in text)) == (told is None, told is not None)
    rows = rows_of(Client().get(f"/shared/{secret}/report.csv"))
    values = {(part, name): value for part, name, value in rows}
    assert values["recipients", "sent"] == "1020"
    assert values["recipients", "delivered"] == "1000"
    assert values["recipients", "left_out_untracked"] == (told or "fewer than 5")


@pytest.mark.usefixtures("real_db")
def test_no_address_no_token_and_no_subject_is_in_anything_that_is_shared() -> None:
    campaign = make_campaign(*emails(40, "mailbox.example"), name=NAME)
    Campaign.objects.filter(pk=campaign.pk).update(subject="Dear Ann Secret")
    Recipient.objects.update(name="Ann Private")
    pixels = pixels_of(campaign)
    agents = list(AGENTS.values())
    write_hits(
        [
            make_hit(pixel.pk, ip=f"198.51.100.{i}", user_agent=agents[i % len(agents)])
            for i, pixel in enumerate(pixels[:30])
        ]
    )
    _, secret = shared(campaign, label="Label for us only")
    client = Client()
    whole = client.get(f"/shared/{secret}/").content.decode()
    whole += client.get(f"/shared/{secret}/report.html").content.decode()
    download: Any = client.get(f"/shared/{secret}/report.csv")
    whole = whole.replace(secret, "")
    assert "<b>sale" not in whole
    whole += b"".join(download.streaming_content).decode()
    assert "40" in whole
    for recipient in Recipient.objects.all():
        assert recipient.email not in whole
    for pixel in pixels:
        assert configured_tokens().make(pixel.pk) not in whole
    for word in ("mailbox.example", "ann@example.com", "Ann", "198.51.100", "Label for us only"):
        assert word not in whole, word
    assert "/campaigns/" not in whole
    # Styles have at-rules; nothing else has an at sign.
    assert not re.search(r"\w@\w", whole)


@pytest.mark.usefixtures("real_db")
def test_mailbox_providers_have_lines_and_domains_of_their_own_do_not() -> None:
    addresses = [
        f"person{i}@{domain}"
        for domain, number in (("gmail.com", 60), ("web.de", 20), ("example.com", 30))
        for i in range(number)
    ]
    campaign = make_campaign(*addresses, name=NAME)
    asked = {"gmail.com": 24, "web.de": 4, "example.com": 14}
    opened = []
    for pixel in pixels_of(campaign):
        assert pixel.recipient is not None
        domain = pixel.recipient.email.rpartition("@")[2]
        if asked[domain]:
            asked[domain] -= 1
            opened.append(make_hit(pixel.pk, user_agent=AGENTS["human_client"]))
    write_hits(opened)
    _, secret = shared(campaign)
    text = text_of(Client().get(f"/shared/{secret}/"))
    section = text[text.index('id="providers"') : text.index('id="days"')]
    numbers = re.findall(
        r'<th scope="row">([^<]*)</th> <td[^>]*>(\d+)</td> <td[^>]*>(\d+)<', section
    )
    # Four of web.de's opened: too few for a line.
    assert numbers == [("Gmail", "60", "24"), ("All others", "50", "18")]
    assert "example.com" not in text
    assert "Half of the people who opened so far" in text
    rows = rows_of(Client().get(f"/shared/{secret}/report.csv"))
    assert ("human_open_rate_by_provider", "Gmail", "0.4") in {tuple(row) for row in rows}
    assert [row[1:] for row in rows if row[0] == "unique_human_opens_by_provider"] == [
        ["Gmail", "24"],
        ["All others", "18"],
    ]


@pytest.mark.django_db
def test_a_campaign_to_few_or_not_sent_shows_nothing() -> None:
    for campaign in (
        counted(sent=9, opens=8, unique_opens=8, unique_human_opens=8),
        make_campaign(name="Not sent"),
    ):
        _, secret = shared(campaign)
        text = re.sub(r"<time.*?</time>", "", figures_of(secret))
        assert "Nothing to show yet" in text
        assert "8" not in text
        rows = rows_of(Client().get(f"/shared/{secret}/report.csv"))
        assert rows[-1] == ["recipients", "delivered", "too few to show"]


@pytest.mark.django_db
def test_few_openers_are_said_to_be_few_and_nearly_all_are_not_told() -> None:
    few = counted(sent=100, opens=3, unique_opens=3, unique_human_opens=3)
    text = figures_of(shared(few)[1])
    assert '<p class="answer shared-few">Fewer than 5</p>' in text
    assert "%" not in re.sub(r"<svg.*?</svg>|100.0%", "", text)
    nearly_all = counted(sent=100, opens=98, unique_opens=98, unique_human_opens=98)
    text = figures_of(shared(nearly_all)[1])
    assert "none is shown" in text
    assert "98" not in text


@pytest.mark.django_db
def test_unknown_expired_and_revoked_links_are_not_told_apart() -> None:
    campaign = usual_campaign()
    expired, expired_secret = shared(campaign, password=PASSWORD)
    SharedReport.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    revoked, revoked_secret = shared(campaign)
    assert Client().get(f"/shared/{revoked_secret}/").status_code == 200
    assert links.revoke(revoked, at=timezone.now())
    seen = set()
    for secret in (expired_secret, revoked_secret, "x" * 43, "x", "é"):
        for path in ("", "report.csv", "report.html"):
            for method in ("get", "head", *(["post"] if not path else [])):
                queries = CaptureQueriesContext(connection)
                with queries:
                    answer: Any = getattr(Client(), method)(f"/shared/{secret}/{path}")
                assert answer.status_code == 404
                headers = dict(answer.items())
                # A head has no body, but says how long it would be.
                body = answer.content if method != "head" else b""
                seen.add((method == "head", body, str(sorted(headers.items())), len(queries)))
    assert len(seen) == 2
    assert "Ask whoever gave it to you for a new one" in str(seen)


@pytest.mark.django_db
def test_readers_pages_are_kept_by_nobody_and_tell_no_other_site() -> None:
    _, secret = shared(usual_campaign())
    for path in ("", "report.csv", "report.html"):
        answer: Any = Client().get(f"/shared/{secret}/{path}")
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "private, no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer["X-Robots-Tag"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"
        assert not answer.cookies
    text = Client().get(f"/shared/{secret}/").content.decode()
    assert "<script" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert text.count(django_settings.TIME_ZONE) == 1, "the zone is named once"


@pytest.mark.django_db
def test_the_page_takes_few_queries_and_counts_a_view_a_minute(
    django_assert_num_queries: Any,
) -> None:
    made, secret = shared(usual_campaign())
    # The link with campaign and counts, the view, two for providers that nothing stored tells
    # of, the time to open, the quarters.
    with django_assert_num_queries(6):
        Client().get(f"/shared/{secret}/")
    with django_assert_num_queries(5):
        Client().get(f"/shared/{secret}/")
    made.refresh_from_db()
    assert made.views == 1
    seen = made.last_seen_at
    assert seen is not None
    stale = SharedReport.objects.get(pk=made.pk)
    for later, views in ((59, 1), (60, 2), (61, 2), (121, 3)):
        # With what another process read a moment ago.
        count_view(stale, at=seen + timedelta(seconds=later))
        made.refresh_from_db()
        assert made.views == views
    with django_assert_num_queries(1):
        assert Client().get("/shared/unknown/").status_code == 404


@pytest.mark.django_db
def test_the_database_holds_no_secret() -> None:
    made, secret = shared(usual_campaign(), password=PASSWORD)
    assert len(secret) == 43
    stored = {str(value) for value in SharedReport.objects.filter(pk=made.pk).values_list()[0]}
    assert secret not in str(stored)
    assert PASSWORD not in str(stored)
    assert made.secret_hash == hash_of(secret)
    assert find(secret, at=timezone.now()) == made
    assert find(made.secret_hash, at=timezone.now()) is None
    assert find(secret + "a", at=timezone.now()) is None


@pytest.mark.django_db
def test_links_are_deleted_ninety_days_after_they_expired() -> None:
    campaign = make_campaign()
    old, recent = (shared(campaign)[0] for _ in range(2))
    now = timezone.now()
    for link, days in ((old, 91), (recent, 89)):
        SharedReport.objects.filter(pk=link.pk).update(expires_at=now - timedelta(days=days))
    new, _ = shared(campaign)
    assert set(SharedReport.objects.all()) == {recent, new}


# Passwords


@pytest.mark.django_db
def test_a_password_opens_the_report_for_whoever_has_it() -> None:
    campaign = usual_campaign()
    _, secret = shared(campaign, password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    for path in ("report.csv", "report.html"):
        assert client.get(f"/shared/{secret}/{path}")["Location"] == f"/shared/{secret}/"
    page = client.get(f"/shared/{secret}/")
    text = text_of(page)
    assert "This report has a password" in text
    assert "Spring" not in text
    assert "18.0" not in text
    # Browsers send a form with "Origin: null" from a page without any referrer.
    assert page["Referrer-Policy"] == "same-origin"
    assert client.post(f"/shared/{secret}/", {"password": PASSWORD}).status_code == 403, "no token"
    given = {"csrfmiddlewaretoken": page.cookies["csrftoken"].value}
    wrong = client.post(f"/shared/{secret}/", {**given, "password": "wrong"})
    assert (wrong.status_code, "not the password" in text_of(wrong)) == (200, True)
    assert "shared-report" not in wrong.cookies
    right = client.post(f"/shared/{secret}/", {**given, "password": PASSWORD})
    assert (right.status_code, right["Location"]) == (302, f"/shared/{secret}/")
    cookie = right.cookies["shared-report"]
    assert cookie["path"] == f"/shared/{secret}/"
    assert cookie["httponly"]
    assert PASSWORD not in cookie.value
    for path in ("", "report.csv", "report.html"):
        assert client.get(f"/shared/{secret}/{path}").status_code == 200
    assert SharedReportTry.objects.count() == 1, "the wrong one"


@pytest.mark.django_db
def test_a_password_given_is_worth_nothing_elsewhere_or_after_it_changed() -> None:
    campaign = usual_campaign()
    one, secret = shared(campaign, password=PASSWORD)
    other, other_secret = shared(campaign, password=PASSWORD)
    client = Client()
    client.post(f"/shared/{secret}/", {"password": PASSWORD})
    assert "answer" in text_of(client.get(f"/shared/{secret}/"))
    thief = Client()
    thief.cookies["shared-report"] = client.cookies["shared-report"].value
    assert "has a password" in text_of(thief.get(f"/shared/{other_secret}/"))
    thief.cookies["shared-report"] = "forged"
    assert "has a password" in text_of(thief.get(f"/shared/{secret}/"))
    links.set_password(one, PASSWORD)
    assert "has a password" in text_of(client.get(f"/shared/{secret}/")), "another salt: another"
    links.set_password(other, "")
    assert "answer" in text_of(Client().get(f"/shared/{other_secret}/"))
    SharedReport.objects.filter(pk=one.pk).update(revoked_at=timezone.now())
    assert client.get(f"/shared/{secret}/").status_code == 404


@pytest.mark.django_db
def test_guessing_a_links_password_is_stopped_after_ten_tries() -> None:
    campaign = usual_campaign()
    _, secret = shared(campaign, password=PASSWORD)
    url = f"/shared/{secret}/"
    for _ in range(10):
        assert Client().post(url, {"password": "wrong"}).status_code == 200
    answer = Client().post(url, {"password": PASSWORD})
    assert answer.status_code == 429
    assert "Wait a quarter of an hour" in text_of(answer)
    # Only from this address, only this link, and not for ever.
    assert Client(REMOTE_ADDR="192.0.2.7").post(url, {"password": PASSWORD}).status_code == 302
    _, other = shared(campaign, password=PASSWORD)
    assert Client().post(f"/shared/{other}/", {"password": PASSWORD}).status_code == 302
    SharedReportTry.objects.update(tried_at=timezone.now() - timedelta(minutes=15))
    assert Client().post(url, {"password": PASSWORD}).status_code == 302
    assert not SharedReportTry.objects.exists(), "what no longer counts is not kept"


@pytest.mark.django_db
def test_many_addresses_together_have_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = shared(usual_campaign(), password=PASSWORD)
    now = timezone.now()
    SharedReportTry.objects.bulk_create(
        SharedReportTry(shared_report=made, network=f"203.0.113.{i}", tried_at=now)
        for i in range(passwords.MOST_TRIES_OF_ALL - 1)
    )
    later = now + timedelta(seconds=1)
    assert try_password(made, "wrong", "192.0.2.1", at=later) is Answer.WRONG
    assert try_password(made, PASSWORD, "192.0.2.2", at=later) is Answer.TOO_MANY


@pytest.mark.django_db(transaction=True)
def test_guessing_with_many_requests_at_once_is_no_way_around_the_limit() -> None:
    made, _ = shared(make_campaign(), password=PASSWORD)
    now = timezone.now()

    def guess() -> Answer:
        try:
            return try_password(made, "wrong", "192.0.2.1", at=now)
        finally:
            connections.close_all()

    for _ in range(passwords.MOST_TRIES - 1):
        assert guess() is Answer.WRONG
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            # The last one allowed is counted, but no other connection sees that yet.
            assert try_password(made, "wrong", "192.0.2.1", at=now) is Answer.WRONG
            another = pool.submit(guess)
            with pytest.raises(TimeoutError):
                another.result(timeout=1)
        assert another.result() is Answer.TOO_MANY


def test_one_ipv6_household_is_one_guesser() -> None:
    assert network_of("2001:db8:0:1::5") == network_of("2001:db8:0:1:ffff::9")
    assert network_of("2001:db8:0:1::5") != network_of("2001:db8:0:2::5")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of(None) == network_of("no address") == ""


# Making links


@pytest.fixture
def page_of_links(log_in: LogIn) -> tuple[Client, Campaign, str]:
    campaign = make_campaign(*emails(12), name="Autumn")
    return log_in("marketer"), campaign, f"/campaigns/{campaign.pk}/shares/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "code"),
    [("administrator", 200), ("marketer", 200), ("viewer", 403), ("nobody", 403)],
)
def test_who_may_change_campaigns_may_share_them(name: str, code: int, log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com")
    made, _ = shared(campaign)
    client = log_in(name)
    url = reverse("campaign_shares", args=[campaign.pk])
    assert client.get(url).status_code == code
    assert client.post(url, {"label": "x", "expiry": "7"}).status_code == code
    assert SharedReport.objects.count() == (2 if code == 200 else 1)
    for action in ("share_revoke", "share_password"):
        done = client.post(reverse(action, args=[campaign.pk, made.pk]), {"password": PASSWORD})
        assert done.status_code == (302 if code == 200 else 403)
        assert client.get(reverse(action, args=[campaign.pk, made.pk])).status_code == 405
    made.refresh_from_db()
    assert (made.revoked_at is not None, bool(made.password)) == (code == 200, code == 200)
    report = client.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert (url in report) == (code == 200)


@pytest.mark.django_db
def test_a_new_link_is_shown_once_and_works(page_of_links: tuple[Client, Campaign, str]) -> None:
    client, _campaign, url = page_of_links
    assert "No link yet" in text_of(client.get(url))
    made = client.post(url, {"label": "For <ACME>", "expiry": "7", "password": PASSWORD})
    assert "no-store" in made["Cache-Control"]
    (link,) = re.findall(r'readonly value="http://testserver(/shared/[\w-]+/)"', text_of(made))
    assert "Copy it now" in text_of(made)
    assert "has a password" in text_of(Client().get(link))
    again = text_of(client.get(url))
    assert link not in again
    assert "For &lt;ACME&gt;" in again
    assert "not yet" in again
    stored = SharedReport.objects.get()
    assert stored.created_by is not None
    assert stored.created_by.username == "mara"
    assert abs(stored.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)


@pytest.mark.django_db
def test_a_link_is_revoked_once_by_its_own_campaigns_page(
    page_of_links: tuple[Client, Campaign, str],
) -> None:
    client, campaign, url = page_of_links
    made, secret = shared(campaign)
    elsewhere = make_campaign("b@example.com")
    for action in ("revoke", "password"):
        wrong = f"/campaigns/{elsewhere.pk}/shares/{made.pk}/{action}"
        assert client.post(wrong).status_code == 404
    assert "shows nothing any more" in text_of(client.post(f"{url}{made.pk}/revoke", follow=True))
    assert Client().get(f"/shared/{secret}/").status_code == 404
    made.refresh_from_db()
    revoked_at = made.revoked_at
    assert "revoked already" in text_of(client.post(f"{url}{made.pk}/revoke", follow=True))
    made.refresh_from_db()
    assert made.revoked_at == revoked_at


@pytest.mark.django_db
def test_a_password_can_be_set_changed_and_taken_away(
    page_of_links: tuple[Client, Campaign, str],
) -> None:
    client, campaign, url = page_of_links
    made, secret = shared(campaign)
    to = f"{url}{made.pk}/password"
    short = text_of(client.post(to, {"password": "short"}, follow=True))
    assert "was not changed. Ensure this value has at least 8 characters" in short
    assert "has a new password" in text_of(client.post(to, {"password": PASSWORD}, follow=True))
    assert "has a password" in text_of(Client().get(f"/shared/{secret}/"))
    assert "no password any more" in text_of(client.post(to, {"password": ""}, follow=True))
    assert "has a password" not in text_of(Client().get(f"/shared/{secret}/"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"expiry": "7"}, "This field is required"),
        ({"label": "x" * 81, "expiry": "7"}, "at most 80 characters"),
        ({"label": "x", "expiry": "never"}, "not one of the available choices"),
        ({"label": "x", "expiry": "date"}, "Name the last day"),
        ({"label": "x", "expiry": "date", "until": "soon"}, "Enter a valid date"),
        ({"label": "x", "expiry": "date", "until": "2001-01-01"}, "This day is over"),
        ({"label": "x", "expiry": "date", "until": "9999-12-31"}, "for a year at most"),
        ({"label": "x", "expiry": "7", "password": "short"}, "at least 8 characters"),
    ],
)
def test_what_cannot_be_a_link_says_why(
    values: dict[str, str], error: str, page_of_links: tuple[Client, Campaign, str]
) -> None:
    client, _campaign, url = page_of_links
    answer = client.post(url, values)
    assert answer.status_code == 200
    assert error in text_of(answer)
    assert not SharedReport.objects.exists()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/New_York"])
def test_the_last_day_ends_on_the_campaigns_clock(zone: str) -> None:
    at = datetime(2026, 3, 20, 23, 30, tzinfo=UTC)
    # The night to the 29th is the one in which clocks change in Berlin.
    form = ShareForm(ZoneInfo(zone), at, {"label": "x", "expiry": "date", "until": "2026-03-28"})
    assert form.is_valid()
    local = form.cleaned_data["expires_at"].astimezone(ZoneInfo(zone))
    assert local.isoformat()[:19] == "2026-03-29T00:00:00"


@pytest.mark.django_db
def test_the_list_names_each_links_state(page_of_links: tuple[Client, Campaign, str]) -> None:
    client, campaign, url = page_of_links
    now = timezone.now()
    live, expired, revoked = (shared(campaign)[0] for _ in range(3))
    SharedReport.objects.filter(pk=expired.pk).update(expires_at=now)
    SharedReport.objects.filter(pk=revoked.pk).update(revoked_at=now)
    states = {share.pk: state.value for share, state in client.get(url).context["shares"]}
    assert states == {live.pk: "live", expired.pk: "expired", revoked.pk: "revoked"}
    assert text_of(client.get(url)).count(">Revoke<") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "America/New_York"])
def test_each_quarter_is_in_the_day_of_the_campaigns_clock(zone: str) -> None:
    """Against the report's own sums, over the days on which clocks change in both continents."""
    sent = datetime(2026, 3, 7, 20, 10, tzinfo=UTC)
    campaign = counted(sent=90_000, opens=1, unique_opens=40_000, unique_human_opens=40_000)
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=sent, time_zone=zone)
    campaign = Campaign.objects.get(pk=campaign.pk)
    first = sent.replace(minute=15)
    QuarterHourCounts.objects.bulk_create(
        QuarterHourCounts(
            campaign=campaign,
            starts_at=first + timedelta(minutes=15 * i),
            opens=900,
            human_opens=10 + i % 7,
            unique_human_opens=5,
        )
        for i in range(96 * 30)
    )
    figures = shared_figures_of(campaign, at=sent + timedelta(days=60))
    ends = ends_of(campaign)
    assert ends is not None
    own = series_of(campaign, ends, by="day")
    assert figures.days is not None
    assert own is not None
    assert [(day.starts_at, day.opens) for day in figures.days.days] == [
        (point.starts_at, point.human_opens) for point in own.points[:28]
    ]
