from __future__ import annotations

import csv
import io
import secrets
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.imports.errors import LostLeaseError
from campaigns.models import AuditEntry, Campaign, Recipient
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.persons.everywhere import places_in_files
from tracker.exports import PEOPLE_HEADER
from tracker.models import Work
from tracker.pages import long_files
from tracker.persons.erasure import erase
from tracker.segments.choice import Choice, Who
from tracker.snippet_files import FORMATS
from tracker.work import files, writing
from tracker.work.begin import cancel
from tracker.work.kinds import DOINGS
from tracker.work.lease import work_dir
from tracker.work.run import InterruptedWorkError, work_on
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("real_db")


@pytest.fixture(autouse=True)
def small(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")
    monkeypatch.setattr(writing, "STEP", 4)
    monkeypatch.setattr(writing, "AT_ONCE", 5)


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign(*emails(11), "=formula@example.com", name="Spring")
    Recipient.objects.filter(email=emails(11)[2]).update(name='Bo "B", Öst\nx')
    write_hits([make_hit(pixel.pk) for pixel in pixels_of(campaign)[:5]])
    return campaign


def snippets(campaign: Campaign, people: Any, form: str = "csv") -> Work:
    user = people["marketer"].pk
    return writing.want_snippets(campaign, form, by=user, form_id=secrets.token_hex(16))


def stop_after(steps: int) -> Callable[[], bool]:
    asked = iter([False] * steps)
    return lambda: next(asked, True)


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.mark.parametrize(
    ("query", "direct"),
    [
        *((f"what=snippets&format={name}", f"snippets.csv?format={name}") for name in FORMATS),
        ("what=report", "report.csv"),
        ("what=segment&format=csv&who=opened", "segments/segment.csv?who=opened"),
        ("what=segment&format=jsonl&who=unopened", "segments/segment.jsonl?who=unopened"),
    ],
)
def test_a_prepared_file_is_the_one_that_is_sent_at_once(
    query: str, direct: str, campaign: Campaign, log_in: LogIn
) -> None:
    client = log_in("marketer")
    base = f"/campaigns/{campaign.pk}"
    page = client.get(f"{base}/prepare/?{query}")
    form = {
        "form_id": page.context["form"]["form_id"].value(),
        **dict(part.split("=") for part in query.split("&")),
        **page.context["file"].fields,
    }
    at_once = client.get(page.context["file"].at_once)
    first, again = client.post(f"{base}/prepare/", form), client.post(f"{base}/prepare/", form)
    assert first["Location"] == again["Location"]
    work = Work.objects.get()
    done = work_on(work.pk, DOINGS)
    assert done is not None
    assert (done.state, done.done, done.total) == (Work.State.DONE, 12, 12)
    assert "It is ready" in client.get(first["Location"]).content.decode()
    prepared = client.get(f"{first['Location']}file")
    text = content(prepared)
    assert text == content(at_once) == content(client.get(f"{base}/{direct}"))
    assert text.count(b"example.com") >= 5
    for header in ("Content-Type", "Content-Disposition"):
        assert prepared[header] == at_once[header]


@pytest.mark.parametrize("tail", [b"", b"half a li", b"x" * 100_000])
def test_who_goes_on_leaves_no_line_out_and_doubles_none(
    tail: bytes, campaign: Campaign, people: Any, log_in: LogIn
) -> None:
    work = snippets(campaign, people)
    for _ in range(2):
        with pytest.raises(InterruptedWorkError):
            work_on(work.pk, DOINGS, must_stop=stop_after(0))
        with files.path_of(work).open("ab") as file:
            # Written by a process that died before it could say so.
            file.write(tail)
    work_on(work.pk, DOINGS)
    client = log_in("marketer")
    direct = content(client.get(f"/campaigns/{campaign.pk}/snippets.csv"))
    assert content(client.get(f"/work/{work.pk}/file")) == direct


def test_a_file_that_lost_its_end_is_begun_anew(
    campaign: Campaign, people: Any, log_in: LogIn
) -> None:
    work = snippets(campaign, people)
    with pytest.raises(InterruptedWorkError):
        work_on(work.pk, DOINGS, must_stop=stop_after(1))
    with files.path_of(work).open("r+b") as file:
        file.truncate(10)
    done = work_on(work.pk, DOINGS)
    assert done is not None
    assert done.done == 12
    client = log_in("marketer")
    direct = content(client.get(f"/campaigns/{campaign.pk}/snippets.csv"))
    assert content(client.get(f"/work/{work.pk}/file")) == direct


def test_a_file_that_an_upgrade_finds_half_written_has_the_same_columns_in_all_its_lines(
    campaign: Campaign, people: Any
) -> None:
    work = writing.want_people(campaign, "csv", by=people["marketer"].pk, form_id="c" * 32)
    with pytest.raises(InterruptedWorkError):
        work_on(work.pk, DOINGS, must_stop=stop_after(1))
    work.refresh_from_db()
    former = files.path_of(work).read_text(encoding="utf-8").replace(",human_opens", "")
    files.path_of(work).write_text(former, encoding="utf-8")
    position = {"recipient": work.position["recipient"], "bytes": len(former.encode())}
    Work.objects.filter(pk=work.pk).update(position=position)
    assert work_on(work.pk, DOINGS) is not None
    lines = list(csv.reader(io.StringIO(files.path_of(work).read_text(encoding="utf-8-sig"))))
    assert len(lines) == 1 + 12
    assert lines[0] == list(PEOPLE_HEADER)
    assert {len(line) for line in lines} == {len(PEOPLE_HEADER)}


def test_nobody_else_on_the_machine_can_read_it(campaign: Campaign, people: Any) -> None:
    work = snippets(campaign, people)
    work_on(work.pk, DOINGS)
    assert stat.S_IMODE(files.path_of(work).stat().st_mode) == 0o600
    assert stat.S_IMODE(work_dir().stat().st_mode) == 0o700
    assert len(files.path_of(work).name.removeprefix("file-")) == 32
    work.refresh_from_db()
    assert "file-" not in str(work.result)


@pytest.mark.parametrize("moment", ["waiting", "working", "done"])
def test_whoever_is_erased_is_in_no_prepared_file(
    moment: str, campaign: Campaign, people: Any, log_in: LogIn, settings: Any
) -> None:
    gone = emails(11)[1]
    other = make_campaign("other@example.com")
    kept = snippets(other, people)
    work_on(kept.pk, DOINGS)
    work = snippets(campaign, people)
    if moment == "working":
        with pytest.raises(InterruptedWorkError):
            work_on(work.pk, DOINGS, must_stop=stop_after(0))
    elif moment == "done":
        work_on(work.pk, DOINGS)
    folder = Path(settings.IMPORT_DIR)
    assert bool(places_in_files(gone, folder)) == (moment != "waiting")
    erase(Recipient.objects.get(email=gone), None)
    assert places_in_files(gone, folder) == set()
    work.refresh_from_db()
    assert (work.state, work.fault) == (Work.State.FAILED, Work.Fault.ERASED)
    assert work_on(work.pk, DOINGS) is None
    client = log_in("marketer")
    assert client.get(f"/work/{work.pk}/file").status_code == 302
    assert "Somebody in it was erased" in client.get(f"/work/{work.pk}/").content.decode()
    # Files without them stay.
    assert content(client.get(f"/work/{kept.pk}/file"))
    again = snippets(campaign, people)
    work_on(again.pk, DOINGS)
    assert places_in_files(gone, folder) == set()
    assert gone.encode() not in content(client.get(f"/work/{again.pk}/file"))


def test_who_is_erased_while_the_file_is_written_is_not_in_it_either(
    campaign: Campaign, people: Any, settings: Any
) -> None:
    work = snippets(campaign, people)
    gone = emails(11)[1]

    def erased_after_a_step() -> bool:
        erase(Recipient.objects.get(email=gone), None)
        return False

    with pytest.raises(LostLeaseError):
        work_on(work.pk, DOINGS, must_stop=erased_after_a_step)
    assert places_in_files(gone, Path(settings.IMPORT_DIR)) == set()
    assert not files.path_of(work).exists()


def test_cancelled_its_file_goes(campaign: Campaign, people: Any) -> None:
    work = snippets(campaign, people)
    with pytest.raises(InterruptedWorkError):
        work_on(work.pk, DOINGS, must_stop=stop_after(0))
    assert files.path_of(work).exists()
    cancel(work)
    work_on(work.pk, DOINGS)
    assert not files.path_of(work).exists()


def test_after_a_day_it_is_gone_and_so_are_files_that_are_nobodys(
    campaign: Campaign, people: Any, log_in: LogIn
) -> None:
    old, young, waiting = (snippets(campaign, people) for _ in range(3))
    for work in (old, young):
        work_on(work.pk, DOINGS)
    with pytest.raises(InterruptedWorkError):
        work_on(waiting.pk, DOINGS, must_stop=stop_after(0))
    (work_dir() / "file-nobodys").write_text("x")
    Work.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(hours=25))
    client = log_in("marketer")
    # Even before anybody has removed it.
    answer = client.get(f"/work/{old.pk}/file", follow=True).content.decode()
    assert "The file is no longer here." in answer
    assert "it was kept for a day" in answer
    files.clean_up()
    assert {path.name for path in work_dir().glob("file-*")} == {
        files.path_of(young).name,
        files.path_of(waiting).name,
    }


