from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from tests.conftest import make_campaign, make_hit, pixels_of
from tests.tracker.mailcheck.cases import html
from tracker.mailcheck import MOST_BYTES
from tracker.mailcheck.look_up import addresses_of
from tracker.models import Pixel
from tracker.pixels import ensure_test_pixel
from tracker.reports.mail_check import check_for, last_word
from tracker.snippets import snippet
from tracker.writer import write_hits

LogIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_URL = "https://t.example.com"


@pytest.fixture
def campaign(db: None) -> Campaign:
    return make_campaign("ann@example.com", name="Spring <sale>")


def mail_of(campaign: Campaign) -> str:
    return html(snippet(pixels_of(campaign)[0].pk))


def post(client: Client, campaign: Campaign, **fields: Any) -> Any:
    return client.post(reverse("campaign_check", args=[campaign.pk]), fields)


def ids(page: Any) -> list[str]:
    return [finding.id for finding in page.context["checked"].findings]


@pytest.mark.parametrize(
    ("name", "code"),
    [("administrator", 200), ("marketer", 200), ("viewer", 403), ("staff viewer", 403)],
)
def test_the_check_is_for_those_who_manage(
    name: str, code: int, campaign: Campaign, log_in: LogIn
) -> None:
    client = log_in(name)
    url = reverse("campaign_check", args=[campaign.pk])
    assert client.get(url).status_code == code
    assert client.post(url, {"source": mail_of(campaign)}).status_code == code
    assert client.put(url).status_code == 405


@pytest.mark.usefixtures("real_db")
@pytest.mark.parametrize(("name", "is_offered"), [("marketer", True), ("viewer", False)])
def test_the_report_leads_to_the_check_also_after_the_first_open(
    name: str, is_offered: bool, log_in: LogIn
) -> None:
    campaign = make_campaign("ann@example.com")
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    page = log_in(name).get(f"/campaigns/{campaign.pk}/").content.decode()
    assert (f'href="/campaigns/{campaign.pk}/check/"' in page) is is_offered


def test_a_check_needs_the_pages_own_form(campaign: Campaign, people: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["marketer"], backend="campaigns.permissions.AccountBackend")
    assert post(client, campaign, source=mail_of(campaign)).status_code == 403


def test_pasted_source_is_answered_first_and_then_explained(
    campaign: Campaign, log_in: LogIn
) -> None:
    page = post(log_in("marketer"), campaign, source=mail_of(campaign))
    text = page.content.decode()
    assert "Ready to send</h2>" in text
    assert text.index("Ready to send") < text.index("belongs to ann@example.com")
    assert ids(page)[:2] == ["once", "this-campaign"]


def test_a_mail_without_pixel_says_how_many_things_to_mend(
    campaign: Campaign, log_in: LogIn
) -> None:
    page = post(log_in("marketer"), campaign, source=html("<p>News</p>"))
    assert "One thing to mend before you send" in page.content.decode()
    assert ids(page)[0] == "missing"


@pytest.mark.parametrize("name", ["mail.html", "mail.eml"])
def test_an_uploaded_file_is_read(name: str, campaign: Campaign, log_in: LogIn) -> None:
    head = "From: a@example.com\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    content = (head if name.endswith("eml") else "") + mail_of(campaign)
    page = post(log_in("marketer"), campaign, file=SimpleUploadedFile(name, content.encode()))
    assert page.context["checked"].is_ready
    assert name in page.content.decode()


def test_the_mails_own_markup_is_quoted_and_never_part_of_the_page(
    campaign: Campaign, log_in: LogIn
) -> None:
    evil = f"<script>alert(1)</script><div style='display:none'>{mail_of(campaign)}<svg onload=x>"
    text = post(log_in("marketer"), campaign, source=evil).content.decode()
    assert "<script>alert" not in text
    assert "<svg onload" not in text
    assert "&lt;img src=" in text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "Choose a file or paste"),
        ({"source": "  \n "}, "Choose a file or paste"),
        ({"file": (b"", "empty.html")}, "This is empty"),
        ({"file": (b"%PDF-1.7", "offer.pdf")}, "PDF document"),
        ({"file": (b"x" * (MOST_BYTES + 1), "long.html")}, "larger than 5 MB"),
        ({"file": (b"<p>", "a.html"), "source": "<p>"}, "leave one of them out"),
    ],
)
def test_what_cannot_be_checked_is_said_at_the_form(
    fields: dict[str, Any], reason: str, campaign: Campaign, log_in: LogIn
) -> None:
    if "file" in fields:
        content, name = fields["file"]
        fields = {**fields, "file": SimpleUploadedFile(name, content)}
    page = post(log_in("marketer"), campaign, **fields)
    assert page.status_code == 200
    assert reason in page.content.decode()
    assert page.context["checked"] is None
    assert last_word(campaign) is None


