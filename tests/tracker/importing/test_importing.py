from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from campaigns.imports import lines as text_lines
from campaigns.imports import run, start
from campaigns.imports.columns import Columns
from campaigns.imports.ending import clean_up
from campaigns.imports.errors import (
    InterruptedImportError,
    LostLeaseError,
    UnreadableFileError,
)
from campaigns.imports.files import import_dir
from campaigns.imports.forget import forget
from campaigns.imports.lease import claimed
from campaigns.imports.rows import Judge
from campaigns.models import (
    Campaign,
    Import,
    Recipient,
    RejectedLine,
    SuppressedAddress,
    TypingSlip,
    email_key,
)
from tests.conftest import counts_of, make_campaign, pixels_of
from tracker.importing.now import import_recipients, work_on
from tracker.pixels import enrol

pytestmark = pytest.mark.django_db


def load(content: bytes, campaign: Campaign | None = None, *, is_dry_run: bool = False) -> Import:
    campaign = campaign or make_campaign()
    one = import_recipients(campaign, io.BytesIO(content), is_dry_run=is_dry_run)
    assert one.state == Import.State.DONE, one.error
    sums = one.created + one.updated + one.duplicates + one.suppressed + one.rejected
    assert one.rows == sums
    return one


def left_over() -> set[str]:
    """What imports have left in the folder and the database."""
    files = {path.name for path in import_dir().iterdir()} - {"place", "companion.lock"}
    tables = set(connection.introspection.table_names())
    return files | {name for name in tables if name.startswith("campaigns_import_")}


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.IMPORT_DIR = str(tmp_path / "imports")
    yield
    assert not left_over()


def test_new_known_doubled_and_wrong_lines_are_told_apart() -> None:
    Recipient.objects.create(email="Known@Example.com", name="Old name")
    campaign = make_campaign()
    one = load(
        b"email,name\nnew@example.com,New\nKNOWN@example.com,New name\n"
        b"NEW@example.com,Again\nwrong,\n",
        campaign,
    )
    assert (one.rows, one.created, one.updated, one.duplicates) == (4, 1, 1, 1)
    assert (one.rejected, one.added) == (1, 2)
    known = Recipient.objects.get(email_key="known@example.com")
    assert (known.email, known.name) == ("Known@Example.com", "New name")
    new = Recipient.objects.get(email_key="new@example.com")
    assert (new.email, new.name) == ("new@example.com", "New")
    assert {pixel.recipient for pixel in pixels_of(campaign)} == {known, new}
    assert counts_of(campaign).recipients == 2


def test_further_columns_become_attributes_and_are_added_to_what_is_known() -> None:
    load("email,city,plan\na@example.com,Köln,gold\nb@example.com,,\n".encode())
    load(b"email,plan,since\na@example.com,silver,2020\nb@example.com,,\n")
    one, other = Recipient.objects.order_by("email_key")
    assert one.attributes == {"city": "Köln", "plan": "silver", "since": "2020"}
    assert other.attributes == {}


@pytest.mark.parametrize("text", ["a\\b", "tab\there", 'quote"', "back\\slash\\n", "\\.", "�é😀"])
def test_every_character_survives_staging(text: str) -> None:
    cell = '"' + text.replace('"', '""') + '"'
    load(f"email,name,note\na@example.com,{cell},{cell}\n".encode())
    recipient = Recipient.objects.get()
    assert recipient.name == " ".join(text.split())
    assert recipient.attributes == {"note": text}


def test_a_name_missing_in_the_file_does_not_erase_the_known_one() -> None:
    Recipient.objects.create(email="a@example.com", name="Ann")
    load(b"email,name\na@example.com,\n")
    assert Recipient.objects.get().name == "Ann"


def test_a_dry_run_reports_the_same_and_stores_nothing() -> None:
    content = b"email\n" + b"".join(b"r%d@example.com\n" % number for number in range(2500))
    Recipient.objects.create(email="r7@example.com")
    campaign = make_campaign()
    dry = load(content, campaign, is_dry_run=True)
    assert Recipient.objects.count() == 1
    assert not pixels_of(campaign)
    real = load(content, campaign)
    assert (dry.rows, dry.created, dry.updated) == (real.rows, real.created, real.updated)
    assert (dry.created, dry.updated, Recipient.objects.count()) == (2499, 1, 2500)


def test_importing_the_same_file_again_creates_nobody_and_counts_nobody_twice() -> None:
    campaign = make_campaign()
    content = b"email\na@example.com\nb@example.com\nA@example.com\n"
    first, again = load(content, campaign), load(content, campaign)
    assert (first.created, first.added) == (2, 2)
    assert (again.created, again.updated, again.added) == (0, 2, 0)
    assert len(pixels_of(campaign)) == counts_of(campaign).recipients == 2


