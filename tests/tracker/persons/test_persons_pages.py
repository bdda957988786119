from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from campaigns.audit import Action
from campaigns.models import AuditEntry, Recipient
from tests.conftest import THUNDERBIRD, emails, make_campaign, make_hit, pixels_of
from tracker.models import Open
from tracker.persons.erasure import erase
from tracker.persons.export import everything_about, for_themselves
from tracker.spool import Spool
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

LogIn = Callable[[str], Client]
ANN = "Ann@example.com"


@pytest.fixture
def ann(tmp_path: Path, settings: Any) -> Recipient:
    settings.SPOOL_DIR = str(tmp_path)
    campaign = make_campaign(ANN, *emails(2))
    person = Recipient.objects.get(email=ANN)
    Recipient.objects.filter(pk=person.pk).update(name="Ann <b>Lee</b>")
    pixel = pixels_of(campaign)[0]
    write_hits([make_hit(pixel.pk, ip="203.0.113.4"), make_hit(pixel.pk, ip=None)])
    write_hits([make_hit(one.pk, ip="198.51.100.3") for one in pixels_of(campaign)[1:]])
    person.refresh_from_db()
    return person


def page_of(person: Recipient, name: str) -> str:
    return f"/admin/campaigns/recipient/{person.pk}/{name}/"


def test_an_export_holds_everything_and_nothing_about_others(ann: Recipient, log_in: LogIn) -> None:
    pixel = ann.pixels.get()
    open_id = Open.objects.filter(pixel=pixel, ip="203.0.113.4").get().pk
    form = {"open": open_id, "verdict": "bot", "about": "open", "note": "a test"}
    log_in("marketer").post(f"/campaigns/{pixel.campaign_id}/recipients/{pixel.pk}/", form)
    rest = {"chosen": "as before", "consents-TOTAL_FORMS": "0", "consents-INITIAL_FORMS": "0"}
    log_in("administrator").post(page_of(ann, "change"), {"email": ANN, "name": "Ann Lee", **rest})
    from tracker.persons.waiting import spool_here

    spool_here().set_aside([make_hit(pixel.pk, ip="203.0.113.9"), make_hit(10**9)])
    ann.refresh_from_db()
    document = json.loads(json.dumps(everything_about(ann)))
    assert document["version"] == 1
    assert document["person"]["email"] == ANN
    assert document["person"]["name"] == "Ann Lee"
    (campaign,) = document["campaigns"]
    assert campaign["sent_at"]
    assert campaign["summary"]["opens"] == 2
    assert [one["address"] for one in campaign["opens"]] == ["203.0.113.4", None]
    assert campaign["opens"][0]["verdict"] == "bot"
    assert campaign["opens"][0]["rule"] == "by-hand"
    assert campaign["opens"][0]["user_agent"] == THUNDERBIRD
    assert campaign["opens"][0]["rulings"][0]["note"] == "a test"
    assert [hit["address"] for hit in document["hits_set_aside"]] == ["203.0.113.9"]
    assert [entry["action"] for entry in document["audit_log"]] == ["recipient-changed"]
    assert document["admin_log"][0]["change"] == "Changed Name."
    text = json.dumps(document)
    assert "198.51.100.3" not in text
    assert "mara" not in text
    assert "r0001@" not in text


def test_a_person_with_thousands_of_opens_is_exported_in_few_queries(
    ann: Recipient, django_assert_max_num_queries: Any
) -> None:
    pixel = ann.pixels.get()
    write_hits([make_hit(pixel.pk) for _ in range(3_000)])
    with django_assert_max_num_queries(14):
        assert len(for_themselves(ann)["campaigns"][0]["opens"]) == 3_002
    # Beside these each table is looked through once.
    with django_assert_max_num_queries(55):
        assert len(everything_about(ann)["campaigns"][0]["opens"]) == 3_002


def test_the_page_of_a_person_leads_to_both_and_a_get_changes_nothing(
    ann: Recipient, log_in: LogIn
) -> None:
    ada = log_in("administrator")
    page = ada.get(page_of(ann, "change")).content.decode()
    assert page_of(ann, "export") in page
    assert page_of(ann, "erase") in page
    for name in ("export", "erase"):
        answer = ada.get(page_of(ann, name))
        assert answer.status_code == 200
        assert b"csrfmiddlewaretoken" in answer.content
        assert b"<b>Lee" not in answer.content
    assert not AuditEntry.objects.exists()
    assert Recipient.objects.get(pk=ann.pk).erased_at is None


def test_the_export_is_a_file_and_is_written_down(ann: Recipient, log_in: LogIn) -> None:
    answer = log_in("administrator").post(page_of(ann, "export"))
    assert answer["Content-Disposition"] == f'attachment; filename="person-{ann.pk}.json"'
    assert answer["Content-Type"] == "application/json"
    assert json.loads(answer.content)["person"]["email"] == ANN
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.by_name, entry.source) == ("person-exported", "ada", "admin")


@pytest.mark.parametrize("typed", ["", "bob@example.com", "Ann"])
def test_who_does_not_type_the_address_erases_nobody(
    typed: str, ann: Recipient, log_in: LogIn
) -> None:
    answer = log_in("administrator").post(page_of(ann, "erase"), {"address": typed})
    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    assert Recipient.objects.get(pk=ann.pk).email == ANN


