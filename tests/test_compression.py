"""How much the largest pages weigh on the wire, with everything that they load."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.server import Installation, installation
from tests.test_flow import request
from tracker.endpoint import GIF

MOST_BYTES = 300_000
ASSET = re.compile(r"""(?:href|src)="(/static/[^"]+)\"""")
CAMPAIGNS = 500
FILL = f"""
from random import Random
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from campaigns.models import Campaign
from tracker.models import CampaignCounts
chance = Random(1)
now = timezone.now()
made = Campaign.objects.bulk_create(
    Campaign(name=f"Campaign number {{n}}", subject="What is new", sent_at=now, time_zone="UTC")
    for n in range({CAMPAIGNS})
)
figures = [(one, chance.randrange(1_000, 9_000)) for one in made]
CampaignCounts.objects.bulk_create(
    CampaignCounts(
        campaign=one, recipients=10_000, sent=10_000, opens=opened, unique_opens=opened,
        human_client_opens=opened, unique_human_opens=opened, last_opened_at=now,
    )
    for one, opened in figures
)
user = User.objects.create_superuser("a", "", "b")
from django.test import RequestFactory
from django.contrib.auth import login
asked = RequestFactory().get("/")
asked.session = SessionStore()
login(asked, user, "campaigns.permissions.AccountBackend")
asked.session.save()
print(made[0].pk, asked.session.session_key)
"""


@dataclass(frozen=True)
class LoggedIn:
    served: Installation
    campaign_id: str
    session: str

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        asked = {"Cookie": f"sessionid={self.session}", "Accept-Encoding": "gzip", **headers}
        return request(self.served, path, headers=asked)


@pytest.fixture(scope="module")
def reader() -> Iterator[LoggedIn]:
    with installation() as made:
        campaign_id, session = made.manage("shell", "-v0", "-c", FILL).split()
        with made.serving():
            yield LoggedIn(made, campaign_id, session)


@pytest.mark.parametrize(
    "path",
    ["/campaigns/", "/campaigns/{}/", "/admin/campaigns/campaign/"],
)
def test_a_page_with_all_it_loads_is_under_300_kb(path: str, reader: LoggedIn) -> None:
    status, headers, body = reader.get(path.format(reader.campaign_id))
    assert status == 200
    assert headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in headers["vary"]
    html = gzip.decompress(body).decode()
    assets = set(ASSET.findall(html))
    assert any(asset.endswith(".css") for asset in assets)
    total = len(body)
    for asset in assets:
        status, headers, content = reader.get(asset)
        assert status == 200
        assert headers.get("content-encoding") == "gzip" or len(content) < 1_000, asset
        total += len(content)
    assert total < MOST_BYTES, f"{path}: {total} bytes"


def test_who_cannot_unpack_gets_the_page_as_it_is(reader: LoggedIn) -> None:
    status, headers, body = reader.get("/campaigns/", **{"Accept-Encoding": "identity"})
    assert status == 200
    assert "content-encoding" not in headers
    assert body.startswith(b"<!DOCTYPE html>")


def test_figures_that_did_not_move_are_not_sent_again(reader: LoggedIn) -> None:
    path = f"/campaigns/{reader.campaign_id}/live"
    status, headers, body = reader.get(path)
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert headers["etag"].startswith('W/"'), "the compressed answer is the same, not byte for byte"
    status, _, body = reader.get(path, **{"If-None-Match": headers["etag"]})
    assert (status, body) == (304, b"")


def test_downloads_and_pixels_are_sent_as_they_are(reader: LoggedIn) -> None:
    status, headers, body = reader.get(f"/campaigns/{reader.campaign_id}/report.csv")
    assert status == 200
    assert "content-encoding" not in headers
    assert body.startswith(b"\xef\xbb\xbfemail,")
    status, headers, body = reader.get("/o/no-token.gif")
    assert (status, body) == (200, GIF)
    assert "content-encoding" not in headers
