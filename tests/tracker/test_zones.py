"""No page shows a moment without naming the time zone whose clock it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO

import pytest
from django.test import Client

from campaigns.models import Campaign, Import
from tests.conftest import make_campaign
from tests.languages.test_pages import VOID, nothing_shared, pages_of, rundbrief
from tracker.importing.now import import_recipients

__all__ = ["nothing_shared", "rundbrief"]  # fixtures

LogIn = Callable[[str], Client]
MOMENT = re.compile(r"\b\d{1,2}:\d{2}\b|\b\d{1,2} [A-Z][a-z]{2,8} \d{4}\b")
ZONE = re.compile(r"\b(UTC|Europe/Berlin)\b")
# Not told to the eye, or to be chosen and not to be read.
UNSEEN = ("title", "script", "style", "option", "desc", "pre", "textarea")
HIDDEN = "visually-hidden"


class SeenText(HTMLParser):
    """What an eye reads on a page."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[bool] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            classes = (dict(attrs).get("class") or "").split()
            self._open.append(tag in UNSEEN or HIDDEN in classes)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._open):
            self.texts.append(data)


def seen(page: str) -> str:
    reader = SeenText()
    reader.feed(page)
    return " ".join(" ".join(reader.texts).split())


def test_no_page_shows_a_moment_without_its_zone(rundbrief: Campaign, log_in: LogIn) -> None:
    client = log_in("administrator")
    one = import_recipients(rundbrief, BytesIO(b"email\nann@example.com\n"))
    own = f"/admin/campaigns/campaign/{rundbrief.pk}"
    more = [f"{own}/import/{one.pk}/", f"{own}/history/", "/admin/", "/admin/auth/user/"]
    texts = {
        path: seen(client.get(path).content.decode()) for path in (*pages_of(rundbrief), *more)
    }
    told = {path: found for path, text in texts.items() if (found := MOMENT.findall(text))}
    assert len(told) > 30
    assert {path: found[:3] for path, found in told.items() if not ZONE.search(texts[path])} == {}


@pytest.mark.django_db
def test_the_form_of_a_campaign_tells_times_as_its_report_does(log_in: LogIn) -> None:
    campaign = make_campaign("ann@example.com")
    sent_at = datetime(2026, 11, 28, 14, 4, tzinfo=UTC)
    Campaign.objects.filter(pk=campaign.pk).update(sent_at=sent_at, time_zone="Europe/Berlin")
    client = log_in("marketer")
    form = seen(client.get(f"/admin/campaigns/campaign/{campaign.pk}/change/").content.decode())
    assert "28 Nov 2026, 15:04" in form
    assert "Times in Europe/Berlin" in form
    report = seen(client.get(f"/campaigns/{campaign.pk}/").content.decode())
    assert "28 November 2026, 15:04" in report


@pytest.mark.django_db
def test_the_imports_of_a_campaign_are_told_on_its_clock(log_in: LogIn) -> None:
    campaign = Campaign.objects.create(name="Spring", time_zone="Europe/Berlin")
    at = datetime(2026, 11, 28, 14, 4, tzinfo=UTC)
    one = import_recipients(campaign, BytesIO(b"email\nann@example.com\n"))
    Import.objects.filter(pk=one.pk).update(created_at=at)
    page = log_in("marketer").get(f"/admin/campaigns/campaign/{campaign.pk}/import/")
    text = seen(page.content.decode())
    assert "28 Nov 2026, 15:04" in text
    assert "Times in Europe/Berlin" in text
