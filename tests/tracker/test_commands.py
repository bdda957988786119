from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns.models import Campaign, Recipient
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.server import ROOT
from tracker.models import CampaignCounts, Open
from tracker.spool import Spool
from tracker.writer import write_hits


def run(*arguments: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.django_db
def test_creating_a_campaign_prints_its_id_alone() -> None:
    printed = run("create_campaign", "Spring", "--subject", "New")
    campaign = Campaign.objects.get()
    assert printed == f"{campaign.pk}\n"
    assert campaign.subject == "New"


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "reason"), [("", "name"), ("x" * 201, "200")])
def test_a_name_that_cannot_be_is_refused(name: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        run("create_campaign", name)
    assert not Campaign.objects.exists()


@pytest.mark.django_db
def test_the_import_summary_is_one_json_object(tmp_path: Path) -> None:
    campaign = make_campaign()
    file = tmp_path / "list.csv"
    file.write_bytes(b"email\na@example.com\nwrong\nA@example.com\n")
    summary = json.loads(run("import_recipients", campaign.pk, str(file), "--json"))
    assert summary["rows"] == 3
    assert (summary["created"], summary["updated"], summary["duplicates"]) == (1, 0, 1)
    (rejected,) = summary["rejected"]
    assert (rejected["line"], rejected["text"]) == (3, "wrong")
    assert rejected["reason"].startswith("“wrong” is not an email address")


@pytest.mark.django_db
def test_an_import_is_told_which_columns_hold_what(tmp_path: Path) -> None:
    campaign = make_campaign()
    file = tmp_path / "list.csv"
    file.write_text("Email,Other,First,Last,Secret\na@x.org,b@x.org,Ann,Lee,1\n")
    columns = ("--email", "other", "--name", "Last", "--name", "3", "--leave-out", "Secret")
    summary = json.loads(run("import_recipients", campaign.pk, str(file), *columns, "--json"))
    assert summary["created"] == 1
    (recipient,) = Recipient.objects.all()
    assert (recipient.email, recipient.name) == ("b@x.org", "Lee Ann")
    assert recipient.attributes == {"Email": "a@x.org"}
    with pytest.raises(CommandError, match="no column “Phone”"):
        run("import_recipients", campaign.pk, str(file), "--email", "Phone")


@pytest.mark.django_db
def test_an_import_is_told_of_encoding_and_missing_header(tmp_path: Path) -> None:
    campaign = make_campaign()
    file = tmp_path / "list.csv"
    file.write_bytes("anna,Łukasz\nb@x.org,Żółć\n".encode("iso-8859-2"))
    told = ("--no-header", "--encoding", "latin2", "--json")
    summary = json.loads(run("import_recipients", campaign.pk, str(file), *told))
    assert [row["line"] for row in summary["rejected"]] == [1]
    assert Recipient.objects.get().attributes == {"column 2": "Żółć"}
    with pytest.raises(CommandError, match="no text encoding “klingon”"):
        run("import_recipients", campaign.pk, str(file), "--encoding", "klingon")


@pytest.mark.django_db
def test_an_import_asks_which_of_two_columns_of_addresses_is_meant(tmp_path: Path) -> None:
    campaign = make_campaign()
    file = tmp_path / "list.csv"
    file.write_text("Owner mail,Billing mail\na@x.org,b@x.org\n")
    with pytest.raises(CommandError, match=r"“Owner mail”, “Billing mail”.* --email"):
        run("import_recipients", campaign.pk, str(file))
    assert not Recipient.objects.exists()
    run("import_recipients", campaign.pk, str(file), "--email", "billing mail")
    assert Recipient.objects.get().email == "b@x.org"


@pytest.mark.django_db
def test_rejected_lines_are_written_to_be_mended_and_imported(tmp_path: Path) -> None:
    campaign = make_campaign()
    file, rejected = tmp_path / "list.csv", tmp_path / "rejected.csv"
    file.write_text(f"email,name\na@x.org,Ann\nb@x,=Bob\n{'y' * 70_000},Cy\n{'z' * 5_000},Di\n")
    run("import_recipients", campaign.pk, str(file), "--rejected", str(rejected), "--dry-run")
    text = rejected.read_text("utf-8")
    assert text.startswith("\ufeffrejected line,rejected because,email,name")
    assert "longer than 65,536 bytes: only its first 200 characters are kept" in text
    assert "of each cell, only the first 4,000 characters are kept" in text
    assert "'=Bob" in text
    rejected.write_text(text.replace("b@x,", "b@x.org,"))
    summary = json.loads(run("import_recipients", campaign.pk, str(rejected), "--json"))
    assert (summary["rows"], summary["created"], len(summary["rejected"])) == (3, 1, 2)
    assert Recipient.objects.get().name == "=Bob"


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "words"), [("list.csv", "the list itself"), ("", "written")])
def test_rejected_lines_that_cannot_be_written_are_said_so_first(
    name: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("email\na@x.org\n")
    with pytest.raises(CommandError, match=words):
        run("import_recipients", make_campaign().pk, str(file), "--rejected", str(tmp_path / name))
    assert file.read_text() == "email\na@x.org\n"
    assert not Recipient.objects.exists()


@pytest.mark.django_db
def test_what_was_meant_by_a_rejected_line_is_part_of_the_summary(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("email\ny(at)acme.com\nnonsense\n")
    summary = json.loads(run("import_recipients", make_campaign().pk, str(file), "--json"))
    offered, other = summary["rejected"]
    assert (offered["text"], offered["suggestion"]) == ("y(at)acme.com", "y@acme.com")
    assert "suggestion" not in other


@pytest.mark.django_db
def test_the_import_summary_reads_well(tmp_path: Path) -> None:
    campaign = make_campaign()
    file = tmp_path / "list.csv"
    file.write_bytes(b"email\na@example.com\nwrong\n")
    text = run("import_recipients", campaign.pk, str(file), "--dry-run")
    assert text.startswith("Only tried, nothing stored.")
    assert "line 3: “wrong” is not an email address" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        ("import_recipients", 999, "list.csv"),
        ("mark_sent", 999),
        ("mark_bounced", 999, "list.csv"),
        ("export_snippets", 999),
        ("report", 999),
    ],
)
def test_a_campaign_that_does_not_exist_is_said_so(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(CommandError, match=r"There is no campaign 999\. There is none yet\."):
        run(*arguments)


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["import_recipients", "mark_bounced"])
def test_a_file_that_does_not_exist_is_said_so(command: str) -> None:
    campaign = make_campaign()
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run(command, campaign.pk, "no-such-file.csv")


