from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Recipient, SuppressedAddress
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.test_segments import form_of
from tracker.consent import choose_for_campaign
from tracker.models import CampaignCounts, Pixel, PixelTracking, Work
from tracker.pixels import mark_bounced
from tracker.recount import verify
from tracker.segments import making
from tracker.segments.choice import Choice, Who
from tracker.segments.resend import resend
from tracker.work import lease
from tracker.work.begin import cancel
from tracker.work.kinds import DOINGS
from tracker.work.run import InterruptedWorkError, work_on
from tracker.writer import write_hits

LogIn = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("real_db")


@pytest.fixture(autouse=True)
def small(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")
    monkeypatch.setattr(making, "STEP", 4)
    monkeypatch.setattr(making, "AT_ONCE", 5)


def a_source() -> Campaign:
    """Ten: one bounced, one erased since, one suppressed; one chose to be off, one opened."""
    source = make_campaign(*emails(10), name="Spring")
    mark_bounced(source, [emails(10)[3]], at=timezone.now())
    write_hits([make_hit(pixels_of(source)[0].pk)])
    Recipient.objects.filter(email=emails(10)[5]).update(erased_at=timezone.now())
    SuppressedAddress.objects.create(email_key=emails(10)[7])
    Recipient.objects.filter(email=emails(10)[8]).update(tracking="off")
    return source


def wanted(source: Campaign, choice: Choice = Choice(Who.ALL)) -> Work:  # noqa: B008  # frozen
    return making.want(
        source, choice, Campaign(name="Resent to all"), user_id=None, form_id=secrets.token_hex(16)
    )


def stop_after(steps: int) -> Callable[[], bool]:
    asked = iter([False] * steps)
    return lambda: next(asked, True)


def in_pixels(campaign: Campaign) -> list[tuple[str, int, bool]]:
    return [
        (pixel.recipient.email if pixel.recipient else "", pixel.tracking, pixel.is_test)
        for pixel in Pixel.objects.filter(campaign=campaign).order_by("recipient_id")
    ]


@pytest.mark.parametrize("who", [Who.ALL, Who.NOT_OPENED, Who.OPENED])
def test_in_steps_it_becomes_what_it_would_be_at_once(who: Who) -> None:
    source = a_source()
    at_once = resend(source, Choice(who), Campaign(name="At once"))
    work = work_on(wanted(source, Choice(who)).pk, DOINGS)
    assert work is not None
    assert (work.state, work.done, work.total) == (Work.State.DONE, 10, 10)
    made = Campaign.objects.get(name="Resent to all")
    assert sorted(in_pixels(made)) == sorted(in_pixels(at_once.campaign))
    assert work.result == {"recipients": at_once.recipients, "left_out": at_once.left_out}
    assert counts_of(made).recipients == at_once.recipients
    assert verify().drift == 0


def test_who_goes_on_adds_nobody_twice_and_leaves_nobody_out() -> None:
    source = a_source()
    work = wanted(source)
    for _ in range(2):
        with pytest.raises(InterruptedWorkError):
            work_on(work.pk, DOINGS, must_stop=stop_after(0))
    half = Campaign.everything.get(name="Resent to all")
    assert 0 < counts_of(half).recipients < 7
    assert verify().drift == 0
    work_on(work.pk, DOINGS)
    made = Campaign.objects.get(name="Resent to all")
    expected = {email for n, email in enumerate(emails(10)) if n not in (3, 5, 7)}
    assert {email for email, _, is_test in in_pixels(made) if not is_test} == expected
    assert counts_of(made).recipients == 7 == len(pixels_of(made))
    off = dict.fromkeys([emails(10)[8]], PixelTracking.OFF)
    assert {e: t for e, t, _ in in_pixels(made) if t != PixelTracking.IDENTIFIED} == off


def test_a_step_and_its_progress_are_kept_together_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = wanted(a_source())
    real = lease.advance

    def refused(work: Work, **progress: Any) -> None:
        real(work, **progress)
        if progress["done"] == 8:
            raise OperationalError("the database went away")

    monkeypatch.setattr(making, "advance", refused)
    with pytest.raises(OperationalError):
        work_on(work.pk, DOINGS)
    work.refresh_from_db()
    assert (work.done, counts_of(Campaign.everything.get(name="Resent to all")).recipients) == (
        4,
        3,
    )
    monkeypatch.setattr(making, "advance", real)
    work_on(work.pk, DOINGS)
    assert counts_of(Campaign.objects.get(name="Resent to all")).recipients == 7


def test_while_it_is_being_made_nobody_sees_it_and_no_mail_can_go_to_half_of_it(
    log_in: LogIn,
) -> None:
    source = a_source()
    work = wanted(source)
    with pytest.raises(InterruptedWorkError):
        work_on(work.pk, DOINGS, must_stop=stop_after(0))
    half = Campaign.everything.get(name="Resent to all")
    client = log_in("administrator")
    for path in ("", "snippets/", "snippets.csv", "report.csv", "segments/", "figures/", "shares/"):
        assert client.get(f"/campaigns/{half.pk}/{path}").status_code == 404, path
    assert client.post(f"/campaigns/{half.pk}/mark-sent").status_code == 404
    assert client.get(f"/admin/campaigns/campaign/{half.pk}/import/").status_code == 404
    assert client.get(f"/admin/campaigns/campaign/{half.pk}/change/").status_code == 302
    person = Pixel.objects.filter(campaign=half).first()
    assert person is not None
    for path in (
        "/campaigns/",
        "/campaigns/?status=archived",
        "/admin/campaigns/campaign/",
        f"/recipients/{person.recipient_id}/",
    ):
        assert "Resent to all" not in client.get(path).content.decode(), path
    for command in ("mark_sent", "report", "export_snippets"):
        with pytest.raises(CommandError, match="There is no campaign"):
            call_command(command, str(half.pk), stdout=StringIO())
    assert "Resent to all" in client.get(work.get_absolute_url()).content.decode()
    assert client.get("/work/").status_code == 200


def test_cancelled_it_goes_with_all_that_it_had_even_if_that_is_cut_short() -> None:
    source = a_source()
    before = Pixel.objects.count(), CampaignCounts.objects.count()
    work = wanted(source)
    with pytest.raises(InterruptedWorkError):
        work_on(work.pk, DOINGS, must_stop=stop_after(1))
    assert cancel(work)
    with pytest.raises(InterruptedWorkError):
        # The way back goes in steps too; one that is cut short goes on.
        work_on(work.pk, DOINGS, must_stop=stop_after(0))
    assert verify().drift == 0
    done = work_on(work.pk, DOINGS)
    assert done is not None
    assert (done.state, done.campaign, done.done) == (Work.State.CANCELLED, None, 0)
    assert not Campaign.everything.filter(name="Resent to all").exists()
    assert (Pixel.objects.count(), CampaignCounts.objects.count()) == before
    assert verify().drift == 0


def test_where_nobody_is_left_no_campaign_is_made() -> None:
    source = make_campaign(*emails(9))
    work = work_on(wanted(source, Choice(Who.OPENED)).pk, DOINGS)
    assert work is not None
    assert (work.state, work.fault) == (Work.State.FAILED, Work.Fault.NOBODY)
    assert list(Campaign.everything.all()) == [source]


def test_a_choice_of_the_campaign_made_meanwhile_reaches_its_pixels_too() -> None:
    source = a_source()
    work = wanted(source)
    with pytest.raises(InterruptedWorkError):
        work_on(work.pk, DOINGS, must_stop=stop_after(0))
    choose_for_campaign(Campaign.everything.get(name="Resent to all"), "anonymous")
    work_on(work.pk, DOINGS)
    made = Campaign.objects.get(name="Resent to all")
    found = {tracking for _, tracking, is_test in in_pixels(made) if not is_test}
    assert found == {PixelTracking.ANONYMOUS, PixelTracking.OFF}


def test_a_form_sent_many_times_at_once_asks_for_one_campaign(people: dict[str, User]) -> None:
    source = make_campaign(*emails(12))
    found: list[Work] = []

    def send() -> None:
        try:
            new = Campaign(name="Resent to all")
            user_id = people["marketer"].pk
            found.append(
                making.want(source, Choice(Who.ALL), new, user_id=user_id, form_id="a" * 32)
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({one.pk for one in found}) == 1
    assert Campaign.everything.filter(name="Resent to all").count() == 1


def test_the_page_leads_to_the_progress_and_from_there_to_the_snippets(log_in: LogIn) -> None:
    source = a_source()
    client = log_in("marketer")
    form = form_of(client, source, "who=all")
    url = reverse("segment_resend", args=[source.pk])
    first, again = client.post(url, form), client.post(url, form)
    work = Work.objects.get()
    assert first["Location"] == again["Location"] == work.get_absolute_url()
    assert "nobody can write to half of them" in client.get(first["Location"]).content.decode()
    work_on(work.pk, DOINGS)
    made = Campaign.objects.get(name="Spring: again")
    page = client.get(first["Location"]).content.decode()
    assert f'href="/campaigns/{made.pk}/snippets/"' in page
    assert "Its recipients: 7. Left out because their mail bounced: 1." in " ".join(
        page.replace("<bdi>", "").split()
    )
    assert "Made with 7 recipients" in LogEntry.objects.get().change_message
    assert client.post(url, form)["Location"] == work.get_absolute_url()
    assert Campaign.everything.count() == 2


def test_small_segments_are_made_while_the_person_waits(log_in: LogIn) -> None:
    source = make_campaign(*emails(5))
    client = log_in("marketer")
    answer = client.post(
        reverse("segment_resend", args=[source.pk]), form_of(client, source, "who=all")
    )
    assert answer["Location"].endswith("/snippets/")
    assert not Work.objects.exists()


def test_the_command_goes_in_steps_too_and_prints_the_id_alone() -> None:
    source, out = a_source(), StringIO()
    call_command(
        "resend", str(source.pk), "Resent to all", "--who=all", stdout=out, stderr=StringIO()
    )
    made = Campaign.objects.get(name="Resent to all")
    assert out.getvalue() == f"{made.pk}\n"
    assert Work.objects.get().state == Work.State.DONE
    assert Pixel.objects.filter(Q(campaign=made), is_test=False).count() == 7
