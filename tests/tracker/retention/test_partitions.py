from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tracker.models import Open
from tracker.quarters import EPOCH
from tracker.recount import verify
from tracker.retention import partitions as partitions_module
from tracker.retention.months import month_of, months_later
from tracker.retention.partitions import (
    OTHERS,
    PartitionInUseError,
    ensure_partitions,
    is_partitioned,
    partition_name,
    partitions,
)
from tracker.retention.removal import remove_opens
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

# Months that no other test makes.
MARCH = datetime(2031, 3, 1, tzinfo=UTC)
APRIL = datetime(2031, 4, 1, tzinfo=UTC)


def tables_of_opens() -> dict[str, int]:
    """How many opens stand in which table."""
    with connection.cursor() as cursor:
        if not is_partitioned():
            return {"tracker_open": Open.objects.count()}
        cursor.execute("SELECT tableoid::regclass::text, count(*) FROM tracker_open GROUP BY 1")
        return dict(cursor.fetchall())


def write(pixel_id: int, *moments: datetime) -> None:
    hits = [make_hit(pixel_id, at=(one - EPOCH) // timedelta(microseconds=1)) for one in moments]
    write_hits(hits)


@pytest.fixture
def pixel_id() -> Any:
    yield pixels_of(make_campaign(*emails(1)))[0].pk
    with connection.cursor() as cursor:
        for name in map(partition_name, (MARCH, APRIL, months_later(APRIL, 1))):
            cursor.execute(f"DROP TABLE IF EXISTS {name}")


def test_this_month_and_the_next_two_are_made_ahead() -> None:
    ensure_partitions()
    assert ensure_partitions() == []
    names = [one.name for one in partitions()] if is_partitioned() else []
    this = month_of(timezone.now())
    wanted = [partition_name(months_later(this, number)) for number in range(3)]
    assert set(wanted) <= set(names) or not is_partitioned()


def test_an_open_of_a_month_that_nobody_made_is_kept_and_moves_when_it_is(pixel_id: int) -> None:
    write(pixel_id, MARCH, APRIL - timedelta(milliseconds=1), APRIL)
    if is_partitioned():
        assert tables_of_opens() == {OTHERS: 3}
        assert partition_name(MARCH) in ensure_partitions(MARCH, MARCH - timedelta(days=40))
        assert tables_of_opens() == {OTHERS: 1, partition_name(MARCH): 2}
    write(pixel_id, MARCH + timedelta(days=3))
    assert sum(tables_of_opens().values()) == Open.objects.count() == 4
    assert verify().drift == 0


def test_a_month_goes_whole_and_the_counts_stay(pixel_id: int) -> None:
    ensure_partitions(MARCH, MARCH - timedelta(days=40))
    write(pixel_id, MARCH, APRIL - timedelta(milliseconds=1), APRIL)
    assert remove_opens(APRIL) == 2
    assert partition_name(MARCH) not in tables_of_opens()
    assert Open.objects.count() == 1
    assert counts_of(_campaign_of(pixel_id)).opens == 3
    assert verify().drift == 0


def test_hits_are_recorded_while_a_month_waits_for_a_long_query_to_go(
    pixel_id: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr(partitions_module, "DROP_TRIES", 2)
    monkeypatch.setattr(partitions_module, "DROP_EVERY", 0.01)
    ensure_partitions(MARCH, MARCH - timedelta(days=40))
    write(pixel_id, MARCH, APRIL)
    refused: list[Exception] = []

    def remove() -> None:
        try:
            remove_opens(APRIL)
        except PartitionInUseError as error:
            refused.append(error)
        finally:
            connections.close_all()

    with transaction.atomic():
        # A reader that takes its time.
        assert Open.objects.count() == 2
        if is_partitioned():
            thread = threading.Thread(target=remove)
            thread.start()
            thread.join(20)
    assert bool(refused) is is_partitioned()
    assert Open.objects.count() == 2
    assert remove_opens(APRIL) == 1
    assert verify().drift == 0


def _campaign_of(pixel_id: int) -> Any:
    from tracker.models import Pixel

    return Pixel.objects.get(pk=pixel_id).campaign