@pytest.mark.django_db
def test_sending_and_bouncing_by_command_change_what_the_report_says(tmp_path: Path) -> None:
    campaign = make_campaign(*emails(4), is_sent=False)
    run("mark_sent", campaign.pk, "--at", "2026-03-12T09:00+01:00")
    bounced = tmp_path / "bounced.txt"
    bounced.write_text("r0003@example.com\nstranger@example.com\n")
    text = run("mark_bounced", campaign.pk, str(bounced))
    assert "line 2: not in this campaign: stranger@example.com" in text
    report = json.loads(run("report", campaign.pk, "--json"))
    assert report["sent_at"] == "2026-03-12T08:00:00+00:00"
    assert (report["sent"], report["bounces"], report["delivered"]) == (4, 1, 3)
    assert report["open_rate"] == 0


@pytest.mark.django_db
def test_a_moment_that_is_none_is_refused() -> None:
    campaign = make_campaign()
    for wrong in ("yesterday", "2026-99-99T00:00"):
        with pytest.raises(CommandError, match="is not a date and time"):
            run("mark_sent", campaign.pk, "--at", wrong)


@pytest.mark.django_db
def test_the_report_of_a_campaign_that_was_not_sent_has_no_rate() -> None:
    campaign = make_campaign(*emails(2), is_sent=False)
    report = json.loads(run("report", campaign.pk, "--json"))
    assert report["open_rate"] is None
    assert report["sent_at"] is None
    text = run("report", campaign.pk)
    assert re.search(r"^open rate +–$", text, re.MULTILINE)
    assert re.search(r"^human open rate +–$", text, re.MULTILINE)


@pytest.mark.usefixtures("real_db")
def test_the_report_has_the_glossarys_keys_and_exact_values() -> None:
    campaign = make_campaign(*emails(4))
    one, other, *_ = pixels_of(campaign)
    write_hits([make_hit(one.pk), make_hit(one.pk), make_hit(other.pk)])
    report = json.loads(run("report", campaign.pk, "--json"))
    assert report["campaign_id"] == campaign.pk
    assert (report["recipients"], report["opens"], report["unique_opens"]) == (4, 3, 2)
    assert (report["open_rate"], report["total_open_rate"]) == (0.5, 0.75)
    assert report["opens_per_opener"] == 1.5


