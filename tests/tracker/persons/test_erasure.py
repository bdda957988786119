from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.audit import Action, record
from campaigns.imports import run, start
from campaigns.imports.forget import Forgotten
from campaigns.models import (
    AuditEntry,
    Campaign,
    Import,
    Recipient,
    RejectedLine,
    SuppressedAddress,
    Tombstone,
    TypingSlip,
)
from campaigns.tombstones import is_erased
from tests.conftest import THUNDERBIRD, counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_in_flight import wait_for_lock
from tests.tracker.persons.everywhere import places_in_database, places_in_files
from tracker.consent import choose, choose_for_campaign
from tracker.hits import Hit
from tracker.importing.now import import_recipients
from tracker.judging.by_hand import RulingForm, decide
from tracker.judging.walk import rejudge
from tracker.models import (
    CampaignCounts,
    FanOut,
    Open,
    Pixel,
    PixelTracking,
    QuarterHourCounts,
    Ruling,
    UniqueOpen,
    UserAgent,
)
from tracker.persons.erasure import AlreadyErasedError, erase, erase_all
from tracker.persons.plans import Person
from tracker.persons.sweep import Sweep, sweep_all
from tracker.persons.waiting import replay_waiting
from tracker.pixels import add_pixels
from tracker.recount import verify
from tracker.sharing.links import share
from tracker.spool import Spool
from tracker.writer import open_writer, write_hits

pytestmark = pytest.mark.usefixtures("real_db")

ANN, NAME, IP, OTHER_IP = "Ann.Miller@Example.com", "Ann Millerova", "203.0.113.77", "2001:db8::77"
AGENT = "Mozilla/5.0 (for ann.miller@example.com) Thunderbird/128.3.0"
ATTRIBUTE = "Sankt Erasmus an der Erft"
# What a colleague writes into the reason stays, but for address and name: it is the log's.
SAID_BY_WHO_ERASED = {ATTRIBUTE: {"campaigns_auditentry.details"}}
SOUGHT = (ANN, NAME, IP, OTHER_IP)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, settings: Any) -> Path:
    settings.SPOOL_DIR = str(tmp_path / "spool")
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


def figures() -> list[Any]:
    """All that came back, and all that makes a recipient unique, whoever they are.

    Not how many are anonymous, nor how many pixels changed: whoever is erased becomes anonymous.
    """
    of_pixels = {"anonymous", "choices"}
    counts = [field.name for field in CampaignCounts._meta.fields if field.name not in of_pixels]
    of_opens = ("pk", "pixel__campaign", "opened_at", "verdict", "rule")
    of_unique_opens = (
        "campaign",
        "open_count",
        "human_open_count",
        "first_opened_at",
        "last_opened_at",
        "verdict",
        "first_human_opened_at",
    )
    pixels = Pixel.objects.of_recipients().order_by("pk")
    return [
        list(CampaignCounts.objects.order_by("pk").values(*counts)),
        list(QuarterHourCounts.objects.order_by("pk").values()),
        sorted(UniqueOpen.objects.values_list(*of_unique_opens), key=str),
        list(Open.objects.order_by("pk").values(*of_opens)),
        list(pixels.values("pk", "campaign", "recipient", "sent_at", "bounced_at")),
    ]


def linked_to(person: Recipient) -> int:
    """Opens and unique opens that lead to them, or to what is left of them."""
    opens = Open.objects.filter(pixel__recipient=person)
    return opens.count() + UniqueOpen.objects.filter(pixel__recipient=person).count()


def nowhere(directory: Path) -> bool:
    found = {words: places_in_database(words) for words in SOUGHT}
    in_files = {words: places_in_files(words, directory) for words in SOUGHT}
    assert {**found} == {words: set() for words in SOUGHT}
    assert in_files == {words: set() for words in SOUGHT}
    return True


def rule(open_id: Any, pixel_id: int, about: str, note: str) -> None:
    form = RulingForm(
        pixel_id, {"open": open_id, "verdict": "human_client", "about": about, "note": note}
    )
    assert form.is_valid(), form.errors
    decide(form, None)


