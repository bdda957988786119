"""Who is erased is nowhere afterwards, every count is as before, and nothing happens by halves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.utils import timezone

from campaigns.audit import Action
from campaigns.models import AuditEntry, Campaign, Recipient, Tombstone
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.persons.ann import ANN, IP, NAME, OTHER_IP, SOUGHT, figures, linked_to, nowhere
from tests.tracker.persons.everywhere import places_in_database, places_in_files
from tracker.consent import choose, choose_for_campaign
from tracker.judging.walk import rejudge
from tracker.models import FanOut, Open, Pixel, PixelTracking, Ruling
from tracker.persons.erasure import AlreadyErasedError, erase, erase_all
from tracker.persons.plans import Person
from tracker.persons.sweep import Sweep, sweep_all
from tracker.persons.waiting import replay_waiting
from tracker.pixels import add_pixels
from tracker.recount import verify
from tracker.spool import Spool
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db", "directory")


def test_an_erased_person_is_in_no_table_and_no_file_and_every_count_is_as_before(
    ann: Recipient, directory: Path
) -> None:
    for words in SOUGHT[:3]:
        assert places_in_database(words), words
    assert places_in_files(IP, directory) == {"refused.jsonl"} | {
        path.name for path in directory.glob("*.spool")
    }
    assert verify().drift == 0
    Spool(directory).replay(write_hits)
    before = figures()
    erased = erase(ann, None, f"{NAME} ({ANN}) asked for it")
    assert nowhere(directory)
    assert places_in_database("old@example.com") == set()
    assert figures() == before
    assert verify().drift == 0
    assert (erased.pixels, erased.opens, erased.set_aside, erased.waiting_files) == (2, 6, 1, 0)
    assert [hit.ip for hit in Spool(directory).refused()] == ["192.0.2.55"]
    assert not Ruling.objects.filter(open__isnull=False).exclude(note="").exists()
    # What is about others too is still there.
    assert Ruling.objects.filter(network="203.0.113.0/24", note__startswith="The street").exists()
    assert Campaign.objects.filter(subject__startswith="For erased-").exists()
    assert Open.objects.filter(ip="198.51.100.9").count() == 2


def test_verdicts_stay_when_history_is_judged_again_after_an_erasure(ann: Recipient) -> None:
    erase(ann, None)
    before = figures()
    rejudge(None)
    assert figures() == before
    assert verify().drift == 0


def test_no_later_choice_makes_them_identified_again(ann: Recipient) -> None:
    choose(ann, "identified", source="admin")
    erase(ann, None)
    campaigns = list(Campaign.objects.order_by("pk"))
    for tracking in ("off", "identified", ""):
        for campaign in campaigns:
            choose_for_campaign(campaign, tracking)
    choose(Recipient.objects.get(pk=ann.pk), "identified", source="command")
    add_pixels(make_campaign(), [ann.pk])
    pixels = Pixel.objects.filter(recipient=ann)
    assert [one.tracking for one in pixels] == [PixelTracking.ANONYMOUS] * 3
    assert linked_to(ann) == 0
    assert verify().drift == 0


def test_whoever_was_erased_by_an_earlier_version_is_made_anonymous_by_the_schedule(
    ann: Recipient, directory: Path
) -> None:
    replay_waiting()
    Recipient.objects.filter(pk=ann.pk).update(erased_at=timezone.now())
    before = figures()
    Sweep().sweep()
    assert figures() == before
    assert places_in_database(IP) - {"tracker_fanout.ip", "tracker_ruling.network"} == set()
    assert linked_to(ann) == 0
    own = Pixel.objects.filter(recipient=ann)[0]
    write_hits([make_hit(own.pk, ip=OTHER_IP)])
    assert places_in_database(OTHER_IP) == set()
    assert verify().drift == 0


def test_what_somebody_writes_into_a_stub_at_that_moment_is_swept(
    ann: Recipient, directory: Path
) -> None:
    erase(ann, None)
    Recipient.objects.filter(pk=ann.pk).update(name=NAME)
    sweep_all()
    assert nowhere(directory)


def test_evidence_that_others_share_stays_for_them(ann: Recipient) -> None:
    other = pixels_of(Campaign.objects.order_by("pk")[0])[1]
    write_hits([make_hit(other.pk, ip=IP)])
    erase(ann, None)
    assert Ruling.objects.filter(network=f"{IP}/32").exists()
    assert FanOut.objects.filter(ip=IP).exists()
    assert Open.objects.get(ip=IP).pixel_id == other.pk
    erase(Recipient.objects.get(pixels=other), None)
    assert places_in_database(IP) == set()


def test_people_who_share_an_address_and_are_erased_together_leave_nothing(ann: Recipient) -> None:
    other = pixels_of(Campaign.objects.order_by("pk")[0])[1]
    write_hits([make_hit(other.pk, ip=IP)])
    erase_all(
        [Person.of(one) for one in Recipient.objects.filter(pk__in=[ann.pk, other.recipient_id])],
        None,
    )
    assert places_in_database(IP) == set()


def test_nobody_is_erased_twice(ann: Recipient) -> None:
    erase(ann, None)
    ann.refresh_from_db()
    with pytest.raises(AlreadyErasedError):
        erase(ann, None)


def test_when_one_of_several_cannot_be_erased_none_is(ann: Recipient) -> None:
    other = Recipient.objects.exclude(pk=ann.pk)[0]
    persons = [Person.of(ann), Person.of(other)]
    erase(other, None)
    before, entries = figures(), AuditEntry.objects.count()
    with pytest.raises(AlreadyErasedError):
        erase_all(persons, None)
    assert figures() == before
    assert AuditEntry.objects.count() == entries
    assert Recipient.objects.get(pk=ann.pk).name == NAME
    assert Open.objects.filter(ip=IP).exists()
    assert Tombstone.objects.count() == 1


def test_an_erasure_that_fails_at_its_end_changes_nothing(
    ann: Recipient, directory: Path, monkeypatch: Any
) -> None:
    def fail(*args: Any, **details: Any) -> None:
        raise DatabaseError("the disk is full")

    Spool(directory).replay(write_hits)
    monkeypatch.setattr("tracker.persons.erasure.record", fail)
    before = figures()
    with pytest.raises(DatabaseError):
        erase(ann, None)
    assert figures() == before
    assert Recipient.objects.get(pk=ann.pk).email == ANN
    assert Open.objects.filter(ip=IP).count() == 4
    assert len(list(Spool(directory).refused())) == 2


def test_the_audit_log_says_who_erased_whom_and_names_nobody(ann: Recipient) -> None:
    ada = User.objects.get(username="ada")
    erase(ann, ada, f"{NAME} wrote from {ANN}")
    entry = AuditEntry.objects.filter(action=Action.PERSON_ERASED).get()
    assert (entry.by, entry.by_name, entry.object_kind) == (ada, "ada", "recipient")
    assert entry.object_id == str(ann.pk)
    assert entry.details == {"reason": "[erased] wrote from [erased]", "pixels": 2}


def test_someone_who_comes_back_can_be_erased_again(ann: Recipient, directory: Path) -> None:
    erase(ann, None)
    back = Recipient.objects.create(email=ANN, name=NAME)
    erase(back, None)
    assert nowhere(directory)
    assert Tombstone.objects.count() == 1


def test_who_is_erased_before_the_mail_goes_out_is_not_written_to(log_in: Any) -> None:
    campaign = make_campaign(*emails(3), is_sent=False)
    erase(Recipient.objects.get(email="r0001@example.com"), None)
    snippets = b"".join(log_in("marketer").get(f"/campaigns/{campaign.pk}/snippets.csv"))
    assert b"erased" not in snippets
    assert snippets.count(b"@example.com") == 2
    log_in("marketer").post(f"/campaigns/{campaign.pk}/mark-sent")
    assert (counts_of(campaign).recipients, counts_of(campaign).sent) == (3, 2)
    assert verify().drift == 0
