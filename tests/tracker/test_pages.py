from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from campaigns.models import Campaign, Recipient
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.pixel_cases import CASES, EXPECTED_HEADERS, Case, url_of
from tracker.breakdowns.refresh import refresh
from tracker.endpoint import GIF
from tracker.models import Open, Pixel
from tracker.snippets import configured_tokens, snippet
from tracker.spool import Spool
from tracker.writer import write_hits

LogIn = Callable[[str], Client]


@pytest.mark.usefixtures("real_db")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_view_keeps_the_pixels_contract(case: Case, client: Client) -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    url = url_of(case, configured_tokens().make(pixel.pk))
    answer = client.generic(case.method, url, headers=case.headers)
    assert answer.status_code == case.status
    assert Open.objects.count() == case.opens
    assert not answer.cookies
    if answer.status_code == 200:
        assert answer.content == (b"" if case.method == "HEAD" else GIF)
        found = {name.lower(): value for name, value in answer.items()}
        assert EXPECTED_HEADERS.items() <= found.items()
    else:
        assert answer["Allow"] == "GET, HEAD"


@pytest.mark.usefixtures("real_db")
def test_a_forwarded_address_is_believed_from_a_trusted_proxy_only(settings: Any) -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    url = f"/o/{configured_tokens().make(pixel.pk)}.gif"
    for networks, expected in (([], "127.0.0.1"), (["127.0.0.0/8"], "2001:db8::7")):
        settings.TRUSTED_PROXIES = networks
        Client().get(url, headers={"X-Forwarded-For": "203.0.113.1, 2001:db8::7"})
        assert Open.objects.latest("pk").ip == expected


@pytest.mark.usefixtures("real_db")
def test_a_failing_database_still_answers_with_the_image_and_keeps_the_hit(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    def fail(hits: object) -> int:
        raise OSError("away")

    (pixel,) = pixels_of(make_campaign("a@example.com"))
    monkeypatch.setattr("tracker.pixel_view.write_hits", fail)
    settings.SPOOL_DIR = str(tmp_path)
    url = f"/o/{configured_tokens().make(pixel.pk)}.gif"
    answer = client.get(url)
    assert (answer.status_code, answer.content) == (200, GIF)
    assert Spool(tmp_path).replay(write_hits) == 1
    assert Open.objects.get().pixel == pixel
    settings.SPOOL_DIR = "/proc/no/such/place"
    answer = client.get(url)
    assert (answer.status_code, answer.content) == (200, GIF)


PAGES = ["campaign_report", "campaign_report_csv", "campaign_snippets", "campaign_snippets_csv"]


PUBLIC = {
    "/o/x.gif",
    "/o/c/x.gif",
    "/o/x",
    "/healthz",
    "/readyz",
    "/accounts/login/",
    "/admin/login/",
}
# What takes a static file or a language catalogue, not data of ours, or is no page to get.
OTHERS = {"/accounts/logout/", "/admin/logout/", "/admin/jsi18n/"}


def all_paths(patterns: Any = None, prefix: str = "/") -> Iterator[str]:
    """An example of every address that the product answers, from its own table of addresses."""
    for pattern in patterns or get_resolver().url_patterns:
        path = prefix + example_of(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from all_paths(pattern.url_patterns, path)
        else:
            yield path


def example_of(pattern: str) -> str:
    text = re.sub(r"<(int|path):\w+>", "1", re.sub(r"<str:token>", "x", pattern))
    return "x" if text.startswith(("(?P", "^")) else text.replace("o/1", "o/x")


@pytest.mark.django_db
def test_nothing_but_pixel_health_and_login_is_readable_without_login() -> None:
    paths = set(all_paths())
    assert len(paths) > 40
    assert PUBLIC - {"/admin/login/"} <= paths
    for path in sorted(paths - PUBLIC - OTHERS):
        answer = Client().get(path, follow=True)
        is_login = answer.request["PATH_INFO"] in ("/accounts/login/", "/admin/login/")
        assert is_login or answer.status_code in (404, 405), path


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("administrator", (200, 200, 200, 200, 302)),
        ("marketer", (200, 200, 200, 200, 302)),
        ("viewer", (200, 200, 403, 403, 403)),
        ("staff viewer", (200, 200, 403, 403, 403)),
        ("nobody", (403, 403, 403, 403, 403)),
    ],
)
def test_each_role_may_do_what_it_is_for(name: str, codes: tuple[int, ...], log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com")
    client = log_in(name)
    found = [client.get(reverse(page, args=[campaign.pk])).status_code for page in PAGES]
    found.append(client.post(reverse("campaign_mark_sent", args=[campaign.pk])).status_code)
    assert tuple(found) == codes
    assert client.get("/campaigns/").status_code == codes[0]


@pytest.mark.django_db
def test_marking_as_sent_needs_a_post(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com", is_sent=False)
    client = log_in("marketer")
    url = reverse("campaign_mark_sent", args=[campaign.pk])
    assert client.get(url).status_code == 405
    assert counts_of(campaign).sent == 0
    client.post(url)
    assert counts_of(campaign).sent == 1


@pytest.mark.django_db
def test_the_list_takes_the_same_few_queries_whatever_its_length(
    log_in: LogIn, django_assert_num_queries: Any
) -> None:
    client = log_in("viewer")
    for number in range(60):
        make_campaign(*emails(2), name=f"Campaign {number}")
    # Session, person, permissions; statuses, campaigns with counts, usual, sparklines; the line
    # about tracking, which looks for a test pixel while nobody has opened, today's opens.
    with django_assert_num_queries(10):
        page = client.get("/campaigns/")
    assert len(page.context["overview"].rows) == 50
    older = client.get(f"/campaigns/{page.context['overview'].pages.next_url}")
    assert len(older.context["overview"].rows) == 10
    assert older.context["overview"].pages.next_url is None


@pytest.mark.usefixtures("real_db")
def test_the_report_takes_the_same_few_queries_whatever_its_size(
    log_in: LogIn, django_assert_num_queries: Any
) -> None:
    campaign = make_campaign(*emails(120))
    client = log_in("viewer")
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)[:80] for _ in range(3)])
    # Session, person, permissions; campaign with counts and ends; chart, when people open; what is
    # usual; people, and how many each list names; three that add up a small campaign's breakdowns
    # after an open, one when they are stored.
    with django_assert_num_queries(12):
        client.get(f"/campaigns/{campaign.pk}/")
    refresh(campaign)
    with django_assert_num_queries(10):
        page = client.get(f"/campaigns/{campaign.pk}/?show=opened")
    assert len(page.context["people"].rows) == 50