def test_who_may_not_have_it_at_once_may_not_have_it_prepared(
    campaign: Campaign, people: Any, log_in: LogIn
) -> None:
    of_snippets = snippets(campaign, people)
    of_people = writing.want_people(
        campaign, "csv", Choice(Who.OPENED), by=people["marketer"].pk, form_id="0" * 32
    )
    for work in (of_snippets, of_people):
        work_on(work.pk, DOINGS)
    viewer, nobody = log_in("viewer"), log_in("nobody")
    base = f"/campaigns/{campaign.pk}/prepare/"
    assert viewer.get(f"/work/{of_snippets.pk}/file").status_code == 403
    assert viewer.get(f"{base}?what=snippets").status_code == 403
    assert viewer.post(base, {"what": "snippets", "form_id": "1" * 32}).status_code == 403
    assert viewer.get(f"/work/{of_people.pk}/file").status_code == 200
    assert viewer.get(f"{base}?what=report").status_code == 200
    assert nobody.get(f"/work/{of_people.pk}/file").status_code == 403
    assert nobody.get(f"{base}?what=report").status_code == 403
    assert Work.objects.count() == 2
    actions = list(AuditEntry.objects.values_list("action", "by_name"))
    assert actions == [("report-taken", "vito")]


@pytest.mark.parametrize(
    "query",
    ["", "what=x", "what=snippets&format=exe", "what=report&format=jsonl", "what=segment&who=x"],
)
def test_there_are_no_other_files(query: str, campaign: Campaign, log_in: LogIn) -> None:
    client = log_in("administrator")
    assert client.get(f"/campaigns/{campaign.pk}/prepare/?{query}").status_code == 404
    assert client.post(f"/campaigns/{campaign.pk}/prepare/?{query}").status_code == 404
    assert client.post(f"/campaigns/{campaign.pk}/prepare/", {"what": "report"}).status_code == 400


def test_only_long_files_are_offered_so(campaign: Campaign, log_in: LogIn) -> None:
    short = make_campaign(*emails(5))
    client = log_in("marketer")
    for one, is_long in ((campaign, True), (short, False)):
        for path in ("", "snippets/", "segments/?who=all"):
            text = client.get(f"/campaigns/{one.pk}/{path}").content.decode()
            assert ("/prepare/?what=" in text) == is_long, path
    assert long_files.is_long(6)
    assert not long_files.is_long(5)
