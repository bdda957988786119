"""One name for a client, wherever a page or a file names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import THUNDERBIRD, counts_of, make_campaign, make_hit, pixels_of
from tests.tracker.test_honest_pages import text_of
from tracker.breakdowns.programs import UNKNOWN, program_of
from tracker.clients import client_name, program_label
from tracker.language import translated
from tracker.reports.breakdowns import breakdown_page
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
WEB_VIEW = (
    "Mozilla/5.0 (Linux; Android 13; SM-G991B; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/118.0.0.0 Mobile Safari/537.36"
)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Safari/537.36"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (THUNDERBIRD, "Thunderbird, Linux"),
        (WEB_VIEW, "Mail app on Android"),
        (CHROME, "Web mail in Chrome, Windows"),
        (GMAIL, "Gmail, hidden behind Google’s proxy"),
        ("MacOutlook/16.78.3 (Intelx64 Mac OS X Version 14.1 (Build 23B74))", "Outlook (Mac)"),
        ("Mozilla/5.0", "Apple Mail or unknown, hidden by a proxy"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_a_client_is_named_with_its_system_where_that_says_more(agent: str, name: str) -> None:
    assert client_name(agent) == name


@given(st.sampled_from([THUNDERBIRD, WEB_VIEW, CHROME, GMAIL]) | st.text(max_size=80))
def test_every_name_begins_with_the_breakdowns_own(agent: str) -> None:
    client = program_of(agent).client
    assert client_name(agent).startswith("" if client == UNKNOWN else program_label(client))


def test_a_name_is_said_in_the_readers_language() -> None:
    with override("de"):
        assert translated(client_name(CHROME)) == "Webmail in Chrome, Windows"


@pytest.mark.usefixtures("real_db")
def test_lists_of_people_call_a_client_as_the_breakdown_does(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    write_hits([make_hit(one.pk, user_agent=WEB_VIEW), make_hit(other.pk, user_agent=CHROME)])
    page = breakdown_page(campaign, counts_of(campaign))
    assert page is not None
    clients = {str(line.label) for line in page.programs[0].lines if line.people}
    assert clients == {"Mail app on Android", "Web mail in Chrome"}
    client = log_in("viewer")
    for url in (
        f"/campaigns/{campaign.pk}/?show=opened",
        f"/campaigns/{campaign.pk}/recipients/{one.pk}/",
        f"/recipients/{one.recipient_id}/",
    ):
        text = text_of(client.get(url))
        assert "Mail app on Android" in text, url
        assert "Chrome Mobile WebView" not in text, url
    # The agent itself stays, as evidence.
    assert "; wv)" in text_of(client.get(f"/campaigns/{campaign.pk}/recipients/{one.pk}/"))
    report: Any = client.get(f"/campaigns/{campaign.pk}/report.csv")
    text = b"".join(report.streaming_content).decode()
    assert "Mail app on Android" in text
    assert "Web mail in Chrome, Windows" in text
