"""Erased from every text that may name a person, and from nothing that names another."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from campaigns.audit import Action, record
from campaigns.imports import start
from campaigns.models import (
    Campaign,
    Import,
    Recipient,
    RejectedLine,
    SuppressedAddress,
    Tombstone,
    TypingSlip,
)
from campaigns.tombstones import is_erased
from tests.conftest import emails, make_campaign
from tests.tracker.persons.ann import ANN, IP, NAME, OTHER_IP
from tests.tracker.persons.everywhere import places_in_database, places_in_files
from tracker.consent import choose
from tracker.importing.now import import_recipients
from tracker.models import UserAgent
from tracker.persons.erasure import erase, erase_all
from tracker.persons.plans import Person
from tracker.recount import verify
from tracker.sharing.links import share

ATTRIBUTE = "Sankt Erasmus an der Erft"
# What a colleague writes into the reason stays, but for address and name: it is the log's.
SAID_BY_WHO_ERASED = {ATTRIBUTE: {"campaigns_auditentry.details"}}

pytestmark = pytest.mark.usefixtures("real_db", "directory")


@pytest.fixture
def everywhere(ann: Recipient, directory: Path, tmp_path: Path, settings: Any) -> Path:
    """Ann in whatever else may name a person; gives the folder of all files of this server."""
    settings.IMPORT_DIR = str(tmp_path / "imports")
    Recipient.objects.filter(pk=ann.pk).update(attributes={"city": ATTRIBUTE, ANN: [ANN.upper()]})
    campaign = Campaign.objects.order_by("pk")[0]
    SuppressedAddress.objects.create(email_key=ANN, reason=f"{ANN} said so")
    choose(ann, "identified", source="admin", proof=f"letter of {NAME}, {ATTRIBUTE}")
    now = timezone.now()
    share(
        campaign,
        label=f"For {ANN}",
        expires_at=now + timedelta(days=3),
        password="",
        user_id=None,
        at=now,
    )
    # A list that is read but not confirmed, one that failed, and one with rejected lines and slips.
    lines = f"email,name,city\n{ANN},{NAME},{ATTRIBUTE}\n{ANN} x,{NAME},{ATTRIBUTE}\n"
    start.upload(campaign, io.BytesIO(lines.encode()), f"{ANN}.csv")
    one = import_recipients(campaign, io.BytesIO(lines.encode()), name=f"{ANN}.csv")
    TypingSlip.objects.create(of_import=one, line=9, email_key="x@gmial.com", suggestion=ANN)
    Import.objects.filter(pk=one.pk).update(error=f"stopped at {ANN}")
    record(Action.CAMPAIGN_CHANGED, campaign, None, note=ANN, more={ANN: ANN})
    UserAgent.objects.create(text=f"Agent of <{ANN}>")
    return tmp_path


def test_a_longer_address_that_holds_the_erased_one_is_somebody_else(ann: Recipient) -> None:
    make_campaign(f"jo{ANN}", f"{ANN}.uk")
    Recipient.objects.filter(email__startswith="jo").update(name=f"<{ANN}.uk>")
    erase(ann, None)
    assert Recipient.objects.filter(email__in=[f"jo{ANN}", f"{ANN}.uk"]).count() == 2
    assert Recipient.objects.filter(name=f"<{ANN}.uk>").exists()


def test_texts_about_each_of_many_are_found() -> None:
    make_campaign(*emails(120))
    Campaign.objects.create(
        name="R0007@example.com, r0119@example.com", subject="xr0007@example.com"
    )
    people = Recipient.objects.order_by("pk")
    erased = erase_all([Person.of(one) for one in people], None)
    assert (erased.pixels, erased.texts) == (120, 2)
    assert places_in_database("r0119@example.com") == set()
    assert places_in_database("r0007@example.com") == {"campaigns_campaign.subject"}
    assert Tombstone.objects.count() == 120
    assert verify().drift == 0


def test_erased_means_in_no_column_of_any_table_and_in_no_file(
    ann: Recipient, everywhere: Path
) -> None:
    sought = (ANN, "ann.miller@", NAME, IP, OTHER_IP, ATTRIBUTE)
    (everywhere / "list.csv").unlink()  # the colleague's own copy, out of this server's reach
    for words in sought:
        assert places_in_database(words), words
    assert len(places_in_files(ANN, everywhere)) >= 1
    assert places_in_database(ANN) >= {
        "campaigns_import.file_name",
        "campaigns_import.error",
        "campaigns_rejectedline.cells",
        "campaigns_suppressedaddress.email_key",
        "campaigns_suppressedaddress.reason",
        "campaigns_typingslip.suggestion",
        "django_admin_log.change_message",
        "django_admin_log.object_repr",
        "tracker_sharedreport.label",
        "tracker_useragent.text",
    }
    assert verify().drift == 0
    erase(ann, None, f"{NAME} of {ATTRIBUTE}, {ANN}")
    for words in sought:
        assert places_in_database(words) <= SAID_BY_WHO_ERASED.get(words, set()), words
        assert places_in_files(words, everywhere) == set(), words
    assert verify().drift == 0


def test_agents_that_spell_the_address_in_several_ways_stay_agents_of_their_own(
    ann: Recipient,
) -> None:
    texts = [f"Agent of <{ANN}>", f"Agent of <{ANN.upper()}>"]
    texts += [f"<{spelling}> {'x' * 480}" for spelling in (ANN, ANN.upper())]
    for text in texts:
        UserAgent.objects.create(text=text[:512])
    before = UserAgent.objects.count()
    erase(ann, None)
    assert places_in_database(ANN) == set()
    assert UserAgent.objects.count() == before


def test_an_address_that_stands_in_texts_only_can_be_erased(ann: Recipient) -> None:
    Campaign.objects.create(name="For bob@example.com")
    erase_all([Person.unknown("Bob@example.com")], None)
    assert places_in_database("bob@example.com") == set()
    assert is_erased(["bob@example.com"])


def reject(campaign: Campaign, *lines: list[str]) -> None:
    one = Import.objects.create(
        campaign=campaign,
        file_name="list.csv",
        path="",
        is_ours=False,
        size=1,
        state=Import.State.DONE,
        finished_at=timezone.now(),
    )
    for number, cells in enumerate(lines, start=2):
        RejectedLine.objects.create(of_import=one, line=number, reason="no address", cells=cells)


def test_rejected_lines_with_their_broken_address_go_and_the_command_tells_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = make_campaign("ann@acme.example")
    Recipient.objects.filter(email="ann@acme.example").update(name="Ann Lee")
    reject(campaign, ["ann@acme", "Ann Lee", "Rome"], ["al@acme", "Lee, Ann"], ["bob@acme", "Bob"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "erase")
    out = io.StringIO()
    call_command("erase_person", "ann@acme.example", stdout=out)
    assert "ann@acme.example  Ann Lee  (rejected lines of imports: 2)" in out.getvalue()
    assert "rejected lines of imports: 2;" in out.getvalue()
    assert [line.cells for line in RejectedLine.objects.all()] == [["bob@acme", "Bob"]]
    assert places_in_database("Ann Lee") == set()


def test_who_stands_in_a_rejected_line_only_with_a_broken_address_can_be_erased() -> None:
    reject(make_campaign("bob@example.com"), ["ann@acme", "Ann Lee"])
    call_command("erase_person", "ann@acme.example", "--yes", stdout=io.StringIO())
    assert not RejectedLine.objects.exists()
