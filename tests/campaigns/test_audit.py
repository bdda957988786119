from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from campaigns.audit import Action, record
from campaigns.models import AppendOnlyError, AuditEntry, Campaign, Recipient
from tests.conftest import counts_of, make_campaign, make_hit, pixels_of
from tracker.models import Open, Ruling, SharedReport
from tracker.writer import write_hits

LogIn = Callable[[str], Client]


def told() -> list[tuple[str, str, str]]:
    """What was done, by whom, where; in order."""
    return list(AuditEntry.objects.order_by("pk").values_list("action", "by_name", "source"))


@pytest.mark.django_db
def test_an_entry_is_neither_changed_nor_deleted() -> None:
    entry = record(Action.CAMPAIGN_SENT, None, None)
    entry.by_name = "somebody else"
    with pytest.raises(AppendOnlyError):
        entry.save()
    with pytest.raises(AppendOnlyError):
        entry.delete()
    with pytest.raises(AppendOnlyError):
        AuditEntry.objects.all().delete()
    with pytest.raises(AppendOnlyError):
        AuditEntry.objects.update(by_name="x")


@pytest.mark.django_db
def test_a_name_stays_when_its_account_goes() -> None:
    user = User.objects.create_user("mara")
    record(Action.CAMPAIGN_SENT, None, user)
    user.delete()
    entry = AuditEntry.objects.get()
    assert (entry.by_id, entry.by_name, entry.source) == (None, "mara", "page")


@pytest.mark.django_db
def test_addresses_in_details_are_made_unreadable_however_deep() -> None:
    record("shared", None, None, note="for <Ann@x.example>, now", more=[{"b@y.example": 3}, True])
    entry = AuditEntry.objects.get()
    assert entry.details == {"note": "for <[address]>, now", "more": [{"[address]": 3}, True]}
    assert entry.action_label == "shared"


@pytest.mark.django_db
def test_what_marketers_do_in_the_admin_and_on_pages_is_written_down(log_in: LogIn) -> None:
    mara = log_in("marketer")
    form = {"name": "Spring", "subject": "", "time_zone": "UTC"}
    mara.post("/admin/campaigns/campaign/add/", form)
    campaign = Campaign.objects.get()
    mara.post(
        f"/admin/campaigns/campaign/{campaign.pk}/change/",
        {**form, "subject": "New", "initial-time_zone": "UTC"},
    )
    upload = SimpleUploadedFile("a@example.com.csv", b"email\na@example.com\n")
    page = mara.post(f"/admin/campaigns/campaign/{campaign.pk}/import/", {"file": upload})
    mara.post(f"{page['Location']}confirm/", {"column-0": "email"})
    mara.head(f"/campaigns/{campaign.pk}/snippets.csv")
    mara.get(f"/campaigns/{campaign.pk}/snippets.csv")
    mara.post(f"/campaigns/{campaign.pk}/mark-sent")
    mara.post(f"/campaigns/{campaign.pk}/mark-sent")  # nothing left to mark
    mara.get(f"/campaigns/{campaign.pk}/report.csv")
    for action in ("archive", "restore"):
        chosen = {"action": action, "_selected_action": [campaign.pk], "state": "everything"}
        mara.post("/admin/campaigns/campaign/?state=everything", chosen)
    rest = {"chosen": "as before", "consents-TOTAL_FORMS": "0", "consents-INITIAL_FORMS": "0"}
    added = {"email": "b@example.com", "name": "", **rest}
    mara.post("/admin/campaigns/recipient/add/", added)
    assert told() == [
        ("campaign-created", "mara", "admin"),
        ("campaign-changed", "mara", "admin"),
        ("recipients-imported", "mara", "page"),
        ("snippets-taken", "mara", "page"),
        ("campaign-sent", "mara", "page"),
        ("report-taken", "mara", "page"),
        ("campaign-archived", "mara", "admin"),
        ("campaign-restored", "mara", "admin"),
        ("recipient-added", "mara", "admin"),
    ]
    changed = AuditEntry.objects.get(action="campaign-changed")
    assert (changed.object_kind, changed.object_id) == ("campaign", str(campaign.pk))
    assert changed.details == {"fields": ["subject"]}
    assert "example.com" not in str(list(AuditEntry.objects.values()))