def test_whose_pixel_it_is_comes_from_the_database(campaign: Campaign) -> None:
    other = make_campaign("ann@example.com", name="Autumn")
    test = ensure_test_pixel(campaign)
    assert "“Autumn”" in check_for(campaign, mail_of(other).encode()).faults[0].sentence
    assert [one.id for one in check_for(campaign, html(snippet(test.pk)).encode()).warnings] == [
        "test-pixel"
    ]
    gone = snippet(Pixel.objects.latest("pk").pk + 100)
    assert check_for(campaign, html(gone).encode()).faults[0].id == "unknown-pixel"


def test_an_old_keys_pixel_is_known(campaign: Campaign, settings: Any) -> None:
    mail = mail_of(campaign).encode()
    old, settings.PIXEL_KEY = settings.PIXEL_KEY, "a-newer-key-a-newer-key-a-newer-key"
    assert [one.id for one in check_for(campaign, mail).faults] == ["forged"]
    settings.PIXEL_KEY_FALLBACKS = [old]
    assert check_for(campaign, mail).is_ready


def test_however_many_pixels_a_mail_holds_the_page_takes_few_queries(
    campaign: Campaign, log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    first = pixels_of(campaign)[0].pk
    mail = "".join(snippet(number) for number in range(first, first + 500))
    client = log_in("marketer")
    with django_assert_max_num_queries(20):
        post(client, campaign, source=mail)


def test_the_last_check_stands_in_the_campaigns_history(campaign: Campaign, log_in: LogIn) -> None:
    client = log_in("marketer")
    post(client, campaign, source=html("<p>News</p>"))
    assert last_word(campaign) == "One thing to mend before you send"
    post(client, campaign, source=mail_of(campaign))
    assert last_word(campaign) == "Ready to send"
    assert last_word(make_campaign()) is None


def run(*arguments: Any) -> str:
    out = io.StringIO()
    call_command("check_mail", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_says_the_same_and_ends_with_zero(campaign: Campaign, tmp_path: Path) -> None:
    file = tmp_path / "mail.html"
    file.write_text(mail_of(campaign))
    printed = run(campaign.pk, str(file))
    assert printed.startswith("Ready to send.\n")
    assert "ok      The pixel is in the mail, once." in printed
    result = json.loads(run(campaign.pk, str(file), "--json"))
    assert (result["ready"], result["faults"], result["warnings"]) == (True, 0, 0)
    assert set(result["findings"][0]) == {"id", "level", "sentence", "advice", "place"}
    assert result["findings"][0]["place"]["line"] == 3


def test_the_command_ends_with_one_on_a_fault(
    campaign: Campaign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mail.html"
    file.write_text(f"<noscript>\x1b[31m{mail_of(campaign)}</noscript>")
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_mail", campaign.pk, str(file), stdout=out)
    assert ended.value.code == 1
    assert "fault   The pixel is inside <noscript>" in out.getvalue()
    assert "HTML, line 3, byte" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "This is empty"), (b"x" * (MOST_BYTES + 1), "larger than 5 MB")]
)
def test_the_command_refuses_what_it_cannot_read(
    content: bytes, reason: str, campaign: Campaign, tmp_path: Path
) -> None:
    file = tmp_path / "mail.html"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=reason):
        run(campaign.pk, str(file))


def test_the_command_names_a_campaign_or_a_file_that_is_missing(
    campaign: Campaign, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="There is no campaign"):
        run(campaign.pk + 99, "x.html")
    with pytest.raises(CommandError, match=r"cannot be read: No such file"):
        run(campaign.pk, str(tmp_path / "none.html"))
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        run(campaign.pk, str(tmp_path))


def test_a_name_is_looked_up_on_this_machine_and_one_that_cannot_be_has_no_address() -> None:
    assert "127.0.0.1" in addresses_of("localhost")
    assert addresses_of("a" * 70 + ".example.com") == []
