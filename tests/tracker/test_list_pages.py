"""The one snippet for a whole list, on the campaign's pages and in the check of a mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from tests.conftest import THUNDERBIRD, make_campaign, make_hit
from tracker.list_hits import Unnamed
from tracker.list_misses import keep_misses
from tracker.list_snippets import code_tokens, list_tokens, list_url
from tracker.mailing_tools import TOOLS
from tracker.misses import Misses
from tracker.pixels import ensure_test_pixel
from tracker.reports.mail_check import check_for
from tracker.writer import write_hits

LogIn = Callable[[str], Client]

pytestmark = pytest.mark.django_db


def test_the_page_has_a_snippet_for_each_tool_to_copy_by_code_and_by_address(
    log_in: LogIn,
) -> None:
    campaign = make_campaign("a@example.com")
    page = log_in("marketer").get(reverse("campaign_snippets", args=[campaign.pk]))
    text = page.content.decode()
    offered = [unescape(one) for one in re.findall(r'data-copy="([^"]*)"', text)]
    for tool in TOOLS:
        for tag in (tool.code, tool.address):
            url = f"http://testserver/o/c/{list_tokens().make(campaign.pk)}.gif?r={tag}"
            assert f'<img src="{url}" width="1" height="1" alt="" border="0">' in offered
        assert f"<summary>{tool.name}</summary>" in text
    assert 'id="list-misses"' not in text


@pytest.mark.usefixtures("real_db")
def test_the_page_tells_when_and_by_what_the_test_pixel_was_seen(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com")
    pixel = ensure_test_pixel(campaign)
    page = reverse("campaign_snippets", args=[campaign.pk])
    assert "Not seen yet" in log_in("marketer").get(page).content.decode()
    noon = int(datetime(2026, 3, 31, 12, 0, 5, tzinfo=UTC).timestamp() * 1e6)
    write_hits([make_hit(pixel.pk, at=noon, ip="192.0.2.7", user_agent=THUNDERBIRD)])
    text = " ".join(log_in("marketer").get(page).content.decode().split())
    assert (
        'Seen once, last <time datetime="2026-03-31T12:00:05+00:00">Tuesday 31 March 2026, 12:00:05'
        "</time> (UTC). It came from 192.0.2.7 with Thunderbird"
    ) in text
    write_hits([make_hit(pixel.pk, at=noon)])
    assert "Seen 2 times, last" in log_in("marketer").get(page).content.decode()


def test_what_named_nobody_is_told_on_both_pages_with_the_likely_reason(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com")
    misses = Misses()
    misses.add(campaign.pk, Unnamed.UNRESOLVED, 1234)
    misses.add(campaign.pk, Unnamed.UNMATCHED)
    keep_misses(misses)
    client = log_in("marketer")
    for page in ("campaign_snippets", "campaign_report"):
        text = client.get(reverse(page, args=[campaign.pk])).content.decode()
        assert "loaded 1,234 times without a recipient" in text
        assert "did not fill in its merge tag" in text
        assert "loaded once for somebody who is not in this campaign" in text
    other = make_campaign("a@example.com")
    for page in ("campaign_snippets", "campaign_report"):
        text = client.get(reverse(page, args=[other.pk])).content.decode()
        assert 'id="list-misses"' not in text


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("A@example.com", "list-recipient"),
        ("CODE", "list-recipient"),
        ("b@example.com", "list-stranger"),
        ("[Email]", "list-merge-tag"),
    ],
)
def test_the_check_of_a_mail_finds_recipients_as_the_writer_does(name: str, finding: str) -> None:
    campaign = make_campaign("a@example.com")
    make_campaign("b@example.com")
    recipient = campaign.pixels.get().recipient
    assert recipient is not None
    code = code_tokens().make(recipient.pk)
    url = list_url(campaign.pk, code if name == "CODE" else name)
    html = f'<html><body><p>x</p><img src="{url}" width="1" height="1" alt=""></body></html>'
    assert finding in [one.id for one in check_for(campaign, html.encode()).findings]