def test_typing_the_address_erases_and_the_stub_is_no_longer_edited(
    ann: Recipient, log_in: LogIn
) -> None:
    ada = log_in("administrator")
    form = {"address": " ann@EXAMPLE.com", "reason": "asked for it"}
    answer = ada.post(page_of(ann, "erase"), form, follow=True)
    (message,) = answer.context["messages"]
    assert str(message) == "The person is erased. Opens that lost address and user agent: 2."
    stub = Recipient.objects.get(pk=ann.pk)
    assert (stub.email, stub.name) == (f"erased-{ann.pk}@erased.invalid", "")
    assert stub.email_key == stub.email
    saved = ada.post(page_of(ann, "change"), {"email": ANN, "name": "Ann"})
    assert saved.status_code == 403
    again = ada.post(page_of(ann, "erase"), {"address": stub.email}, follow=True)
    assert b"was erased before. Nothing was done." in again.content
    assert page_of(ann, "erase") not in answer.content.decode()
    entry = AuditEntry.objects.filter(action=Action.PERSON_ERASED).get()
    assert entry.details["reason"] == "asked for it"
    assert ada.get(f"/campaigns/{ann.pixels.get().campaign_id}/").status_code == 200


def test_nobody_is_brought_back_by_hand_in_the_admin(ann: Recipient, log_in: LogIn) -> None:
    erase(ann, None)
    other = Recipient.objects.get(email="r0001@example.com")
    for page in ("/admin/campaigns/recipient/add/", page_of(other, "change")):
        answer = log_in("administrator").post(page, {"email": ANN.lower(), "name": ""})
        assert b"The person with this address was erased" in answer.content
    assert not Recipient.objects.filter(email_key=ANN.lower()).exists()


def test_who_may_not_erase_sees_no_button_and_gets_no_page(ann: Recipient, log_in: LogIn) -> None:
    mara = log_in("marketer")
    assert page_of(ann, "erase") not in mara.get(page_of(ann, "change")).content.decode()
    for name in ("erase", "export"):
        for who in ("marketer", "staff viewer"):
            answer = log_in(who).post(page_of(ann, name), {"address": ANN})
            assert answer.status_code == 403
        assert log_in("nobody").post(page_of(ann, name)).status_code == 302
    assert Recipient.objects.get(pk=ann.pk).email == ANN


def test_the_permission_can_be_given_to_others(ann: Recipient, log_in: LogIn) -> None:
    client = log_in("marketer")
    mara = User.objects.get(username="mara")
    mara.user_permissions.add(Permission.objects.get(codename="erase_recipient"))
    assert client.post(page_of(ann, "erase"), {"address": ANN}).status_code == 302
    assert Recipient.objects.get(pk=ann.pk).erased_at is not None


def test_an_account_with_the_same_address_stays_and_is_said(ann: Recipient, log_in: LogIn) -> None:
    ada = log_in("administrator")
    assert b"That account stays" not in ada.get(page_of(ann, "erase")).content
    User.objects.create_user("ann", email="ann@example.com")
    assert b"That account stays" in ada.get(page_of(ann, "erase")).content
    assert "Accounts of Glimpse with one of these addresses, kept: 1" in run(
        "erase_person", ANN, "--yes"
    )


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_erases_all_that_it_names(ann: Recipient) -> None:
    told = run("erase_person", "ANN@example.com", "r0001@example.com", "--yes", "--reason", "GDPR")
    assert "Erased: 2. Opens that lost address and user agent: 3" in told
    assert Recipient.objects.erased().count() == 2
    assert AuditEntry.objects.filter(action=Action.PERSON_ERASED, source="command").count() == 2


def test_an_unknown_address_among_them_erases_nobody(ann: Recipient) -> None:
    with pytest.raises(CommandError, match=r"Nothing is kept about: bob@example\.com\."):
        run("erase_person", ANN, "bob@example.com", "--yes")
    with pytest.raises(CommandError, match="There is no recipient with the address"):
        run("export_person", "bob@example.com")
    assert not Recipient.objects.erased().exists()
    run("erase_person", ANN, "--yes")
    with pytest.raises(CommandError, match="erased before"):
        run("erase_person", ANN, "--yes")


def test_where_nobody_can_be_asked_yes_has_to_be_said(ann: Recipient, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("erase\n"))
    with pytest.raises(CommandError, match="add --yes"):
        run("erase_person", ANN)
    assert not Recipient.objects.erased().exists()


def test_the_command_writes_a_file_that_only_its_owner_reads(
    ann: Recipient, tmp_path: Path
) -> None:
    file = tmp_path / "ann.json"
    run("export_person", ANN, "--output", str(file))
    assert json.loads(file.read_text())["person"]["email"] == ANN
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="exists already"):
        run("export_person", ANN, "--output", str(file))
    with pytest.raises(CommandError, match="cannot be written"):
        run("export_person", ANN, "--output", str(tmp_path / "none" / "ann.json"))
    assert json.loads(run("export_person", ANN))["person"]["email"] == ANN


def test_hits_that_wait_are_in_the_export(ann: Recipient, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([make_hit(ann.pixels.get().pk, ip="203.0.113.99")])
    spool.release()
    assert "203.0.113.99" in run("export_person", ANN)
