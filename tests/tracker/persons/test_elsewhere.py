"""The export tells whatever an erasure reaches, and nothing about anybody else."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from campaigns.imports import start
from campaigns.imports.files import place
from campaigns.models import (
    Campaign,
    CorrectedAddress,
    Import,
    Recipient,
    RejectedLine,
    SuppressedAddress,
)
from tests.campaigns.test_keys import make_import
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.persons.everywhere import places_in_database
from tracker.importing.now import import_recipients
from tracker.models import FanOut, Ruling, Segment, Work
from tracker.persons.erasure import erase
from tracker.persons.export import everything_about, for_themselves
from tracker.segments.conditions import Condition
from tracker.segments.how import How, Kind
from tracker.verdicts import Verdict
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

ANN, NAME, IP = "ann@quince.example.org", "Ann Quarkfinder", "203.0.113.77"
OTHER, SECRET = "bob@pear.example.org", "is ill"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, settings: Any) -> Path:
    settings.SPOOL_DIR = str(tmp_path / "spool")
    settings.IMPORT_DIR = str(tmp_path / "imports")
    (tmp_path / "spool").mkdir()
    return tmp_path


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(ANN, OTHER)


@pytest.fixture
def ann(campaign: Campaign) -> Recipient:
    Recipient.objects.filter(email=ANN).update(name=NAME, attributes={"city": "Quinceville"})
    return Recipient.objects.get(email=ANN)


def texts_of(ann: Recipient) -> dict[str, list[str]]:
    told = everything_about(ann)["elsewhere"]["texts"]
    return {one["place"]: one["occurrences"] for one in told}


def test_every_place_that_an_erasure_empties_is_told(
    campaign: Campaign, ann: Recipient, log_in: Any
) -> None:
    Recipient.objects.filter(email=OTHER).update(attributes={"boss": f"{ANN}, {SECRET}"})
    one = make_import(campaign, file_name=f"{SECRET} {ANN}.csv", notes=[{"of": ANN}])
    RejectedLine.objects.create(of_import=one, line=3, cells=[ANN, SECRET, OTHER], reason="r")
    Segment.objects.create(name=f"not {ANN}", conditions=[])
    SuppressedAddress.objects.create(email_key=ANN, reason=f"{ANN} wrote")
    CorrectedAddress.objects.create(email_key="ann@quince.example.or", recipient=ann)
    write_hits([make_hit(pixels_of(campaign)[1].pk, user_agent=f"Robot for {ANN}")])
    log_in("administrator").post(
        f"/admin/campaigns/recipient/{ann.pk}/change/",
        {"email": ANN, "name": NAME, "chosen": "as before"},
    )
    before = places_in_database(ANN)
    document = everything_about(ann)
    elsewhere = document["elsewhere"]
    erase(ann, None)
    emptied = before - places_in_database(ANN)
    assert len(emptied) > 8
    told = {one["place"] for one in elsewhere["texts"]}
    own = {"campaigns_recipient.email", "campaigns_recipient.email_key"}
    in_lines = {"campaigns_rejectedline.cells", "campaigns_rejectedline.reason"}
    assert emptied - told - own - in_lines == set()
    assert len(elsewhere["rejected_lines"]) == 1
    assert SECRET not in json.dumps(elsewhere)
    assert OTHER not in json.dumps(document)


def test_a_line_that_is_theirs_alone_is_told_whole_and_a_shared_one_by_its_place(
    campaign: Campaign, ann: Recipient
) -> None:
    one = make_import(campaign)
    lines = {
        1: [ANN, "Quinceville"],
        2: [ANN.replace("@", "@@"), "Quinceville"],
        3: [f"{ANN}; {OTHER}", SECRET],
        4: [ANN.upper(), OTHER],
        5: [OTHER, "x"],
    }
    for line, cells in lines.items():
        RejectedLine.objects.create(of_import=one, line=line, cells=cells, reason="why")
    told = {each["line"]: each for each in everything_about(ann)["elsewhere"]["rejected_lines"]}
    assert sorted(told) == [1, 2, 3, 4]
    assert told[1]["cells"] == lines[1]
    assert told[2]["cells"] == lines[2]
    assert told[3] == {"import_id": one.pk, "line": 3, "occurrences": [ANN]}
    assert told[4] == {"import_id": one.pk, "line": 4, "occurrences": [ANN.upper()]}


def test_a_segments_value_that_only_they_have_and_their_name_are_told(ann: Recipient) -> None:
    condition = Condition(Kind.ATTRIBUTE, How.ONE_OF, name="city", value="Paris; Quinceville")
    Segment.objects.create(name=f"Around {NAME}", conditions=[condition.as_json()])
    assert texts_of(ann) == {
        "tracker_segment.conditions": ["Quinceville"],
        "tracker_segment.name": [NAME],
    }


def test_rulings_and_fan_outs_about_their_address_alone_are_told(
    campaign: Campaign, ann: Recipient
) -> None:
    write_hits([make_hit(pixels_of(campaign)[0].pk, ip=IP)])
    now = timezone.now()
    hour = timedelta(hours=1)
    FanOut.objects.create(ip=IP, starts_at=now - hour, ends_at=now + hour, recipients=10)
    bot = Verdict.BOT.number
    Ruling.objects.create(network=f"{IP}/32", verdict=bot, note="odd")
    Ruling.objects.create(network="192.0.2.1/32", verdict=bot, note=f"{NAME} and {SECRET}")
    elsewhere = everything_about(ann)["elsewhere"]
    assert [one["address"] for one in elsewhere["fan_outs"]] == [IP]
    assert [(one["network"], one["note"]) for one in elsewhere["rulings"]] == [(f"{IP}/32", "odd")]
    assert texts_of(ann) == {"tracker_ruling.note": [NAME]}
    write_hits([make_hit(pixels_of(campaign)[1].pk, ip=IP)])
    elsewhere = everything_about(ann)["elsewhere"]
    assert elsewhere["fan_outs"] == elsewhere["rulings"] == []


def test_files_that_an_erasure_ends_are_told_and_others_are_not(
    campaign: Campaign, ann: Recipient
) -> None:
    theirs, _ = (_upload(campaign, address) for address in (ANN, OTHER))
    elsewhere = make_import(campaign, state=Import.State.UPLOADED, place="another machine")
    Work.objects.create(kind=Work.Kind.SNIPPETS, campaign=campaign, place=place())
    found = everything_about(ann)["elsewhere"]
    told = {one["import_id"]: one["is_known_to_hold_them"] for one in found["uploads"]}
    assert told == {theirs.pk: True, elsewhere.pk: False}
    assert [one["kind"] for one in found["files"]] == ["snippets"]


def _upload(campaign: Campaign, address: str) -> Import:
    return start.upload(campaign, io.BytesIO(f"email\n{address}\n".encode()), "a.csv")


def test_hits_that_wait_in_a_living_process_are_told_by_the_number_of_its_files(
    campaign: Campaign, ann: Recipient, directory: Path
) -> None:
    from tracker.spool import Spool

    living = Spool(directory / "spool")
    living.append([make_hit(pixels_of(campaign)[0].pk)])
    assert everything_about(ann)["elsewhere"]["spool_files_that_wait"] == 1
    living.release()


def test_the_imports_of_their_campaigns_are_told_and_which_of_them_made_the_recipient(
    campaign: Campaign, ann: Recipient
) -> None:
    text = f"email\n{ANN}\nnew@quince.example.org\n"
    for where in (campaign, make_campaign()):
        import_recipients(where, io.BytesIO(text.encode()), name=f"{SECRET}.csv")
    own = everything_about(ann)["imports"]
    assert [one["made_the_recipient"] for one in own] == [False, False]
    new = Recipient.objects.get(email="new@quince.example.org")
    assert [one["made_the_recipient"] for one in everything_about(new)["imports"]] == [True, False]
    assert own[0]["file_name"] == f"{SECRET}.csv"
    assert SECRET not in json.dumps(for_themselves(ann))
    assert len(for_themselves(ann)["imports"]) == 2
    bob = Recipient.objects.get(email=OTHER)
    assert len(everything_about(bob)["imports"]) == 1


def test_that_they_were_suppressed_and_may_be_written_to_again_is_told(
    ann: Recipient, log_in: Any
) -> None:
    ada = log_in("administrator")
    for address in (ANN, OTHER):
        ada.post("/admin/campaigns/suppressedaddress/add/", {"email_key": address, "reason": "x"})
    one = SuppressedAddress.objects.get(email_key=ANN)
    assert everything_about(ann)["suppressed"]
    ada.post(f"/admin/campaigns/suppressedaddress/{one.pk}/delete/", {"post": "yes"})
    document = everything_about(ann)
    assert document["suppressed"] is None
    assert [each["action"] for each in document["suppressed_before"]] == ["added", "lifted"]
    assert for_themselves(ann)["suppressed_before"] == document["suppressed_before"]
    assert LogEntry.objects.count() == 3


def test_another_recipient_under_their_mistyped_address_is_named(ann: Recipient) -> None:
    make_campaign("ann@quince.example.og")
    CorrectedAddress.objects.create(email_key="ann@quince.example.og", recipient=ann)
    assert everything_about(ann)["elsewhere"]["also_recipients"] == ["ann@quince.example.og"]


def test_their_own_page_reads_none_of_the_other_peoples_texts(
    ann: Recipient, django_assert_max_num_queries: Any
) -> None:
    Recipient.objects.create(email=emails(1)[0], attributes={"boss": ANN})
    with django_assert_max_num_queries(16):
        document = for_themselves(ann)
    assert "elsewhere" not in document
