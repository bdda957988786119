"""Old opens go: whole months at once where these are partitions, step by step elsewhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, F

from tracker.models import Horizon, Open, RemovedOpens
from tracker.quarters import QUARTER, quarter_of
from tracker.retention.months import first_id, moment_of
from tracker.retention.partitions import (
    Partition,
    close_partition,
    drop_partition,
    is_partitioned,
    partitions,
)
from tracker.verdicts import Verdict

# Rows removed in one transaction, at least as many as a quarter holds.
STEP = 5_000

ByCampaign = dict[int, Counter[str]]


def remove_opens(before: datetime) -> int:
    """Remove all opens before a quarter's first moment; returns how many.

    Counts and unique opens stay as they are. How many opens went is written down by campaign and
    verdict in the same transaction, so that ``verify_counts`` finds no drift at any moment. Can be
    cut short; the next run goes on.
    """
    removed = 0
    if is_partitioned():
        for partition in partitions():
            if partition.end <= first_id(before):
                removed += _remove_partition(partition)
    while some := _remove_step(before):
        removed += some
    with transaction.atomic():
        _move_horizon(before)
    return removed


def _remove_partition(partition: Partition) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        # Before the partition: whoever judges opens takes the two in this order.
        _move_horizon(moment_of(partition.end))
        close_partition(cursor, partition)
        opens = Open.objects.filter(pk__lt=partition.end)
        if partition.start is not None:
            opens = opens.filter(pk__gte=partition.start)
        rows = opens.values_list("pixel__campaign", "pixel__is_test", "verdict")
        counts: ByCampaign = defaultdict(Counter)
        removed = 0
        for campaign_id, is_test, verdict, number in rows.annotate(number=Count("pk")).order_by():
            removed += number
            if not is_test:
                counts[campaign_id][_column(verdict)] += number
        _write_down(counts)
        drop_partition(cursor, partition)
    return removed


def _remove_step(before: datetime) -> int:
    """The oldest opens, up to the end of a quarter; 0 when there are none left."""
    oldest = Open.objects.filter(pk__lt=first_id(before)).order_by("pk")
    moments = list(oldest.values_list("opened_at", flat=True)[:STEP])
    if not moments:
        return 0
    until = min(quarter_of(max(moments)) + QUARTER, before)
    with transaction.atomic():
        _move_horizon(until)
        some = Open.objects.filter(pk__lt=first_id(until))
        rows = list(some.values_list("pk", "pixel__campaign", "pixel__is_test", "verdict"))
        counts: ByCampaign = defaultdict(Counter)
        for _, campaign_id, is_test, verdict in rows:
            if not is_test:
                counts[campaign_id][_column(verdict)] += 1
        _write_down(counts)
        # Those that were counted, and none that came since.
        for ids in _portions([row[0] for row in rows]):
            Open.objects.filter(pk__in=ids).delete()
    return len(rows)


def _move_horizon(until: datetime) -> None:
    horizon = Horizon.held()
    if horizon.opens_kept_from is None or horizon.opens_kept_from < until:
        horizon.opens_kept_from = until
        horizon.save(update_fields=["opens_kept_from"])


def _write_down(counts: ByCampaign) -> None:
    for campaign_id, by_verdict in sorted(counts.items()):
        RemovedOpens.objects.get_or_create(campaign_id=campaign_id)
        RemovedOpens.objects.filter(campaign=campaign_id).update(
            **{name: F(name) + number for name, number in by_verdict.items()}
        )


def _column(verdict: int) -> str:
    return f"{Verdict.of_number(verdict).value}_opens"


def _portions(items: list[UUID], size: int = 500) -> Iterable[list[UUID]]:
    return (items[start : start + size] for start in range(0, len(items), size))