@pytest.fixture
def ann(directory: Path, tmp_path: Path, log_in: Any) -> Recipient:
    """In two campaigns, by way of everything that keeps something about a person."""
    others = emails(3)
    lines = "".join(f"{address},Somebody\n" for address in others)
    file = tmp_path / "list.csv"
    file.write_text(f"email,name\n{ANN},{NAME}\n{lines}")
    campaigns = [make_campaign(), make_campaign()]
    for campaign in campaigns:
        with file.open("rb") as stream:
            assert import_recipients(campaign, stream).added == 4
        assert log_in("marketer").post(f"/campaigns/{campaign.pk}/mark-sent").status_code == 302
    person = Recipient.objects.get(email=ANN)
    own = list(Pixel.objects.filter(recipient=person).order_by("pk"))
    write_hits([make_hit(own[0].pk, ip=IP, user_agent=AGENT) for _ in range(3)])
    write_hits([make_hit(own[0].pk, ip=OTHER_IP, user_agent="curl/8")])
    write_hits([make_hit(one.pk, ip="198.51.100.9") for one in pixels_of(campaigns[1])[1:3]])
    for one in Open.objects.filter(pixel=own[0], ip=IP)[:2]:
        rule(one.pk, own[0].pk, "open", f"{NAME} told me so")
    one = Open.objects.filter(pixel=own[0], ip=IP)[0]
    rule(one.pk, own[0].pk, "address", "their house")
    rule(one.pk, own[0].pk, "network", f"The street of {NAME}, ann.miller@EXAMPLE.com")
    at = one.opened_at
    FanOut.objects.create(
        ip=IP, starts_at=at - (at - at), ends_at=at.replace(year=at.year + 1), recipients=12
    )
    page = f"/admin/campaigns/recipient/{person.pk}/change/"
    client: Client = log_in("administrator")
    rest = {"chosen": "as before", "consents-TOTAL_FORMS": "0", "consents-INITIAL_FORMS": "0"}
    for address in ("old@example.com", ANN):
        answer = client.post(page, {"email": address, "name": NAME, **rest})
        assert answer.status_code == 302
    LogEntry.objects.create(
        user=User.objects.get(username="ada"),
        content_type=ContentType.objects.get_for_model(Campaign),
        object_id=str(campaigns[0].pk),
        object_repr=f"Letter to {ANN}",
        action_flag=CHANGE,
        change_message=json.dumps([{"added": {"name": "line", "object": ANN.lower()}}]),
    )
    Campaign.objects.filter(pk=campaigns[0].pk).update(subject=f"For {ANN.upper()}, and others")
    record(Action.RECIPIENT_CHANGED, person, None, note=f"asked by {ANN}")
    # Another process of this machine died with hits on its disk; some were refused before.
    spool = Spool(directory)
    spool.append([make_hit(own[1].pk, ip=IP), make_hit(pixels_of(campaigns[0])[1].pk)])
    spool.append([make_hit(own[0].pk, ip=OTHER_IP, user_agent=AGENT)])
    spool.release()
    spool.set_aside([make_hit(own[0].pk, ip=IP), make_hit(10**12, ip="192.0.2.55")])
    person.refresh_from_db()
    return person


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


def test_hits_that_wait_in_the_spool_arrive_first_and_keep_nothing(
    ann: Recipient, directory: Path
) -> None:
    opens = Open.objects.count()
    erase(ann, None)
    assert Open.objects.count() == opens + 3
    assert not list(directory.glob("*.spool"))
    assert nowhere(directory)
    assert verify().drift == 0


def test_verdicts_stay_when_history_is_judged_again_after_an_erasure(ann: Recipient) -> None:
    erase(ann, None)
    before = figures()
    rejudge(None)
    assert figures() == before
    assert verify().drift == 0


def test_a_later_open_counts_at_once_without_evidence_and_leads_to_nobody(
    ann: Recipient, directory: Path
) -> None:
    erase(ann, None)
    never_opened = make_campaign(*emails(1))  # somebody else, as before
    own = Pixel.objects.filter(recipient=ann).order_by("pk").last()
    assert own is not None
    before = counts_of(own.campaign)
    assert write_hits([make_hit(own.pk, ip=IP, user_agent=AGENT) for _ in range(2)]) == 2
    write_hits([make_hit(pixels_of(never_opened)[0].pk, ip="192.0.2.200")])
    assert nowhere(directory)
    assert linked_to(ann) == 0
    after = counts_of(own.campaign)
    assert (after.opens, after.unique_opens) == (before.opens + 2, before.unique_opens)
    assert Open.objects.filter(ip="192.0.2.200").exists()
    assert verify().drift == 0


def test_a_hit_of_long_ago_that_is_replayed_brings_nothing_back(
    ann: Recipient, directory: Path
) -> None:
    own = Pixel.objects.filter(recipient=ann).order_by("pk")[0]
    hits = [make_hit(own.pk, at=1_700_000_000_000_000, ip=IP, user_agent=AGENT)]
    write_hits(hits)
    erase(ann, None)
    before = figures()
    # Recorded before the erasure, and once more: another machine's file, put there by hand.
    late = [make_hit(own.pk, at=1_700_000_001_000_000, ip=OTHER_IP, user_agent=AGENT)]
    spool = Spool(directory)
    spool.append([*hits, *late])
    spool.release()
    assert spool.replay(write_hits) == 2
    assert nowhere(directory)
    assert linked_to(ann) == 0
    assert Open.objects.count() == len(before[3]) + 1
    assert verify().drift == 0


