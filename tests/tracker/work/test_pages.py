from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import AuditEntry, Campaign, Import
from tests.conftest import make_campaign, make_hit, pixels_of
from tests.tracker.judging.test_again import BROWSER
from tracker.models import Work
from tracker.work.kinds import DOINGS
from tracker.work.progress import WorkProgress, duration, rate_of, seconds_left
from tracker.work.run import work_on
from tracker.writer import write_hits

LogIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")


def form_of(client: Client, query: str = "") -> dict[str, str]:
    form = client.get(f"/work/rejudge/?{query}").context["form"]
    return {"form_id": form["form_id"].value(), "campaign": query.removeprefix("campaign=")}


@pytest.mark.usefixtures("real_db")
def test_a_marketer_asks_watches_and_reads_what_changed(log_in: LogIn) -> None:
    campaign = make_campaign("a@example.com", name="Spring")
    write_hits([make_hit(pixels_of(campaign)[0].pk, user_agent=BROWSER)])
    client = log_in("marketer")
    form = form_of(client, f"campaign={campaign.pk}")
    answer = client.post("/work/rejudge/", form)
    work = Work.objects.get()
    assert answer["Location"] == work.get_absolute_url()
    assert (work.campaign, work.parameters, work.created_by) == (
        campaign,
        {"is_trial": False},
        User.objects.get(username="mara"),
    )
    assert AuditEntry.objects.get(action="rejudged").object_id == str(campaign.pk)
    page = client.get(work.get_absolute_url()).content.decode()
    assert "Waits for its turn" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "HX-Refresh" not in client.get(f"/work/{work.pk}/now")
    work_on(work.pk, DOINGS)
    assert client.get(f"/work/{work.pk}/now")["HX-Refresh"] == "true"
    page = client.get(work.get_absolute_url()).content.decode()
    assert "Every verdict stays as it is." in page
    assert "person, own client" in page
    assert "http-equiv" not in page
    assert "Spring" in client.get("/work/").content.decode()


@pytest.mark.django_db
def test_a_form_sent_twice_asks_for_one_walk(log_in: LogIn) -> None:
    client = log_in("marketer")
    form = form_of(client) | {"trial": "on"}
    first, again = client.post("/work/rejudge/", form), client.post("/work/rejudge/", form)
    assert first["Location"] == again["Location"]
    assert Work.objects.get().parameters == {"is_trial": True}
    # Who only tries changes nothing that the log would tell.
    assert not AuditEntry.objects.exists()
    client.post("/work/rejudge/", form_of(client))
    assert Work.objects.count() == 2


@pytest.mark.django_db
def test_a_form_from_elsewhere_asks_for_nothing(log_in: LogIn) -> None:
    client = log_in("marketer")
    for form in ({}, {"form_id": "x"}, {"form_id": "0" * 32, "campaign": "99"}):
        assert client.post("/work/rejudge/", form).status_code == 400
    for number in ("99", "x", "9" * 40, "-1"):
        assert client.get(f"/work/rejudge/?campaign={number}").status_code == 404
    assert not Work.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["viewer", "staff viewer", "nobody"])
def test_who_may_not_judge_sees_none_of_it(name: str, log_in: LogIn) -> None:
    work = Work.objects.create(kind=Work.Kind.REJUDGE, form_id="0" * 32, place="here")
    client = log_in(name)
    for path in ("/work/rejudge/", f"/work/{work.pk}/", f"/work/{work.pk}/now"):
        assert client.get(path).status_code == 403, path
    # Who reads reports may have files of recipients prepared.
    seen = client.get("/work/")
    assert seen.status_code == (403 if name == "nobody" else 200)
    assert "udging" not in seen.content.decode()
    assert client.post(f"/work/{work.pk}/cancel").status_code == 403
    assert client.post("/work/rejudge/", {"form_id": "1" * 32}).status_code == 403
    assert Client().get("/work/")["Location"].startswith("/accounts/login/")
    work.refresh_from_db()
    assert not work.is_cancel_requested
    assert Work.objects.count() == 1


@pytest.mark.django_db
def test_work_is_cancelled_by_a_form_and_not_by_a_link(log_in: LogIn) -> None:
    client = log_in("marketer")
    work_url = client.post("/work/rejudge/", form_of(client))["Location"]
    assert client.get(f"{work_url}cancel").status_code == 405
    assert client.post(f"{work_url}cancel", follow=True).status_code == 200
    assert Work.objects.get().state == Work.State.CANCELLED
    again = client.post(f"{work_url}cancel", follow=True).content.decode()
    assert "This was over already." in again
    assert "It was not finished" in again


@pytest.mark.django_db
def test_the_list_has_imports_too_and_what_is_not_over_first(log_in: LogIn) -> None:
    campaign = make_campaign(name="Spring")
    same: dict[str, Any] = {"campaign": campaign, "is_ours": True, "place": "here", "size": 10}
    Import.objects.create(**same, file_name="running.csv", state="reading", bytes_read=5)
    Import.objects.create(**same, file_name="uploaded.csv")
    Work.objects.create(kind=Work.Kind.REJUDGE, form_id="0" * 32, place="here", state="done")
    page = log_in("marketer").get("/work/")
    assert [(row.what, row.percent) for row in page.context["rows"]] == [
        ("import of “running.csv”", 50),
        ("judging opens again", None),
    ]


@pytest.mark.django_db
def test_the_list_takes_as_many_queries_for_many_as_for_few(
    log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        Work.objects.create(
            kind=Work.Kind.REJUDGE,
            form_id=f"{number:032}",
            place="here",
            campaign=Campaign.objects.create(name=f"C{number}"),
        )
    client = log_in("administrator")
    with django_assert_max_num_queries(8):
        assert client.get("/work/").content.decode().count("<tr>") == 21


# How far it is.


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.floats(0, 1e7), st.integers(0, 10**12))
def test_progress_is_never_beyond_its_end(done: int, total: int, ago: float, before: int) -> None:
    work = Work(
        state=Work.State.WORKING,
        done=done,
        total=total,
        resumed_done=min(done, before),
        resumed_at=timezone.now() - timedelta(seconds=ago),
    )
    progress = WorkProgress.of(work)
    assert (progress.percent is None) == (total == 0)
    assert progress.percent is None or 0 <= progress.percent <= 100
    assert progress.rate is None or progress.rate >= 0
    assert progress.seconds_left is None or progress.seconds_left >= 0
    if progress.seconds_left is not None:
        assert re.fullmatch(r"[\d,.]+ (second|minute|hour)s?", duration(progress.seconds_left))


def test_rate_and_time_left_are_of_the_process_that_works_now() -> None:
    now = timezone.now()
    work = Work(
        state=Work.State.WORKING,
        done=600,
        total=1000,
        resumed_done=500,
        started_at=now - timedelta(days=3),
        resumed_at=now - timedelta(seconds=10),
    )
    progress = WorkProgress.of(work)
    assert (progress.percent, progress.rate, progress.seconds_left) == (60, 10, 40)
    assert rate_of(5, 0.1) is None
    assert seconds_left(0.0, 100) is None


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (1, "1 second", "1 Sekunde"),
        (59, "59 seconds", "59 Sekunden"),
        (61, "1 minute", "1 Minute"),
        (5_400, "90 minutes", "90 Minuten"),
        (10_000, "3 hours", "3 Stunden"),
    ],
)
def test_a_duration_is_as_exact_as_anybody_can_know(
    seconds: int, english: str, german: str
) -> None:
    assert duration(seconds) == english
    with translation.override("de"):
        assert duration(seconds) == german
