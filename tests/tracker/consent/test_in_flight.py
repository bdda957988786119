"""Choices made while hits come in: nothing stays linked, nothing is lost, every count agrees."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from campaigns.models import Recipient
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_choices import NOON, linked_opens
from tracker.consent import choose, in_flight, make_up, moves
from tracker.judging.again import JudgeAgain
from tracker.models import Open, PendingMove, Pixel, UniqueOpen
from tracker.recount import verify
from tracker.writer import open_writer, write_hits
from tracker.writer.postgresql import PostgresqlWriter

pytestmark = pytest.mark.usefixtures("real_db")

IS_SQLITE = connection.vendor == "sqlite"


@contextmanager
def in_background(*works: Callable[[threading.Event], None]) -> Iterator[list[BaseException]]:
    """Each in a thread of its own until the block ends; gives what they raised."""
    is_over = threading.Event()
    raised: list[BaseException] = []

    def run(work: Callable[[threading.Event], None]) -> None:
        try:
            work(is_over)
        except BaseException as error:
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield raised
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)


class Hammer:
    """Writes random groups for these pixels; at most so many, so that a slow machine ends too."""

    def __init__(self, pixel_ids: list[int], seed: int) -> None:
        self._pixel_ids = pixel_ids
        self._chance = random.Random(seed)
        self.written: list[tuple[int, int]] = []

    def __call__(self, is_over: threading.Event) -> None:
        writer = open_writer()
        while not is_over.wait(0.002) and len(self.written) < 3_000:
            hits = [
                make_hit(self._chance.choice(self._pixel_ids))
                for _ in range(self._chance.randrange(1, 40))
            ]
            self.written.append((len(hits), writer.write(hits)))
        writer.close()

    def wait_for(self, groups: int) -> None:
        until = len(self.written) + groups
        while len(self.written) < min(until, 3_000):
            time.sleep(0.001)


def judge(is_over: threading.Event) -> None:
    while not is_over.wait(0.01):
        JudgeAgain().pixels(list(UniqueOpen.objects.order_by("?").values_list("pk", flat=True)[:3]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_choices_under_hammering_writers_leave_nothing_linked_and_lose_nothing(seed: int) -> None:
    campaign = make_campaign(*emails(20))
    recipients = list(Recipient.objects.order_by("pk"))
    # SQLite lets one write at a time, and those who wait do not queue.
    ids = [pixel.pk for pixel in pixels_of(campaign)]
    hammers = [Hammer(ids, seed * 100 + number) for number in range(1 if IS_SQLITE else 3)]
    chance = random.Random(seed)
    with in_background(*hammers, *([] if IS_SQLITE else [judge])) as raised:
        for _ in range(5 if IS_SQLITE else 40):
            recipient = chance.choice(recipients)
            tracking = chance.choice(["identified", "anonymous", "anonymous", "off"])
            choose(recipient, tracking, source="command")
            if tracking != "identified":
                assert Open.objects.filter(pixel__recipient=recipient).count() == 0
            assert verify().drift == 0
        for recipient in recipients:
            choose(recipient, "anonymous", source="command")
        # The groups that began before the last choice are through; of the next none is lost.
        hammers[0].wait_for(2)
        done = len(hammers[0].written)
        hammers[0].wait_for(10)
        assert not raised
    assert not raised
    assert linked_opens() == 0
    assert verify().drift == 0
    assert all(given == recorded for given, recorded in hammers[0].written[done:])
    recorded = sum(recorded for hammer in hammers for _, recorded in hammer.written)
    assert counts_of(campaign).opens == Open.objects.count() == recorded
    assert counts_of(campaign).unique_opens <= len(recipients)


def test_a_choice_waits_for_the_group_that_is_being_written_without_it() -> None:
    if IS_SQLITE:
        return  # its writers hold the whole database: there is nothing to wait for
    campaign = make_campaign("a@example.com", "b@example.com")
    pixel, other = pixels_of(campaign)
    assert pixel.recipient is not None
    recipient = pixel.recipient
    writer = open_writer()
    writer.write([make_hit(other.pk, at=NOON)])
    waited: list[bool] = []

    def write(is_over: threading.Event) -> None:
        writer.write([make_hit(pixel.pk, at=NOON), make_hit(other.pk, at=NOON)])

    def decide(is_over: threading.Event) -> None:
        choose(recipient, "anonymous", source="command")
        waited.append(True)

    # The group gets as far as the other's unique open, with the pixel as it was when it began, and
    # stays there; of the counts, which the choice changes too, it has none yet.
    with psycopg.connect(**connection.get_connection_params()) as holder:
        holder.execute("SELECT 1 FROM tracker_uniqueopen FOR UPDATE")
        with in_background(write) as raised:
            wait_for_lock(1)
            with in_background(decide) as also_raised:
                while not Pixel.objects.filter(pk=pixel.pk, tracking=1).exists():
                    assert not also_raised
                assert not waited
                holder.commit()
    writer.close()
    assert not raised
    assert not also_raised
    assert waited
    assert Open.objects.count() == 3
    assert linked_opens() == 0
    assert verify().drift == 0


@pytest.mark.parametrize(("tracking", "opens"), [("off", 1), ("identified", 2)])
def test_a_choice_between_the_two_statements_of_a_group_is_kept_to(
    tracking: str, opens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    assert pixel.recipient is not None
    recipient = pixel.recipient
    choose(recipient, "anonymous", source="command")
    write_hits([make_hit(pixel.pk)])
    writer = open_writer()
    if isinstance(writer, PostgresqlWriter):
        look_up = writer._stand_ins_of

        def choose_before(pixel_ids: set[int]) -> dict[int, int]:
            choose(recipient, tracking, source="page")
            return look_up(pixel_ids)

        monkeypatch.setattr(writer, "_stand_ins_of", choose_before)
    else:
        # One transaction: a choice comes before it or after it.
        choose(recipient, tracking, source="page")
    writer.write([make_hit(pixel.pk)])
    writer.close()
    assert Open.objects.count() == opens
    assert linked_opens() == 0
    assert verify().drift == 0


def test_a_writer_is_known_by_name_also_when_its_first_group_brings_a_new_agent() -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    writer = open_writer()
    writer.write([make_hit(pixel.pk, user_agent="Never seen before")])
    if not IS_SQLITE:
        with writer._connection.cursor() as cursor:
            for setting, value in (
                ("application_name", "glimpse writer"),
                ("plan_cache_mode", "force_generic_plan"),
            ):
                cursor.execute(f"SHOW {setting}")
                assert cursor.fetchone() == (value,)
    writer.close()
    assert UniqueOpen.objects.get().open_count == 1


def wait_for_lock(backends: int) -> None:
    waiting = 0
    while waiting < backends:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock' AND application_name = 'glimpse writer'"
            )
            waiting = cursor.fetchone()[0]


def test_a_move_that_was_promised_and_not_made_is_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    assert pixel.recipient is not None
    write_hits([make_hit(pixel.pk)])
    monkeypatch.setattr(moves, "wait_for_writers", lambda: False)
    choose(pixel.recipient, "anonymous", source="command")
    assert linked_opens() == 2, "the open and the unique open"
    monkeypatch.undo()
    assert make_up() == 0, "whoever has chosen may still be at it"
    PendingMove.objects.update(since=timezone.now() - 2 * moves.LATE - timedelta(seconds=1))
    assert make_up() == 1
    assert linked_opens() == 0
    assert not PendingMove.objects.exists()
    assert verify().drift == 0


def test_a_writer_that_hangs_is_waited_for_in_vain_and_the_schedule_is_left_the_rest() -> None:
    if IS_SQLITE:
        assert in_flight.wait_for_writers(0) is True
        return
    with psycopg.connect(**connection.get_connection_params()) as hanging:
        hanging.execute("SET application_name = 'glimpse writer'")
        assert in_flight.wait_for_writers(0.05) is False
        hanging.commit()
        assert in_flight.wait_for_writers(0.05) is True


def test_choosing_inside_a_transaction_moves_when_that_is_committed() -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    recipient = Recipient.objects.get()
    write_hits([make_hit(pixel.pk)])
    with transaction.atomic():
        choose(recipient, "anonymous", source="admin")
        assert linked_opens() == 2
    assert linked_opens() == 0