@pytest.mark.usefixtures("real_db")
def test_the_report_shows_the_rate_and_its_parts(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(4))
    pixel = pixels_of(campaign)[0]
    write_hits([make_hit(pixel.pk, ip="2001:db8::77")])
    viewer = log_in("viewer")
    text = viewer.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "25.0\u202f%" in text
    # Where from is told of one recipient at a time.
    assert "2001:db8::77" not in text
    assert (
        "2001:db8::77"
        in viewer.get(f"/campaigns/{campaign.pk}/recipients/{pixel.pk}/").content.decode()
    )
    assert "r0003@example.com" in text
    assert ">opened<" in text
    assert ">sent<" in text


@pytest.mark.django_db
def test_a_campaign_without_anything_has_a_report(log_in: LogIn) -> None:
    campaign = Campaign.objects.create(name="x" * 200)
    answer = log_in("marketer").get(f"/campaigns/{campaign.pk}/")
    assert answer.status_code == 200
    assert "–" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "show=nonsense&sort=nonsense",
        "sort=-last",
        "show=opened&sort=-last&after=nonsense",
        "show=opened&sort=-last&after=2026-99-99~1",
        "show=opened&sort=opens&after=1e9~1",
        "show=opened&sort=first&before=2026-01-01~1",
        "after=a~99999999999999999999999",
        "q=%00&by=week&window=-1",
        "by=day&window=99999999999999",
        "q=" + "x" * 500,
        "q=%25_%27%22%3Cscript%3E",
    ],
)
def test_a_senseless_address_shows_a_page_all_the_same(query: str, log_in: LogIn) -> None:
    campaign = make_campaign(*emails(3))
    answer = log_in("viewer").get(f"/campaigns/{campaign.pk}/?{query}")
    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode().replace("<script src", "")


