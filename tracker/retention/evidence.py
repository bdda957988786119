"""Old opens lose their address and their user agent; their verdicts and all counts stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from tracker.models import FanOut, Horizon, Open, UniqueOpen
from tracker.retention.months import first_id

# Rows changed in one transaction: short enough that no hit waits for it.
STEP = 5_000
# What the spool brings late is looked for that far before what was thinned out last time.
LATE = timedelta(days=40)


def remove_evidence(before: datetime) -> int:
    """From opens before that moment, and from what unique opens and patterns repeat of them.

    Returns how many opens it changed. Can be cut short at any moment; the next run goes on.
    """
    done = Horizon.now().evidence_kept_from
    after = first_id(done - LATE) if done is not None else None
    changed = 0
    while True:
        opens = Open.objects.filter(pk__lt=first_id(before))
        if after is not None:
            opens = opens.filter(pk__gt=after)
        ids = list(opens.order_by("pk").values_list("pk", flat=True)[:STEP])
        if not ids:
            break
        with_evidence = Open.objects.filter(pk__gte=ids[0], pk__lte=ids[-1])
        changed += with_evidence.exclude(ip=None, user_agent=None).update(ip=None, user_agent=None)
        after = ids[-1]
    _forget_last(before)
    FanOut.objects.filter(ends_at__lte=before).delete()
    Horizon.objects.filter(pk=1).update(evidence_kept_from=max(before, done or before))
    return changed


def _forget_last(before: datetime) -> None:
    """No index holds the last open: all rows are walked, each step locked in the writer's order."""
    after = 0
    while True:
        some = UniqueOpen.objects.filter(pk__gt=after).order_by("pk")
        ids = list(some.values_list("pk", flat=True)[:STEP])
        if not ids:
            return
        with transaction.atomic():
            old = UniqueOpen.objects.filter(
                pk__gte=ids[0], pk__lte=ids[-1], last_opened_at__lt=before
            ).exclude(last_ip=None, last_user_agent=None)
            found = list(
                old.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)
            )
            UniqueOpen.objects.filter(pk__in=found).update(last_ip=None, last_user_agent=None)
        after = ids[-1]
