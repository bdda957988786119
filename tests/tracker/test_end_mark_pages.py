"""End marks where people and programs take them: pages, files, commands."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from campaigns.audit import Action
from campaigns.models import AuditEntry, Campaign
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_end_marks import end_hit
from tracker.end_marks import has_end_marks, switch_end_marks
from tracker.end_snippets import end_mark_url, list_end_url
from tracker.list_snippets import list_url
from tracker.mailing_tools import TOOLS
from tracker.pixels import ensure_test_pixel
from tracker.snippet_files import FORMATS, Format, snippet_text
from tracker.snippets import pixel_url, snippet, snippet_of
from tracker.work import files, writing
from tracker.work.kinds import DOINGS
from tracker.work.run import InterruptedWorkError, work_on
from tracker.writer import write_hits

pytestmark = pytest.mark.django_db

LogIn = Callable[[str], Client]


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign(*emails(3), is_sent=False)
    switch_end_marks(campaign, is_on=True)
    return campaign


def text_of(campaign: Campaign, form: Format) -> str:
    return "".join(text for text, _ in snippet_text(campaign, form)).removeprefix("\ufeff")


def rows_of(campaign: Campaign, form: Format) -> list[dict[str, str]]:
    text = text_of(campaign, form)
    if form.delimiter is None:
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text), delimiter=form.delimiter))


def offered(client: Client, campaign: Campaign) -> list[str]:
    page = client.get(reverse("campaign_snippets", args=[campaign.pk])).content.decode()
    return [unescape(one) for one in re.findall(r'data-copy="([^"]*)"', page)]


def image(url: str) -> str:
    return f'<img src="{url}" width="1" height="1" alt="" border="0">'


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_every_form_of_the_file_has_the_end_marks_behind_its_own_columns(
    form: Format, campaign: Campaign
) -> None:
    rows = rows_of(campaign, form)
    more = ["end_mark_url", "end_mark"] if "snippet" in form.columns else ["end_mark_url"]
    assert [list(row) for row in rows] == [[*form.columns, *more]] * 3
    for pixel, row in zip(pixels_of(campaign), rows, strict=True):
        assert row["pixel_url"] == pixel_url(pixel.pk)
        assert row["end_mark_url"] == end_mark_url(pixel.pk)
        if "end_mark" in row:
            assert row["snippet"] == snippet(pixel.pk)
            assert row["end_mark"] == image(end_mark_url(pixel.pk))


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_a_campaign_without_end_marks_has_the_files_that_it_always_had(form: Format) -> None:
    campaign = make_campaign(*emails(2))
    assert [tuple(row) for row in rows_of(campaign, form)] == [tuple(form.columns)] * 2


def test_a_long_file_keeps_its_columns_whatever_is_switched_meanwhile(
    real_db: None,
    campaign: Campaign,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")
    monkeypatch.setattr(writing, "STEP", 2)
    expected = text_of(campaign, FORMATS["jsonl"])
    work = writing.want_snippets(campaign, "jsonl", by=None, form_id="a" * 32)
    with pytest.raises(InterruptedWorkError):
        work_on(work.pk, DOINGS, must_stop=lambda: True)
    switch_end_marks(campaign, is_on=False)
    assert work_on(work.pk, DOINGS) is not None
    assert files.path_of(work).read_text() == expected


def test_the_page_shows_both_images_of_each_recipient_tool_and_test(
    campaign: Campaign, log_in: LogIn
) -> None:
    client = log_in("marketer")
    copied = offered(client, campaign)
    for pixel in (*pixels_of(campaign), ensure_test_pixel(campaign)):
        assert image(end_mark_url(pixel.pk)) in copied
        assert snippet(pixel.pk) in copied
    for tool in TOOLS:
        for tag in (tool.code, tool.address):
            assert snippet_of(list_url(campaign.pk, tag)) in copied
            assert image(list_end_url(campaign.pk, tag)) in copied
    page = client.get(reverse("campaign_snippets", args=[campaign.pk])).content.decode()
    assert "as the first thing behind" in page
    assert "{{end_mark}} at its very end" in unescape(page)


def test_the_page_of_a_campaign_without_shows_one_image_each(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(2), is_sent=False)
    client = log_in("marketer")
    assert len([one for one in offered(client, campaign) if "/o/c/" not in one]) == 3
    page = client.get(reverse("campaign_snippets", args=[campaign.pk])).content.decode()
    assert "as the first thing behind" not in page
    assert "Switch the end mark on" in page


def test_a_marketer_switches_it_and_the_audit_log_says_so(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(2), is_sent=False)
    client = log_in("marketer")
    url = reverse("campaign_end_marks", args=[campaign.pk])
    for value, is_on in (("1", True), ("1", True), ("0", False)):
        answer = client.post(url, {"is_on": value}, follow=True)
        assert answer.status_code == 200
        assert has_end_marks(campaign) == is_on
    entries = AuditEntry.objects.filter(action=Action.END_MARKS_SWITCHED).order_by("pk")
    assert [entry.details for entry in entries] == [{"is_on": True}, {"is_on": False}]


@pytest.mark.parametrize(
    ("who", "status"), [("viewer", 403), ("nobody", 403), ("staff viewer", 403), ("", 302)]
)
def test_nobody_else_switches_it(who: str, status: int, log_in: LogIn) -> None:
    campaign = make_campaign(*emails(2), is_sent=False)
    client = log_in(who) if who else Client()
    url = reverse("campaign_end_marks", args=[campaign.pk])
    assert client.post(url, {"is_on": "1"}).status_code == status
    assert log_in("marketer").get(url).status_code == 405
    assert not has_end_marks(campaign)


def test_after_sending_it_stays_and_the_page_says_why(log_in: LogIn) -> None:
    campaign = make_campaign(*emails(2))
    client = log_in("marketer")
    url = reverse("campaign_end_marks", args=[campaign.pk])
    page = client.post(url, {"is_on": "1"}, follow=True).content.decode()
    assert "in every copy or in none" in page
    assert "Switch the end mark" not in page
    assert not has_end_marks(campaign)
    assert not AuditEntry.objects.filter(action=Action.END_MARKS_SWITCHED).exists()


def test_the_test_pixel_tells_whether_its_end_was_loaded(
    real_db: None, campaign: Campaign, log_in: LogIn
) -> None:
    client = log_in("marketer")
    url = reverse("campaign_snippets", args=[campaign.pk])
    test = ensure_test_pixel(campaign)
    write_hits([make_hit(test.pk)])
    assert "The end mark was not loaded yet." in client.get(url).content.decode()
    write_hits([end_hit(test.pk)])
    assert "The end mark was loaded, too" in client.get(url).content.decode()


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def test_a_command_creates_a_campaign_with_end_marks_and_exports_them() -> None:
    with_marks = Campaign.objects.get(pk=int(run("create_campaign", "Spring", "--end-mark")))
    without = Campaign.objects.get(pk=int(run("create_campaign", "Spring")))
    assert (has_end_marks(with_marks), has_end_marks(without)) == (True, False)
    plain = "email,name,pixel_url,snippet,privacy_url,code"
    assert run("export_snippets", without.pk) == f"{plain}\r\n"
    assert run("export_snippets", with_marks.pk) == f"{plain},end_mark_url,end_mark\r\n"
    (entry,) = AuditEntry.objects.filter(action=Action.END_MARKS_SWITCHED)
    assert (entry.object_id, entry.source) == (str(with_marks.pk), "command")