def test_a_group_that_is_being_written_while_they_are_erased_keeps_nothing(
    ann: Recipient, directory: Path
) -> None:
    if connection.vendor == "sqlite":
        return  # its writers hold the whole database: a group comes before or after
    own = Pixel.objects.filter(recipient=ann).order_by("pk")[0]
    Spool(directory).replay(write_hits)
    before = counts_of(own.campaign)
    writer = open_writer()
    done = threading.Event()

    def write() -> None:
        writer.write([make_hit(own.pk, ip=IP, user_agent=AGENT)])

    def erase_them() -> None:
        try:
            erase(ann, None)
            done.set()
        finally:
            connections.close_all()

    writer.write([])
    with psycopg.connect(**connection.get_connection_params()) as holder:
        # The group gets as far as the quarter, with the pixel as it was when it began.
        holder.execute("SELECT 1 FROM tracker_quarterhourcounts FOR UPDATE")
        threads = [threading.Thread(target=work) for work in (write, erase_them)]
        threads[0].start()
        wait_for_lock(1)
        threads[1].start()
        assert not done.wait(0.5)
        holder.commit()
    for thread in threads:
        thread.join(30)
    writer.close()
    assert done.is_set()
    assert nowhere(directory)
    assert linked_to(ann) == 0
    after = counts_of(own.campaign)
    assert (after.opens, after.unique_opens) == (before.opens + 1, before.unique_opens)
    assert verify().drift == 0


def test_who_opened_with_and_without_their_name_stays_two_unique_opens(ann: Recipient) -> None:
    own = Pixel.objects.filter(recipient=ann).order_by("pk")[0]
    write_hits([make_hit(own.pk, ip=IP)._replace(is_anonymous=True)])
    replay_waiting()
    before = figures()
    erase(ann, None)
    assert figures() == before
    assert places_in_database(IP) == set()
    write_hits([make_hit(own.pk, ip=IP)])
    assert counts_of(own.campaign).unique_opens == before[0][0]["unique_opens"]
    assert places_in_database(IP) == set()
    assert verify().drift == 0


@pytest.mark.parametrize("whose", ["theirs", "the campaign's"])
def test_of_whom_nothing_was_recorded_nothing_is_afterwards(ann: Recipient, whose: str) -> None:
    replay_waiting()
    own = Pixel.objects.filter(recipient=ann).order_by("pk")[0]
    if whose == "theirs":
        choose(ann, "off", source="admin")
    else:
        choose_for_campaign(own.campaign, "off")
    before = figures()
    erase(ann, None)
    assert figures() == before
    assert write_hits([make_hit(own.pk, ip=IP, user_agent=AGENT)]) == 0
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


def test_hits_refused_after_the_erasure_are_removed_too(ann: Recipient, directory: Path) -> None:
    erase(ann, None)
    own = Pixel.objects.filter(recipient=ann)[0]
    Spool(directory).set_aside([make_hit(own.pk, ip=IP)])
    Sweep().sweep()
    assert nowhere(directory)
    assert len(list(Spool(directory).refused())) == 1


def test_a_hit_that_the_database_refuses_does_not_keep_the_others_waiting(
    ann: Recipient, directory: Path
) -> None:
    own = Pixel.objects.filter(recipient=ann)[0]
    bad = Hit(make_hit(own.pk).id, own.pk, 2**62, IP, THUNDERBIRD)
    spool = Spool(directory)
    spool.append([make_hit(own.pk, ip=IP), bad])
    spool.release()
    erased = erase(ann, None)
    assert erased.waiting_files == 0
    assert nowhere(directory)


def test_a_file_of_a_living_process_is_left_to_it_and_said(
    ann: Recipient, directory: Path, monkeypatch: Any
) -> None:
    in_haste = partial(replay_waiting, within=0.3)
    monkeypatch.setattr("tracker.persons.erasure.replay_waiting", in_haste)
    living = Spool(directory)
    own = Pixel.objects.filter(recipient=ann)[0]
    living.append([make_hit(own.pk, ip=IP)])
    erased = erase(ann, None)
    assert erased.waiting_files == 1
    living.release()
    Spool(directory).replay(write_hits)
    Sweep().sweep()
    assert nowhere(directory)
    assert verify().drift == 0


