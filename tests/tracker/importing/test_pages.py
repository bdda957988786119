from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from campaigns.imports import files
from campaigns.imports.ending import clean_up
from campaigns.models import Campaign, Import, Recipient, RejectedLine
from tests.conftest import counts_of, make_campaign, pixels_of
from tracker.importing import pages, tasks
from tracker.importing.now import import_recipients, work_on

pytestmark = pytest.mark.django_db
LogIn = Callable[[str], Client]
MIXED = b"E-Mail;Name;City\na@example.com;Ann;Bonn\nwrong;Bob;\nA@EXAMPLE.COM;;\nc@gmial.com;;\n"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")


def upload(client: Client, campaign: Campaign, content: bytes = MIXED) -> Any:
    return client.post(
        f"/admin/campaigns/campaign/{campaign.pk}/import/",
        {"file": SimpleUploadedFile("list.csv", content)},
    )


def confirm(client: Client, one: Import, *roles: str, **more: str) -> str:
    """The text of the page after it."""
    columns = {f"column-{at}": role for at, role in enumerate(roles)}
    answer = client.post(f"{pages.page_of(one)}confirm/", {**columns, **more}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_marketer_uploads_confirms_the_columns_and_reads_what_became_of_each_line(
    log_in: LogIn,
) -> None:
    campaign = make_campaign()
    client = log_in("marketer")
    answer = upload(client, campaign)
    one = Import.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, pages.page_of(one))
    preview = client.get(pages.page_of(one)).content.decode()
    assert "Bonn" in preview
    assert not Recipient.objects.exists()
    text = confirm(client, one, "email", "name", "attribute")
    assert "“wrong” is not an email address" in text
    assert "gmail.com" in text
    one.refresh_from_db()
    assert (one.rows, one.created, one.duplicates, one.rejected) == (4, 2, 1, 1)
    assert counts_of(campaign).recipients == 2
    assert Recipient.objects.get(email="a@example.com").attributes == {"City": "Bonn"}
    assert (
        "list.csv"
        in client.get(f"/admin/campaigns/campaign/{campaign.pk}/import/").content.decode()
    )