def test_a_recipient_created_by_hand_after_an_import_gets_an_id_of_its_own() -> None:
    load(b"email\na@example.com\nb@example.com\n")
    assert Recipient.objects.create(email="c@example.com").pk
    load(b"email\nd@example.com\n")
    assert Recipient.objects.count() == 4


def test_suppressed_addresses_are_counted_and_left_out() -> None:
    SuppressedAddress.objects.create(email_key=" No@Example.com ", reason="asked for it")
    campaign = make_campaign()
    one = load(b"email\nyes@example.com\nno@example.com\nNO@example.com\n", campaign)
    assert (one.created, one.suppressed, one.duplicates) == (1, 2, 0)
    assert [recipient.email for recipient in Recipient.objects.all()] == ["yes@example.com"]


def test_rejected_lines_are_kept_with_number_reason_and_cells() -> None:
    load(b"email,name\nwrong,Ann\na@example.com,\n,\x00Bob\n")
    first, other = RejectedLine.objects.order_by("line")
    assert (first.line, first.cells) == (2, ["wrong", "Ann"])
    assert "“wrong” is not an email address" in first.reason
    assert (other.line, other.cells) == (4, ["", "\ufffdBob"])


def test_mistyped_domains_are_imported_as_they_stand_and_offered() -> None:
    one = load(b"email\nann@gmial.com\nbob@gmail.com\n")
    assert one.slips == 1
    slip = TypingSlip.objects.get()
    assert (slip.line, slip.email_key, slip.suggestion) == (2, "ann@gmial.com", "ann@gmail.com")
    assert Recipient.objects.filter(email="ann@gmial.com").exists()


@pytest.mark.parametrize("content", [b"", b"name\nAnn\n", b"email\nx\n"[:0] + b"\x00\x01"])
def test_a_file_that_is_no_list_leaves_nothing_behind(content: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        import_recipients(make_campaign(), io.BytesIO(content))
    assert not Import.objects.exists()


def test_a_file_that_turns_out_to_be_endless_fails_and_stores_nothing() -> None:
    endless = b"x" * (17 << 20)
    with pytest.raises(UnreadableFileError, match="longer than 16 MB"):
        import_recipients(make_campaign(), io.BytesIO(b"email\na@example.com\n" + endless))
    content = b"email\n" + b"a@example.com\n" * 10_000 + endless
    one = import_recipients(make_campaign(), io.BytesIO(content))
    assert one.state == Import.State.FAILED
    assert "longer than 16 MB" in one.error
    assert not Recipient.objects.exists()


def test_an_unexpected_fault_ends_in_a_failed_import_that_stored_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Judge, "judge", lambda *given, **more: 1 / 0)
    one = import_recipients(make_campaign(), io.BytesIO(b"email\na@example.com\n"))
    assert one.state == Import.State.FAILED
    assert "unexpected fault" in one.error


def test_forgetting_an_address_reaches_rejected_lines_and_slips() -> None:
    load("email,name\nann@gmial.com,\nJosé@EXAMPLE.com b,\n,Ann jose@x.com\n".encode())
    assert forget("josé@example.com").rejected_lines == 1
    assert forget("ann@gmail.com").typing_slips == 1
    kept = json.dumps(list(RejectedLine.objects.values_list("cells", flat=True)))
    assert "xample" not in kept
    assert "jose@x.com" in kept


@pytest.mark.parametrize("is_named", [True, False])
def test_forgetting_an_address_ends_the_imports_that_name_it(is_named: bool) -> None:
    one = start.upload(make_campaign(), io.BytesIO(b"email,x\nb@example.com,A@x.example\n"), "l")
    assert forget("a@x.example" if is_named else "c@x.example").imports_ended == is_named
    one.refresh_from_db()
    assert (one.state == Import.State.CANCELLED) == is_named
    assert Path(one.path).exists() != is_named
    if not is_named:
        Path(one.path).unlink()


def test_forgetting_an_address_reaches_the_reasons_that_offer_it() -> None:
    load(b"email\ny(at)acme.com\nz(at)acme.com\n")
    assert forget("y@acme.com").rejected_lines == 1
    (line,) = RejectedLine.objects.all()
    assert line.cells == ["z(at)acme.com"]


def confirmed(content: bytes) -> Import:
    one = start.upload(make_campaign(), io.BytesIO(content), "list.csv")
    start.confirm(one, Columns.of_json(one.columns or {}), is_dry_run=False)
    return one