@pytest.mark.usefixtures("real_db")
def test_rulings_are_written_down_without_the_address_they_are_about(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    write_hits([make_hit(pixel.pk, ip="203.0.113.4")])
    page = f"/campaigns/{campaign.pk}/recipients/{pixel.pk}/"
    form = {"open": Open.objects.get().pk, "verdict": "bot", "about": "address", "note": "Ann"}
    log_in("marketer").post(page, form)
    log_in("marketer").post(f"{page}rulings/{Ruling.objects.get().pk}/delete")
    assert [action for action, _, _ in told()] == ["ruled", "ruling-taken-back"]
    details = AuditEntry.objects.filter(action="ruled").get().details
    assert details == {"about": "network", "verdict": "bot", "pixel": pixel.pk}


@pytest.mark.django_db
def test_commands_name_the_account_of_the_operating_system(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("LOGNAME", "operator")
    file = tmp_path / "list.csv"
    file.write_text("email\na@example.com\n")
    out = io.StringIO()
    call_command("create_campaign", "Spring", stdout=out)
    number = out.getvalue().strip()
    for command in (
        ("import_recipients", number, str(file)),
        ("import_recipients", number, str(file), "--dry-run"),
        ("export_snippets", number),
        ("mark_sent", number),
        ("mark_sent", number),
    ):
        call_command(*command, stdout=out)
    file.write_text("a@example.com\n")
    call_command("mark_bounced", number, str(file), stdout=out)
    assert told() == [
        (action, "operator", "command")
        for action in (
            "campaign-created",
            "recipients-imported",
            "snippets-taken",
            "campaign-sent",
            "campaign-bounced",
        )
    ]


@pytest.mark.usefixtures("real_db")
def test_shared_links_choices_and_accounts_are_written_down(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com")
    ada = log_in("administrator")
    shares = f"/campaigns/{campaign.pk}/shares/"
    form = {"label": "For b@example.com", "expiry": "30", "password": "long enough"}
    ada.post(shares, form)
    link = SharedReport.objects.get()
    ada.post(f"{shares}{link.pk}/password", {"password": ""})
    ada.post(f"{shares}{link.pk}/revoke")
    ada.post(f"{shares}{link.pk}/revoke")  # was so already
    about = [("report-shared", True), ("share-changed", False), ("share-revoked", None)]
    entries = AuditEntry.objects.about("campaign", campaign.pk).order_by("pk")
    assert [(one.action, one.details.get("with_password")) for one in entries] == about
    AuditEntry.objects.all()._raw_delete("default")
    page = f"/admin/campaigns/recipient/{Recipient.objects.get().pk}/change/"
    person = {"email": "a@example.com", "name": "", "consents-TOTAL_FORMS": "0"}
    person["consents-INITIAL_FORMS"] = "0"
    ada.post(page, {**person, "chosen": "anonymous", "proof": "a letter"})
    of_campaign = {"name": "C", "subject": "", "time_zone": "UTC", "chosen": "off"}
    ada.post(f"/admin/campaigns/campaign/{campaign.pk}/change/", of_campaign)
    mara = User.objects.get(username="mara")
    users = "/admin/auth/user/"
    twice = {"password1": "quite long enough", "password2": "quite long enough"}
    ada.post(f"{users}add/", {"username": "neu", "usable_password": "true", **twice})
    ada.post(f"{users}{mara.pk}/password/", {"usable_password": "true", **twice})
    ada.post(f"{users}{User.objects.get(username='neu').pk}/delete/", {"post": "yes"})
    own = Client()
    own.force_login(mara, backend="campaigns.permissions.AccountBackend")
    User.objects.get(username="mara").set_password("x")
    mara.refresh_from_db()
    assert mara.check_password("quite long enough")
    own.force_login(mara, backend="campaigns.permissions.AccountBackend")
    new = {"new_password1": "even longer than that", "new_password2": "even longer than that"}
    own.post("/accounts/password_change/", {"old_password": "quite long enough", **new})
    assert told() == [
        ("recipient-changed", "ada", "admin"),
        ("tracking-chosen", "ada", "admin"),
        ("campaign-changed", "ada", "admin"),
        ("campaign-tracking", "ada", "admin"),
        ("account-added", "ada", "admin"),
        ("password-changed", "ada", "admin"),
        ("account-removed", "ada", "admin"),
        ("password-changed", "mara", "page"),
    ]
    assert "long" not in str(list(AuditEntry.objects.values()))


@pytest.mark.usefixtures("real_db")
def test_commands_that_change_what_is_kept_are_written_down(tmp_path: Path) -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    file, out = tmp_path / "list.txt", io.StringIO()
    file.write_text("a@example.com\nb@example.com\n")
    for command in (
        ("set_tracking", "a@example.com", "off"),
        ("set_tracking", str(file), "anonymous"),
        ("apply_tracking",),
        ("prune", "--evidence-months", "5"),
        ("prune", "--evidence-months", "5", "--dry-run"),
        ("prune", "--evidence-months", "0", "--opens-months", "0"),
    ):
        call_command(*command, stdout=out)
    entries = AuditEntry.objects.order_by("pk")
    assert [(one.action, one.object_kind, one.source) for one in entries] == [
        ("tracking-chosen", "recipient", "command"),
        ("tracking-chosen", "", "command"),
        ("default-applied", "", "command"),
        ("opens-pruned", "", "command"),
    ]
    assert entries[1].details == {"tracking": "anonymous", "recipients": 2}
    assert counts_of(campaign).untracked == 0


@pytest.mark.django_db
def test_the_pages_of_campaigns_and_recipients_lead_to_what_was_done_to_them(
    log_in: LogIn,
) -> None:
    one, other = make_campaign("a@example.com"), make_campaign()
    for campaign in (one, other):
        record(Action.CAMPAIGN_SENT, campaign, None)
    record(Action.RECIPIENT_CHANGED, Recipient.objects.get(), None)
    ada, log = log_in("administrator"), "/admin/campaigns/auditentry/"
    for kind, number in (("campaign", one.pk), ("recipient", Recipient.objects.get().pk)):
        page = ada.get(f"/admin/campaigns/{kind}/{number}/change/").content.decode()
        query = f"?object_kind={kind}&object_id={number}"
        assert f'href="{log}{query.replace("&", "&amp;")}"' in page
        assert ada.get(f"{log}{query}").context["cl"].result_count == 1
        page = log_in("marketer").get(f"/admin/campaigns/{kind}/{number}/change/").content.decode()
        assert log not in page


@pytest.mark.django_db
def test_the_log_is_read_by_administrators_alone_and_changed_by_nobody(log_in: LogIn) -> None:
    entry = record(Action.CAMPAIGN_SENT, make_campaign(), None, recipients=7)
    record(Action.PERSON_ERASED, None, None)
    ada, list_page = log_in("administrator"), "/admin/campaigns/auditentry/"
    page = ada.get(f"{list_page}?action=campaign-sent")
    assert b"marked a campaign as sent" in page.content
    assert b"recipients: 7" in page.content
    assert page.context["cl"].result_count == 1
    assert ada.get(f"{list_page}?q=nobody-of-that-name").context["cl"].result_count == 0
    assert ada.get(f"{list_page}{entry.pk}/change/").status_code == 200
    assert ada.get(f"{list_page}add/").status_code == 403
    assert ada.post(f"{list_page}{entry.pk}/change/", {"by_name": "x"}).status_code == 403
    assert ada.post(f"{list_page}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    ada.post(list_page, chosen)
    assert AuditEntry.objects.count() == 2
    assert log_in("marketer").get(list_page).status_code == 403