def test_another_column_can_be_chosen_for_the_addresses(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(client, make_campaign(), b"email,contact\nnobody,a@example.com\n")
    one = Import.objects.get()
    confirm(client, one, "nothing", "email")
    assert Recipient.objects.get().email == "a@example.com"


@pytest.mark.parametrize("roles", [("email", "email"), ("nothing", "name"), ()])
def test_without_exactly_one_column_of_addresses_the_page_asks_again(
    roles: tuple[str, ...], log_in: LogIn
) -> None:
    client = log_in("marketer")
    upload(client, make_campaign(), b"email,contact\na@example.com,b@example.com\n")
    text = confirm(client, Import.objects.get(), *roles)
    assert "Choose exactly one column" in text
    assert not Recipient.objects.exists()


def test_a_trial_stores_nothing(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(client, make_campaign())
    text = confirm(client, Import.objects.get(), "email", "name", "nothing", dry_run="on")
    assert "This was a trial" in text
    assert not Recipient.objects.exists()


@pytest.mark.parametrize("content", [b"first,last\nx,y@example.com\n"[:0], b"\x89PNG\r\n\x00"])
def test_a_file_that_is_no_list_gets_a_clear_error(content: bytes, log_in: LogIn) -> None:
    page = upload(log_in("marketer"), make_campaign(), content or b"\n")
    assert page.status_code == 200
    assert "Nothing was stored" in page.content.decode()
    assert not Import.objects.exists()


def test_a_long_list_waits_for_a_worker_and_its_page_shows_how_far_it_is(log_in: LogIn) -> None:
    client = log_in("marketer")
    campaign = make_campaign()
    content = b"email\n" + b"".join(b"r%07d@example.com\n" % n for n in range(20_000))
    upload(client, campaign, content)
    one = Import.objects.get()
    text = confirm(client, one, "email")
    assert tasks.waiting_imports() == {one.pk}
    # Whoever has JavaScript keeps the page, and the focus with it.
    assert text.count('http-equiv="refresh"') == 1
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in text
    assert f'hx-get="{pages.page_of(one)}now/"' in text
    assert "<progress" in text
    assert "db_worker" not in text
    seen = []
    work_on(one.pk, tell=lambda one: seen.append(client.get(pages.page_of(one)).status_code))
    assert set(seen) == {200}
    assert "20,000" in client.get(pages.page_of(one)).content.decode()
    assert counts_of(campaign).recipients == 20_000


def test_the_part_that_moves_asks_for_the_whole_page_when_it_is_over(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(client, make_campaign(), b"email\n" + b"a@example.com\n" * 30_000)
    one = Import.objects.get()
    confirm(client, one, "email")
    answer = client.get(f"{pages.page_of(one)}now/")
    text = answer.content.decode()
    assert text.startswith('<div id="import-now" hx-get=')
    assert "<html" not in text
    assert "HX-Refresh" not in answer
    work_on(one.pk)
    answer = client.get(f"{pages.page_of(one)}now/")
    assert answer["HX-Refresh"] == "true"
    assert "hx-get" not in answer.content.decode()


def test_a_waiting_import_is_cancelled_and_its_file_is_gone(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(client, make_campaign(), b"email\n" + b"a@example.com\n" * 30_000)
    one = Import.objects.get()
    confirm(client, one, "email")
    text = client.post(f"{pages.page_of(one)}cancel/", follow=True).content.decode()
    assert "Nothing was stored" in text
    one.refresh_from_db()
    assert one.state == Import.State.CANCELLED
    assert not Path(one.path).exists()
    assert not Recipient.objects.exists()


def test_a_running_import_stops_at_the_next_chunk_when_it_is_cancelled(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.imports.run.CHUNK_ROWS", 1_000)
    client = log_in("marketer")
    content = b"email\n" + b"".join(b"r%07d@example.com\n" % n for n in range(30_000))
    upload(client, make_campaign(), content)
    one = Import.objects.get()
    confirm(client, one, "email")
    told = []

    def cancel(one: Import) -> None:
        told.append(one.rows)
        if len(told) == 2:
            client.post(f"{pages.page_of(one)}cancel/")

    work_on(one.pk, tell=cancel)
    one.refresh_from_db()
    assert one.state == Import.State.CANCELLED
    assert len(told) == 2
    assert not Recipient.objects.exists()
    assert not files.lock_file(one.pk).exists()


def test_rejected_lines_are_downloaded_mended_and_imported_again(log_in: LogIn) -> None:
    client = log_in("marketer")
    campaign = make_campaign()
    content = b'email,name\nann at example.com,=1+1\n"b@x,+49\nok@example.com,\n'
    upload(client, campaign, content)
    one = Import.objects.get()
    confirm(client, one, "email", "name")
    download = client.get(f"{pages.page_of(one)}rejected.csv")
    text = b"".join(download.streaming_content).decode()  # type: ignore[attr-defined]
    header, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert header == ["rejected line", "rejected because", "email", "name"]
    assert rows[0][0] == "2"
    assert rows[0][3] == "'=1+1"
    mended = text.replace("ann at example.com", "ann@example.com")
    mended = mended.replace('"""b@x"', "b@x.example")
    again = import_recipients(campaign, io.BytesIO(mended.encode()))
    assert (again.rejected, again.created) == (0, 2)
    ann = Recipient.objects.get(email="ann@example.com")
    assert (ann.name, ann.attributes) == ("=1+1", {})


def test_rejected_lines_can_be_deleted(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(client, make_campaign())
    one = Import.objects.get()
    confirm(client, one, "email", "name", "nothing")
    client.post(f"{pages.page_of(one)}delete-lines/")
    assert not RejectedLine.objects.exists()


def test_accepted_slips_give_the_recipient_the_address_that_was_meant(log_in: LogIn) -> None:
    campaign = make_campaign("bob@gmail.com", is_sent=False)
    one = import_recipients(
        campaign, io.BytesIO(b"email\nAnn@gmial.com\nbob@gmial.com\nx@hotmial.com\n")
    )
    client = log_in("marketer")
    client.post(f"{pages.page_of(one)}mend/", {"slip": "gmial.com gmail.com"})
    emails = set(Recipient.objects.values_list("email", flat=True))
    assert emails == {"Ann@gmail.com", "bob@gmail.com", "x@hotmial.com"}
    assert len(pixels_of(campaign)) == counts_of(campaign).recipients == 3


def test_who_may_not_import_sees_none_of_its_pages(log_in: LogIn) -> None:
    campaign = make_campaign()
    one = import_recipients(campaign, io.BytesIO(MIXED))
    for name, status in (("viewer", 302), ("nobody", 302), ("staff viewer", 403)):
        client = log_in(name)
        for page in ("", "now/", "rejected.csv"):
            assert client.get(f"{pages.page_of(one)}{page}").status_code == status
        for page in ("confirm/", "again/", "cancel/", "mend/", "delete-lines/"):
            assert client.post(f"{pages.page_of(one)}{page}").status_code == status


def test_an_import_is_found_under_its_own_campaign_only(log_in: LogIn) -> None:
    one = import_recipients(make_campaign(), io.BytesIO(MIXED))
    other = make_campaign()
    client = log_in("marketer")
    page = pages.page_of(one).replace(f"/{one.campaign_id}/import", f"/{other.pk}/import")
    assert client.get(page).status_code == 404
    assert client.get(f"{pages.page_of(one)}cancel/").status_code == 405


def trial_of(client: Client, campaign: Campaign, content: bytes = MIXED) -> Import:
    upload(client, campaign, content)
    one = Import.objects.get()
    text = confirm(client, one, "email", "name", "attribute", dry_run="on")
    assert "Import it now" in text
    one.refresh_from_db()
    assert Path(one.path).exists()
    return one


def test_what_was_tried_is_imported_without_another_upload(log_in: LogIn) -> None:
    client, campaign = log_in("marketer"), make_campaign()
    trial = trial_of(client, campaign)
    assert not Recipient.objects.exists()
    answer = client.post(f"{pages.page_of(trial)}again/", follow=True)
    one = Import.objects.get(trial=trial)
    assert answer.redirect_chain[-1][0] == pages.page_of(one)
    assert (one.state, one.created, one.rejected, one.is_dry_run) == ("done", 2, 1, False)
    assert counts_of(campaign).recipients == 2
    assert Recipient.objects.get(email="a@example.com").attributes == {"City": "Bonn"}
    assert not Path(trial.path).exists()
    assert set(files.import_dir().iterdir()) == {files.import_dir() / "place"}


def test_what_was_tried_is_imported_once(log_in: LogIn) -> None:
    client = log_in("marketer")
    trial = trial_of(client, make_campaign())
    for _ in range(2):
        answer = client.post(f"{pages.page_of(trial)}again/")
        assert answer["Location"] == pages.page_of(Import.objects.get(trial=trial))
    assert Import.objects.count() == 2
    text = client.get(pages.page_of(trial)).content.decode()
    assert "The file was taken for an import" in text
    assert "Import it now" not in text


def test_the_columns_of_what_was_tried_can_be_chosen_anew(log_in: LogIn) -> None:
    client = log_in("marketer")
    trial = trial_of(client, make_campaign())
    client.post(f"{pages.page_of(trial)}again/", {"columns": "on"})
    one = Import.objects.get(trial=trial)
    assert one.state == Import.State.UPLOADED
    confirm(client, one, "email", "nothing", "nothing")
    assert set(Recipient.objects.values_list("name", flat=True)) == {""}


def test_a_long_list_that_was_tried_waits_for_a_worker_again(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(
        client, make_campaign(), b"email\n" + b"".join(b"r%07d@x.de\n" % n for n in range(20_000))
    )
    trial = Import.objects.get()
    confirm(client, trial, "email", dry_run="on")
    work_on(trial.pk)
    client.post(f"{pages.page_of(trial)}again/")
    one = Import.objects.get(trial=trial)
    assert one.pk in tasks.waiting_imports()
    done = work_on(one.pk)
    assert done is not None
    assert done.created == 20_000


def test_the_file_of_a_trial_is_kept_for_a_day(log_in: LogIn) -> None:
    client = log_in("marketer")
    trial = trial_of(client, make_campaign())
    clean_up()
    assert Path(trial.path).exists()
    Import.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    clean_up()
    assert not Path(trial.path).exists()
    text = client.post(f"{pages.page_of(trial)}again/", follow=True).content.decode()
    assert "The file is gone from the server" in text
    assert "Upload it again to import it" in text
    assert not Recipient.objects.exists()


def test_a_trial_whose_file_was_lost_ends_as_a_failed_import(log_in: LogIn) -> None:
    client = log_in("marketer")
    trial = trial_of(client, make_campaign())
    Path(trial.path).unlink()
    text = client.post(f"{pages.page_of(trial)}again/", follow=True).content.decode()
    assert "The file is gone from the server" in text
    assert Import.objects.get(trial=trial).state == Import.State.FAILED


def test_lines_with_more_cells_than_the_header_are_said_and_can_be_mended(log_in: LogIn) -> None:
    client, campaign = log_in("marketer"), make_campaign()
    upload(client, campaign, b"email,name\na@example.com,Lovelace, Ada\nb@example.com,Bea,,\n")
    one = Import.objects.get()
    text = confirm(client, one, "email", "name")
    assert "the line has 3 cells and the header 2" in text
    assert "Lovelace |  Ada" in text
    assert [one.email for one in Recipient.objects.all()] == ["b@example.com"]
    download = client.get(f"{pages.page_of(one)}rejected.csv")
    text = b"".join(download.streaming_content).decode()  # type: ignore[attr-defined]
    mended = text.replace("Lovelace, Ada", '"Lovelace, Ada"')
    again = import_recipients(campaign, io.BytesIO(mended.encode()))
    assert (again.rejected, again.created) == (0, 1)
    assert Recipient.objects.get(email="a@example.com").name == "Lovelace, Ada"


def test_a_column_without_a_name_can_be_an_attribute(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(client, make_campaign(), b"email,,city\na@example.com,x,Bonn\n")
    one = Import.objects.get()
    assert "column 2" in client.get(pages.page_of(one)).content.decode()
    confirm(client, one, "email", "attribute", "attribute")
    assert Recipient.objects.get().attributes == {"column 2": "x", "city": "Bonn"}


def test_the_pages_say_how_the_file_was_read(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(client, make_campaign(), b"Our members\nemail;name\na@example.com;Ann\n")
    one = Import.objects.get()
    said = "Line 2 is the header; what stands above it was passed over."
    assert said in client.get(pages.page_of(one)).content.decode()
    assert said in confirm(client, one, "email", "name")


def test_somebody_may_say_in_the_browser_that_there_is_no_header(log_in: LogIn) -> None:
    client, campaign = log_in("marketer"), make_campaign()
    where = f"/admin/campaigns/campaign/{campaign.pk}/import/"
    page = client.get(where).content.decode()
    label = '<label class="vCheckboxLabel" for="id_no_header">The first line is a recipient'
    assert label in page
    assert 'type="checkbox" name="no_header"' in page
    content = b"anna,Anna\nbert@example.com,Bert\n"
    client.post(where, {"file": SimpleUploadedFile("list.csv", content), "no_header": "on"})
    one = Import.objects.get()
    assert "Anna" in client.get(pages.page_of(one)).content.decode()
    text = confirm(client, one, "email", "name")
    assert "“anna” is not an email address" in text
    assert [one.name for one in Recipient.objects.all()] == ["Bert"]


def test_between_two_columns_of_addresses_the_page_chooses_none_and_says_so(log_in: LogIn) -> None:
    client = log_in("marketer")
    upload(client, make_campaign(), b"Owner mail,Other mail\na@x.org,b@x.org\n")
    one = Import.objects.get()
    text = client.get(pages.page_of(one)).content.decode()
    assert "“Owner mail”, “Other mail”" in text
    assert '<option value="email" selected>' not in text
    confirm(client, one, "attribute", "email")
    assert Recipient.objects.get().email == "b@x.org"


def test_rejected_lines_that_nobody_has_mended_are_rejected_again(log_in: LogIn) -> None:
    client, campaign = log_in("marketer"), make_campaign()
    lines = b"email,name\na@example.com,An\0n\nb@example.com\0\0,Bea\nc@example.com,Cy,x\n"
    one = import_recipients(campaign, io.BytesIO(lines + b"d@example.com,Di\0\n"))
    kept = RejectedLine.objects.filter(of_import=one).order_by("line")
    reasons = list(kept.values_list("reason", flat=True))
    assert reasons[0] == reasons[3] == "the name holds a NUL character"
    assert "it holds a NUL character" in reasons[1]
    assert "3 cells and the header 2" in reasons[2]
    download = client.get(f"{pages.page_of(one)}rejected.csv")
    content = b"".join(download.streaming_content)  # type: ignore[attr-defined]  # a client's answer may stream
    again = import_recipients(campaign, io.BytesIO(content))
    kept = RejectedLine.objects.filter(of_import=again).order_by("line")
    assert list(kept.values_list("reason", flat=True)) == reasons
    assert not Recipient.objects.exists()