def test_a_process_that_wakes_up_after_another_has_taken_over_commits_nothing() -> None:
    one = confirmed(b"email\na@example.com\n")
    with claimed(one.pk) as frozen:
        assert frozen is not None
        Import.objects.update(lease_owner="another")
        with pytest.raises(LostLeaseError):
            run.run(frozen, enrol)
    assert not Recipient.objects.exists()
    done = work_on(one.pk)
    assert done is not None
    assert (done.state, done.created) == (Import.State.DONE, 1)


def test_an_import_that_is_interrupted_after_every_chunk_loses_and_doubles_no_line() -> None:
    content = b"email,name\n" + b"".join(
        b'a%d@example.com,"Ann\nof\nKent"\nwrong%d,\n\nA%d@example.com,\n'
        % (number, number, number)
        for number in range(12)
    )
    one = confirmed(content)
    interruptions = 0
    with mock.patch.object(run, "CHUNK_ROWS", 1), mock.patch.object(text_lines, "BLOCK", 50):
        while not one.is_over:
            try:
                work_on(one.pk, must_stop=lambda: True)
            except InterruptedImportError:
                interruptions += 1
            one.refresh_from_db()
    assert interruptions > 10
    assert (one.rows, one.created, one.duplicates, one.rejected) == (36, 12, 12, 12)
    assert set(Recipient.objects.values_list("name", flat=True)) == {"Ann of Kent"}
    assert RejectedLine.objects.count() == 12


def test_only_one_process_works_on_an_import_and_it_is_done_once() -> None:
    one = confirmed(b"email\na@example.com\n")
    with claimed(one.pk):
        assert work_on(one.pk) is None
    assert work_on(one.pk) is not None
    assert work_on(one.pk) is None


def test_a_file_that_kills_its_process_again_and_again_is_given_up() -> None:
    one = confirmed(b"email\na@example.com\n")
    Import.objects.update(attempts=run.MOST_ATTEMPTS)
    done = work_on(one.pk)
    assert done is not None
    assert (done.state, "has died" in done.error) == (Import.State.FAILED, True)


def test_a_file_that_was_changed_meanwhile_is_not_read_on() -> None:
    one = confirmed(b"email\na@example.com\n")
    with Path(one.path).open("ab") as file:
        file.write(b"b@example.com\n")
    done = work_on(one.pk)
    assert done is not None
    assert "was changed" in done.error


def test_what_nobody_comes_back_for_is_cleaned_up() -> None:
    one = start.upload(make_campaign(), io.BytesIO(b"email\na@example.com\n"), "list.csv")
    clean_up()
    assert Path(one.path).exists()
    Import.objects.update(created_at=timezone.now() - timedelta(days=2))
    clean_up()
    one.refresh_from_db()
    assert one.state == Import.State.CANCELLED
    assert not Path(one.path).exists()
    rejected = load(b"email\nwrong\n")
    Import.objects.update(finished_at=timezone.now() - timedelta(days=31))
    clean_up()
    assert not RejectedLine.objects.filter(of_import=rejected).exists()


LINES = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["", "A", "B"]), st.booleans()), max_size=30
)


class ModelTest(TestCase):
    """Any list, in any number of chunks, against a model of ten lines."""

    @settings(max_examples=40, deadline=None)
    @given(lists=st.lists(LINES, min_size=1, max_size=3), chunk=st.integers(1, 7))
    def test_counts_and_rows_are_those_of_the_model(
        self, lists: list[list[tuple[int, str, bool]]], chunk: int
    ) -> None:
        campaign = make_campaign()
        suppressed = {"r3@example.com"}
        SuppressedAddress.objects.create(email_key="r3@example.com")
        names: dict[str, str] = {}
        for lines in lists:
            content = "email,name\n" + "".join(
                f"{'R' if name else 'r'}{number}{'@' if is_good else ''}example.com,{name}\n"
                for number, name, is_good in lines
            )
            good = [
                (email_key(f"r{number}@example.com"), name)
                for number, name, is_good in lines
                if is_good
            ]
            firsts = dict(reversed([line for line in good if line[0] not in suppressed]))
            with (
                mock.patch.object(run, "CHUNK_ROWS", chunk),
                mock.patch.object(text_lines, "BLOCK", 40),
            ):
                one = load(content.encode(), campaign)
            assert one.created == len(firsts.keys() - names.keys())
            assert one.updated == len(firsts.keys() & names.keys())
            assert one.rejected == len(lines) - len(good)
            assert one.suppressed == sum(key in suppressed for key, _ in good)
            for key, name in firsts.items():
                names[key] = name or names.get(key, "")
        stored = dict(Recipient.objects.values_list("email_key", "name"))
        assert stored == names
        assert counts_of(campaign).recipients == len(pixels_of(campaign)) == len(names)
