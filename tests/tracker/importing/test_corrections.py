"""A slip that was corrected is remembered: the same list again brings nobody new."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from campaigns.imports import start
from campaigns.imports.forget import forget
from campaigns.models import (
    Campaign,
    CorrectedAddress,
    Import,
    Recipient,
    SuppressedAddress,
    TypingSlip,
)
from campaigns.tombstones import is_erased
from tests.conftest import counts_of, make_campaign, pixels_of
from tests.tracker.persons.everywhere import places_in_database
from tracker.importing.now import import_recipients
from tracker.importing.pages import page_of
from tracker.importing.slips import groups_of, mend
from tracker.persons.erasure import erase
from tracker.persons.export import everything_about
from tracker.pixels import mark_sent

pytestmark = pytest.mark.django_db
LogIn = Callable[[str], Client]
LIST = b"email,name\nAnn@gmial.com,Ann\nbob@gmial.com,Bob\nc@example.com,\n"
GMAIL = ["gmial.com gmail.com"]


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")
    settings.SPOOL_DIR = str(tmp_path / "spool")
    (tmp_path / "spool").mkdir()


def load(
    content: bytes = LIST, campaign: Campaign | None = None, is_dry_run: bool = False
) -> Import:
    one = import_recipients(campaign or make_campaign(), io.BytesIO(content), is_dry_run=is_dry_run)
    assert one.state == Import.State.DONE, one.error
    sums = one.created + one.updated + one.duplicates + one.suppressed + one.erased + one.rejected
    assert one.rows == sums
    return one


def test_the_same_list_again_knows_whom_it_means() -> None:
    first = load()
    assert mend(first, GMAIL).changed == 2
    again = load(campaign=first.campaign)
    assert (again.created, again.updated, again.corrected, again.added) == (0, 3, 2, 0)
    assert again.slips == 0
    assert not TypingSlip.objects.filter(of_import=again).exists()
    emails = set(Recipient.objects.values_list("email", flat=True))
    assert emails == {"Ann@gmail.com", "bob@gmail.com", "c@example.com"}
    assert len(pixels_of(first.campaign)) == counts_of(first.campaign).recipients == 3


def test_what_the_list_says_of_them_goes_to_the_recipient_that_was_meant() -> None:
    mend(load(), GMAIL)
    other = load(b"email,name,city\nANN@gmial.com,Ann Lee,Bonn\nann@gmail.com,Nobody,\n")
    assert (other.updated, other.duplicates, other.corrected, other.added) == (1, 1, 1, 1)
    ann = Recipient.objects.get(email_key="ann@gmail.com")
    assert (ann.name, ann.attributes) == ("Ann Lee", {"city": "Bonn"})


def test_a_dry_run_says_the_same() -> None:
    mend(load(), GMAIL)
    dry = load(is_dry_run=True)
    assert (dry.created, dry.updated, dry.corrected) == (0, 3, 2)


def test_a_correction_follows_the_recipient_to_a_later_address() -> None:
    mend(load(), GMAIL)
    ann = Recipient.objects.get(email_key="ann@gmail.com")
    ann.email = "ann@example.org"
    ann.save()
    assert load().corrected == 2
    assert not Recipient.objects.filter(email_key__startswith="ann@gm").exists()


def test_who_was_known_under_the_right_address_is_known_again() -> None:
    first = load(campaign=make_campaign("ann@gmail.com", is_sent=False))
    mend(first, GMAIL)
    assert Recipient.objects.filter(email_key__startswith="ann").count() == 1
    again = load(campaign=first.campaign)
    assert (again.created, again.corrected, again.added) == (0, 2, 0)


def test_a_suppressed_address_stays_out_whichever_way_it_is_written() -> None:
    mend(load(), GMAIL)
    SuppressedAddress.objects.create(email_key="ann@gmail.com")
    SuppressedAddress.objects.create(email_key="bob@gmial.com")
    again = load()
    assert (again.suppressed, again.updated, again.created) == (2, 1, 0)


def test_a_correction_that_is_taken_back_is_forgotten() -> None:
    mend(load(), GMAIL)
    CorrectedAddress.objects.all().delete()
    assert load().created == 2


def test_older_pages_say_what_was_corrected_meanwhile(log_in: LogIn) -> None:
    older, newer = load(), load()
    assert [group.is_open for group in groups_of(older)] == [True]
    mend(newer, GMAIL)
    (group,) = groups_of(older)
    assert (group.count, group.corrected, group.is_open) == (2, 2, False)
    client = log_in("marketer")
    text = client.get(page_of(older)).content.decode()
    assert "corrected already" in text
    assert "checkbox" not in text
    answer = client.post(f"{page_of(older)}mend/", {"slip": GMAIL}, follow=True)
    text = answer.content.decode()
    assert "Corrected already: 2" in text
    assert "Left as they are" not in text


def test_an_older_page_still_offers_whom_another_campaign_has_written_to() -> None:
    older = load()
    mark_sent(older.campaign, at=timezone.now())
    newer = load(b"email\nann@gmail.com\nann@gmial.com\n")
    assert mend(newer, GMAIL).changed == 1
    # The mistyped address is still in the older campaign, and mail went there.
    (group,) = groups_of(older)
    assert (group.corrected, group.is_open) == (0, True)


def test_the_result_says_how_many_were_known_as_corrected(log_in: LogIn, tmp_path: Path) -> None:
    first = load()
    mend(first, GMAIL)
    again = load(campaign=first.campaign)
    text = log_in("marketer").get(page_of(again)).content.decode()
    assert "2 of these lines have mistyped addresses that were corrected before" in text
    path = tmp_path / "list.csv"
    path.write_bytes(LIST)
    out = io.StringIO()
    call_command("import_recipients", first.campaign_id, str(path), stdout=out)
    assert "2 of these mistyped, known as corrected before" in out.getvalue()
    assert "did you mean" not in out.getvalue()


@pytest.mark.parametrize("is_protected", [False, True])
def test_who_is_erased_is_in_no_table_under_any_spelling(is_protected: bool) -> None:
    older = load()
    if is_protected:
        mark_sent(older.campaign, at=timezone.now())
    newer = load(b"email\nann@gmail.com\nann@gmial.com\n" if is_protected else LIST)
    assert mend(newer, GMAIL).changed
    load(b"email,note\nwrong line,see ann@gmial.com\ndi@example.com,see ann@gmial.com\n")
    ann = Recipient.objects.get(email_key="ann@gmail.com")
    assert everything_about(ann)["also_kept"]["campaigns.correctedaddress"]
    erase(ann, None)
    assert places_in_database("ann@gm") == set()
    assert not CorrectedAddress.objects.filter(email_key__contains="ann").exists()
    assert is_erased(["ann@gmail.com", "ann@gmial.com"]) == {"ann@gmail.com", "ann@gmial.com"}
    back = load(b"email\nann@gmial.com\nann@gmail.com\n")
    assert (back.erased, back.created) == (2, 0)


def test_a_person_is_erased_by_an_address_that_was_corrected() -> None:
    mend(load(), GMAIL)
    call_command("erase_person", "ann@gmial.com", "--yes", stdout=io.StringIO())
    assert places_in_database("ann@gm") == set()


def test_the_file_of_a_trial_goes_with_the_person_that_it_names() -> None:
    one = start.upload(make_campaign(), io.BytesIO(b"email\na@x.example\n"), "list.csv")
    Import.objects.update(state=Import.State.DONE, is_dry_run=True)
    assert forget("b@x.example").imports_ended == 0
    assert Path(one.path).exists()
    assert forget("a@x.example").imports_ended == 1
    assert not Path(one.path).exists()
    one.refresh_from_db()
    assert not one.is_tried


@pytest.mark.parametrize("is_protected", [False, True])
def test_who_is_suppressed_under_both_spellings_can_be_erased(is_protected: bool) -> None:
    older = load()
    if is_protected:
        mark_sent(older.campaign, at=timezone.now())
    mend(load(b"email\nann@gmail.com\nann@gmial.com\n" if is_protected else LIST), GMAIL)
    for key in ("ann@gmail.com", "ann@gmial.com"):
        SuppressedAddress.objects.create(email_key=key, reason="asked for it")
    erase(Recipient.objects.get(email_key="ann@gmail.com"), None)
    assert places_in_database("ann@gm") == set()
    back = load(b"email\nann@gmial.com\nann@gmail.com\n")
    assert (back.erased, back.created) == (2, 0)


def test_an_erased_person_is_not_brought_back_by_correcting_somebody_to_their_address() -> None:
    load(b"email,name\nann@gmail.com,Ann\n")
    erase(Recipient.objects.get(), None)
    later = load()
    mended = mend(later, GMAIL)
    assert (mended.changed, mended.left) == (1, 1), "Bob, and Ann"
    assert not Recipient.objects.filter(email_key="ann@gmail.com").exists()
    assert not CorrectedAddress.objects.filter(email_key="ann@gmial.com").exists()


@pytest.mark.usefixtures("real_db")
@pytest.mark.parametrize("which", ["ann@gmial.com", "ann@gmail.com"])
def test_whoever_is_erased_while_slips_are_mended_stays_erased(which: str) -> None:
    one = load(b"email\nann@gmial.com\n")
    if which == "ann@gmail.com":
        load(b"email\nann@gmail.com\n")
    person = Recipient.objects.get(email_key=which)

    def mend_it() -> None:
        try:
            mend(one, GMAIL)
        finally:
            connections.close_all()

    mending = threading.Thread(target=mend_it)
    try:
        with transaction.atomic():
            erase(person, None)
            mending.start()
            wait_until_somebody_waits()
    finally:
        mending.join(30)
    person.refresh_from_db()
    assert person.email == person.email_key == f"erased-{person.pk}@erased.invalid"
    assert which not in addresses()
    assert not CorrectedAddress.objects.exists()


def addresses() -> set[str]:
    return set(Recipient.objects.values_list("email_key", flat=True))


def wait_until_somebody_waits() -> None:
    if connection.vendor == "sqlite":
        return  # one writer at a time: whoever comes second waits, whenever it comes
    until = monotonic() + 60
    waiting = 0
    while not waiting:
        assert monotonic() < until, "nobody waits for the erasure"
        with connection.cursor() as cursor:
            # Within a transaction the first look is kept, and would be all that is ever seen.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            waiting = cursor.fetchone()[0]