@pytest.mark.django_db
def test_markup_in_names_is_shown_as_text(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com", name="<b>bold</b>")
    Recipient.objects.update(name="<i>x</i>")
    client = log_in("marketer")
    for page in (
        "/campaigns/",
        f"/campaigns/{campaign.pk}/",
        f"/campaigns/{campaign.pk}/snippets/",
    ):
        text = client.get(page).content.decode()
        assert "<b>bold" not in text
        assert "<i>x" not in text


@pytest.mark.django_db
def test_the_snippets_page_shows_each_snippet_and_the_test_pixel(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(2))
    text = log_in("marketer").get(f"/campaigns/{campaign.pk}/snippets/").content.decode()
    for pixel in Pixel.objects.filter(campaign=campaign):
        assert configured_tokens().make(pixel.pk) in text
    assert Pixel.objects.filter(campaign=campaign).count() == 3


@pytest.mark.django_db
def test_the_snippets_download_is_a_csv_of_all_recipients(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(3), name="Frühling 2026!")
    answer: Any = log_in("marketer").get(f"/campaigns/{campaign.pk}/snippets.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert f"snippets-{campaign.pk}-fr-hling-2026.csv" in answer["Content-Disposition"]
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(content))
    assert header == ["email", "name", "pixel_url", "snippet", "privacy_url", "code"]
    assert [row[3] for row in rows] == [snippet(pixel.pk) for pixel in pixels_of(campaign)]


@pytest.mark.usefixtures("real_db")
def test_the_report_download_says_who_opened_when_and_with_what(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(2))
    write_hits([make_hit(pixels_of(campaign)[0].pk, user_agent="=cmd()")])
    answer: Any = log_in("viewer").get(f"/campaigns/{campaign.pk}/report.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [row["status"] for row in rows] == ["unclear", "sent"]
    assert rows[0]["user_agent"] == "'=cmd()"
    assert (rows[0]["opens"], rows[0]["human_opens"], rows[0]["verdict"]) == ("1", "0", "unknown")
    assert (rows[0]["first_human_opened_at"], rows[1]["verdict"]) == ("", "")
    assert rows[0]["first_opened_at"].endswith("+00:00")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/campaigns/", "/accounts/login/", "/admin/login/", "/admin/", "/no-such-page/"]
)
def test_a_strict_content_security_policy_holds_on_every_page(path: str, log_in: LogIn) -> None:
    client = Client() if "login" in path else log_in("administrator")
    policy = client.get(path)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
def test_an_address_outside_is_no_place_to_go_after_login(client: Client) -> None:
    from django.contrib.auth.models import User

    User.objects.create_user("ada", password="correct horse battery")
    answer = client.post(
        "/accounts/login/?next=https://evil.example/",
        {"username": "ada", "password": "correct horse battery", "next": "https://evil.example/"},
    )
    assert answer.status_code == 302
    assert answer["Location"] == "/campaigns/"


@pytest.mark.django_db
def test_guessing_passwords_is_stopped_after_ten_tries(client: Client) -> None:
    from django.contrib.auth.models import User

    right = {"username": "ada", "password": "correct horse battery"}
    User.objects.create_user(**right)
    for _ in range(10):
        client.post("/accounts/login/", {**right, "password": "wrong"})
    assert client.post("/accounts/login/", right).status_code == 429
    # Only this person from this address: others log in, and so does she from elsewhere.
    elsewhere = Client(REMOTE_ADDR="192.0.2.7").post("/accounts/login/", right)
    assert elsewhere.status_code == 302


@pytest.mark.django_db
def test_archived_campaigns_stand_in_a_list_of_their_own(log_in: LogIn) -> None:
    make_campaign(name="Spring")
    Campaign.objects.filter(pk=make_campaign(name="Autumn").pk).update(archived_at=timezone.now())
    client = log_in("viewer")
    shown = {
        url: [row.campaign.name for row in client.get(url).context["overview"].rows]
        for url in ("/campaigns/", "/campaigns/?archived=1", "/campaigns/?q=SPR")
    }
    assert list(shown.values()) == [["Spring"], ["Autumn"], ["Spring"]]


@pytest.mark.usefixtures("real_db")
def test_times_are_shown_on_the_campaigns_clock(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(1))
    Campaign.objects.filter(pk=campaign.pk).update(time_zone="Asia/Kolkata")
    noon_utc = 1_773_316_800_000_000
    write_hits([make_hit(pixels_of(campaign)[0].pk, at=noon_utc)])
    text = log_in("viewer").get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "Thu 12 Mar, 17:30" in text
    assert "Asia/Kolkata" in text
