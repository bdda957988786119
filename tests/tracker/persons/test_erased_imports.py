"""Imports before, during and after an erasure bring nobody back."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest

from campaigns.imports import run
from campaigns.imports.forget import Forgotten
from campaigns.models import Recipient
from campaigns.tombstones import is_erased
from tests.conftest import make_campaign, pixels_of
from tests.tracker.persons.ann import ANN, NAME, closing_after
from tests.tracker.persons.everywhere import places_in_database
from tracker.importing.now import import_recipients
from tracker.models import PixelTracking
from tracker.persons.erasure import erase
from tracker.recount import verify

pytestmark = pytest.mark.usefixtures("real_db", "directory")


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