@pytest.mark.django_db
def test_snippets_are_exported_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    campaign = make_campaign(*emails(3))
    file = tmp_path / "snippets.csv"
    printed = run("export_snippets", campaign.pk)
    assert run("export_snippets", campaign.pk, "--output", str(file)) == ""
    assert file.read_bytes().decode() == printed
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["email"] for row in rows] == emails(3)
    assert all(row["pixel_url"] in row["snippet"] for row in rows)
    with pytest.raises(CommandError, match="cannot be written"):
        run("export_snippets", campaign.pk, "--output", str(tmp_path / "no" / "such" / "place"))


@pytest.mark.django_db
def test_snippets_are_exported_for_each_program() -> None:
    campaign = make_campaign(*emails(3))
    assert run("export_snippets", campaign.pk, "--format", "word").startswith(
        "\ufeffemail\tname\tpixel_url\tprivacy_url\tcode\r\n"
    )
    lines = run("export_snippets", campaign.pk, "--format", "jsonl").splitlines()
    assert [json.loads(line)["email"] for line in lines] == emails(3)
    with pytest.raises(CommandError, match="invalid choice: 'pdf'"):
        run("export_snippets", campaign.pk, "--format", "pdf")


@pytest.mark.usefixtures("real_db")
def test_verifying_exits_with_1_on_drift_left_unrepaired() -> None:
    campaign = make_campaign(*emails(3))
    write_hits([make_hit(pixels_of(campaign)[0].pk)])
    assert json.loads(run("verify_counts", "--json")) == {"checked": 5, "drift": 0}
    CampaignCounts.objects.update(opens=7)
    with pytest.raises(SystemExit) as exit_status:
        run("verify_counts")
    assert exit_status.value.code == 1
    assert json.loads(run("verify_counts", "--repair", "--json"))["drift"] == 1
    assert json.loads(run("verify_counts", "--json"))["drift"] == 0


@pytest.mark.usefixtures("real_db")
def test_the_spool_is_shown_and_replayed_by_hand(settings: Any, tmp_path: Path) -> None:
    settings.SPOOL_DIR = str(tmp_path)
    assert "The spool is empty." in run("spool")
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    spool = Spool(tmp_path)
    spool.append([make_hit(pixel.pk), make_hit(pixel.pk)])
    spool.release()
    assert "1 file waits" in run("spool")
    assert json.loads(run("spool", "--replay", "--json"))["replayed"] == 2
    assert Open.objects.count() == 2


@pytest.mark.django_db
def test_the_first_administrators_password_is_printed_once(django_user_model: Any) -> None:
    printed = run("create_administrator")
    password = printed.split("password")[2 if printed.count("password") > 2 else 1].split()[0]
    assert django_user_model.objects.get(username="admin").check_password(password)
    again = run("create_administrator", "--username", "other")
    assert again == "There is an administrator already: admin. Nothing done.\n"
    assert run("create_administrator", "--once") == ""
    assert django_user_model.objects.count() == 1


@pytest.mark.django_db
def test_an_address_that_is_taken_is_refused() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(CommandError, match="Address already in use"):
            run("serve", "--bind", f"127.0.0.1:{other.getsockname()[1]}")


@pytest.mark.django_db
def test_sending_in_the_future_is_refused() -> None:
    campaign = make_campaign(*emails(1), is_sent=False)
    with pytest.raises(CommandError, match="lies in the future"):
        run("mark_sent", campaign.pk, "--at", "2999-01-01T00:00+00:00")


@pytest.mark.django_db
@pytest.mark.parametrize("bind", ["8000", "127.0.0.1:", "127.0.0.1:0", ":8000", "127.0.0.1:70000"])
def test_an_address_that_cannot_be_bound_is_explained(bind: str) -> None:
    with pytest.raises(CommandError, match="write HOST:PORT"):
        run("serve", "--bind", bind)


@pytest.mark.django_db
def test_work_of_a_kind_that_there_is_not_is_refused() -> None:
    assert run("work") == run("work", "rejudge", "campaign") == ""
    with pytest.raises(CommandError, match="people"):
        run("work", "peopel")


def test_a_database_without_its_tables_or_columns_is_told_to_be_migrated(tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite3"
    for statement in ("", "CREATE TABLE campaigns_campaign (id integer PRIMARY KEY, name text)"):
        with sqlite3.connect(file) as old:
            old.execute(statement)
        old.close()
        result = subprocess.run(
            [sys.executable, "manage.py", "report", "1"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": f"sqlite:///{file}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 1
        assert "not up to date (no such" in result.stderr
        assert result.stderr.endswith("Run: manage.py migrate\n")