def test_the_file_of_refused_hits_goes_when_nothing_is_left_in_it(directory: Path) -> None:
    spool = Spool(directory)
    spool.set_aside([make_hit(4, ip=IP)])
    with (directory / "refused.jsonl").open("a") as file:
        file.write(f'[12345, 4, 99, "{IP}", "half a li')
    assert spool.forget_refused({5}) == 0
    assert spool.forget_refused({4}) == 2
    assert {path.name for path in directory.iterdir()} == {"refused.lock"}


def test_evidence_that_others_share_stays_for_them(ann: Recipient) -> None:
    other = pixels_of(Campaign.objects.order_by("pk")[0])[1]
    write_hits([make_hit(other.pk, ip=IP)])
    erase(ann, None)
    assert Ruling.objects.filter(network=f"{IP}/32").exists()
    assert FanOut.objects.filter(ip=IP).exists()
    assert Open.objects.get(ip=IP).pixel_id == other.pk
    erase(Recipient.objects.get(pixels=other), None)
    assert places_in_database(IP) == set()


def test_people_who_share_an_address_and_are_erased_together_leave_nothing(
    ann: Recipient,
) -> None:
    other = pixels_of(Campaign.objects.order_by("pk")[0])[1]
    write_hits([make_hit(other.pk, ip=IP)])
    erase_all(
        [Person.of(one) for one in Recipient.objects.filter(pk__in=[ann.pk, other.recipient_id])],
        None,
    )
    assert places_in_database(IP) == set()


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


def test_an_import_does_not_bring_an_erased_person_back_unless_asked(ann: Recipient) -> None:
    campaign = make_campaign()
    erase(ann, None)
    ann.refresh_from_db()
    lines = f"email,name\nANN.miller@example.com,{NAME}\n{ann.email},Stub\nnew@example.com,\n"
    result = import_recipients(campaign, io.BytesIO(lines.encode()))
    assert (result.rows, result.created, result.erased, result.added) == (3, 1, 2, 1)
    assert not Recipient.objects.filter(name__in=[NAME, "Stub"]).exists()
    result = import_recipients(campaign, io.BytesIO(lines.encode()), with_erased=True)
    assert (result.created, result.erased) == (1, 1)
    back = Recipient.objects.get(name=NAME)
    assert back.pk != ann.pk
    assert back.erased_at is None
    assert is_erased(["ann.miller@example.com"]) == set()
    assert not Recipient.objects.filter(name="Stub").exists()


