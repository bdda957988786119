"""The one snippet for a whole list, on the campaign's pages and in the check of a mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from tests.conftest import make_campaign
from tracker.list_hits import Unnamed
from tracker.list_misses import keep_misses
from tracker.list_snippets import code_tokens, list_tokens, list_url
from tracker.mailing_tools import TOOLS
from tracker.misses import Misses
from tracker.reports.mail_check import check_for

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
