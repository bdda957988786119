"""Ann, in all that keeps something about a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from campaigns.audit import Action, record
from campaigns.models import Campaign, Recipient
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.persons.ann import AGENT, ANN, IP, NAME, OTHER_IP, rule
from tracker.importing.now import import_recipients
from tracker.models import FanOut, Open, Pixel
from tracker.spool import Spool
from tracker.writer import write_hits


@pytest.fixture
def directory(tmp_path: Path, settings: Any) -> Path:
    settings.SPOOL_DIR = str(tmp_path / "spool")
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


@pytest.fixture
def ann(directory: Path, tmp_path: Path, log_in: Any) -> Recipient:
    """In two campaigns, by way of everything that keeps something about a person."""
    others = emails(3)
    lines = "".join(f"{address},Somebody\n" for address in others)
    file = tmp_path / "list.csv"
    file.write_text(f"email,name\n{ANN},{NAME}\n{lines}")
    campaigns = [make_campaign(), make_campaign()]
    for campaign in campaigns:
        with file.open("rb") as stream:
            assert import_recipients(campaign, stream).added == 4
        assert log_in("marketer").post(f"/campaigns/{campaign.pk}/mark-sent").status_code == 302
    person = Recipient.objects.get(email=ANN)
    own = list(Pixel.objects.filter(recipient=person).order_by("pk"))
    write_hits([make_hit(own[0].pk, ip=IP, user_agent=AGENT) for _ in range(3)])
    write_hits([make_hit(own[0].pk, ip=OTHER_IP, user_agent="curl/8")])
    write_hits([make_hit(one.pk, ip="198.51.100.9") for one in pixels_of(campaigns[1])[1:3]])
    for one in Open.objects.filter(pixel=own[0], ip=IP)[:2]:
        rule(one.pk, own[0].pk, "open", f"{NAME} told me so")
    one = Open.objects.filter(pixel=own[0], ip=IP)[0]
    rule(one.pk, own[0].pk, "address", "their house")
    rule(one.pk, own[0].pk, "network", f"The street of {NAME}, ann.miller@EXAMPLE.com")
    at = one.opened_at
    FanOut.objects.create(
        ip=IP, starts_at=at - (at - at), ends_at=at.replace(year=at.year + 1), recipients=12
    )
    page = f"/admin/campaigns/recipient/{person.pk}/change/"
    client: Client = log_in("administrator")
    rest = {"chosen": "as before", "consents-TOTAL_FORMS": "0", "consents-INITIAL_FORMS": "0"}
    for address in ("old@example.com", ANN):
        answer = client.post(page, {"email": address, "name": NAME, **rest})
        assert answer.status_code == 302
    LogEntry.objects.create(
        user=User.objects.get(username="ada"),
        content_type=ContentType.objects.get_for_model(Campaign),
        object_id=str(campaigns[0].pk),
        object_repr=f"Letter to {ANN}",
        action_flag=CHANGE,
        change_message=json.dumps([{"added": {"name": "line", "object": ANN.lower()}}]),
    )
    Campaign.objects.filter(pk=campaigns[0].pk).update(subject=f"For {ANN.upper()}, and others")
    record(Action.RECIPIENT_CHANGED, person, None, note=f"asked by {ANN}")
    # Another process of this machine died with hits on its disk; some were refused before.
    spool = Spool(directory)
    spool.append([make_hit(own[1].pk, ip=IP), make_hit(pixels_of(campaigns[0])[1].pk)])
    spool.append([make_hit(own[0].pk, ip=OTHER_IP, user_agent=AGENT)])
    spool.release()
    spool.set_aside([make_hit(own[0].pk, ip=IP), make_hit(10**12, ip="192.0.2.55")])
    person.refresh_from_db()
    return person