def test_an_import_that_began_before_an_erasure_and_ends_after_it_brings_nobody_back(
    ann: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign()
    # As if the list had come between the look at all imports and the erasure's own transaction.
    monkeypatch.setattr("tracker.persons.erasure.forget", lambda *_: Forgotten(0, 0, 0))
    store = run._store

    def erase_before(*arguments: Any) -> None:
        erase(ann, None)
        store(*arguments)

    monkeypatch.setattr(run, "_store", erase_before)
    lines = f"email,name\n{ANN},{NAME}\nnew@example.com,\n"
    result = import_recipients(campaign, io.BytesIO(lines.encode()), with_erased=True)
    assert (result.rows, result.created, result.updated, result.erased) == (2, 1, 0, 1)
    assert places_in_database(NAME) == set()
    assert places_in_database(ANN) == set()
    assert [one.recipient.email for one in pixels_of(campaign) if one.recipient] == [
        "new@example.com"
    ]
    assert verify().drift == 0


def test_an_erasure_waits_for_an_import_that_is_being_stored(
    ann: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign()
    monkeypatch.setattr("tracker.persons.erasure.forget", lambda *_: Forgotten(0, 0, 0))
    is_stored, may_end, is_erased_now = (threading.Event() for _ in range(3))
    end = run._end

    def end_late(*arguments: Any, **more: Any) -> None:
        is_stored.set()
        may_end.wait(10)
        end(*arguments, **more)

    monkeypatch.setattr(run, "_end", end_late)

    def import_them() -> None:
        lines = f"email,name\n{ANN},{NAME} again\n"
        import_recipients(campaign, io.BytesIO(lines.encode()))

    def erase_them() -> None:
        erase(ann, None)
        is_erased_now.set()

    threads = [threading.Thread(target=closing_after(work)) for work in (import_them, erase_them)]
    threads[0].start()
    assert is_stored.wait(10)
    threads[1].start()
    assert not is_erased_now.wait(0.5)
    may_end.set()
    for thread in threads:
        thread.join(30)
    assert is_erased_now.is_set()
    (pixel,) = pixels_of(campaign)
    assert (pixel.recipient_id, pixel.tracking) == (ann.pk, PixelTracking.ANONYMOUS)
    assert places_in_database(NAME) == set()
    assert verify().drift == 0


def closing_after(work: Callable[[], None]) -> Callable[[], None]:
    def run_and_close() -> None:
        try:
            work()
        finally:
            connections.close_all()

    return run_and_close


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


def test_someone_who_comes_back_can_be_erased_again(ann: Recipient, directory: Path) -> None:
    erase(ann, None)
    back = Recipient.objects.create(email=ANN, name=NAME)
    erase(back, None)
    assert nowhere(directory)
    assert Tombstone.objects.count() == 1


def test_an_address_that_stands_in_texts_only_can_be_erased(ann: Recipient) -> None:
    Campaign.objects.create(name="For bob@example.com")
    erase_all([Person.unknown("Bob@example.com")], None)
    assert places_in_database("bob@example.com") == set()
    assert is_erased(["bob@example.com"])


def test_who_is_erased_before_the_mail_goes_out_is_not_written_to(log_in: Any) -> None:
    campaign = make_campaign(*emails(3), is_sent=False)
    erase(Recipient.objects.get(email="r0001@example.com"), None)
    snippets = b"".join(log_in("marketer").get(f"/campaigns/{campaign.pk}/snippets.csv"))
    assert b"erased" not in snippets
    assert snippets.count(b"@example.com") == 2
    log_in("marketer").post(f"/campaigns/{campaign.pk}/mark-sent")
    assert (counts_of(campaign).recipients, counts_of(campaign).sent) == (3, 2)
    assert verify().drift == 0


@contextmanager
def over_and_over(*works: Callable[[], object]) -> Iterator[None]:
    """Each in a thread of its own, until the block is over; what one raises is raised then."""
    is_over = threading.Event()
    faults: list[BaseException] = []

    def repeat(work: Callable[[], object]) -> None:
        try:
            while not is_over.is_set():
                work()
        except Exception as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=repeat, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert not faults


def test_counts_are_right_at_every_moment_while_hits_come_and_people_are_erased() -> None:
    campaign = make_campaign(*emails(12))
    pixels = pixels_of(campaign)
    writer = open_writer()
    written = [write_hits([make_hit(one.pk, ip=IP) for one in pixels[:6]])]

    def write() -> None:
        written.append(writer.write([make_hit(one.pk, ip=IP) for one in pixels]))

    with over_and_over(write, lambda: rejudge(None)):
        for pixel in pixels:
            assert pixel.recipient is not None
            erase(pixel.recipient, None)
            assert verify().drift == 0
    writer.close()
    sweep_all()
    assert places_in_database(IP) == set()
    assert counts_of(campaign).opens == sum(written)
    assert counts_of(campaign).unique_opens == 12
    assert verify().drift == 0


@settings(max_examples=20, deadline=None)
@given(
    opens=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 3_000_000_000),
            st.sampled_from([IP, OTHER_IP, "198.51.100.9", None]),
            st.sampled_from([THUNDERBIRD, "curl/8", "Barracuda/5.0 link scanner", ""]),
        ),
        max_size=25,
    ),
    order=st.permutations(range(5)),
    until=st.integers(0, 5),
)
def test_whoever_is_erased_in_whatever_order_no_count_changes(
    opens: list[tuple[int, int, str | None, str]], order: list[int], until: int
) -> None:
    for model in (Open, UniqueOpen, QuarterHourCounts, CampaignCounts, Pixel):
        model._default_manager.all().delete()
    Recipient.objects.all().delete()
    Tombstone.objects.all().delete()
    campaign = make_campaign(*emails(5))
    pixels = pixels_of(campaign)
    start = 1_800_000_000_000_000
    write_hits(
        [
            make_hit(pixels[n].pk, at=start + at, ip=ip, user_agent=agent)
            for n, at, ip, agent in opens
        ]
    )
    rejudge(None)
    before = figures()
    for n in order[:until]:
        recipient = pixels[n].recipient
        assert recipient is not None
        erase(recipient, None)
        assert places_in_database(f"r{n:04}@example.com") == set()
        assert verify().drift == 0
    rejudge(None)
    assert figures() == before
    gone = [pixels[n].pk for n in order[:until]]
    assert not Open.objects.filter(pixel__in=gone).exclude(ip=None, user_agent=None).exists()
    kept = [pixels[n].pk for n in order[until:]]
    left = sum(1 for n, _, _, _ in opens if pixels[n].pk in kept)
    assert Open.objects.filter(pixel__in=kept, user_agent__isnull=False).count() == left


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
