"""The opens of erased people lose address and user agent; their verdicts and all counts stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from django.db import transaction

from tracker.consent import settle
from tracker.consent.moves import lock_pixels
from tracker.models import Horizon, Open, UniqueOpen
from tracker.stand_ins import configured_stand_ins

T = TypeVar("T")

PIXELS = 500


@transaction.atomic
def make_anonymous(pixel_ids: Iterable[int]) -> int:
    """What their recipients' erasure, which the caller's transaction holds, means for them; how
    many changed. Their opens leave them once it is committed and the writers are through."""
    Horizon.held()
    pixel_ids = sorted(pixel_ids)
    _hold(pixel_ids)
    return sum(settle(some) for some in portions(pixel_ids))


def _hold(pixel_ids: Sequence[int]) -> None:
    """All pixels, then all unique opens, as writers do: settling goes on to the campaigns' counts,
    for which a writer waits that has the unique opens."""
    stand_ins = configured_stand_ins()
    for some in portions(pixel_ids):
        lock_pixels([*some, *(stand_ins.of(one) for one in some)])
    for some in portions(pixel_ids):
        held = UniqueOpen.objects.select_for_update(no_key=True).filter(pk__in=some)
        list(held.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def stop_linking(pixel_ids: Iterable[int]) -> int:
    """Nothing leads from these pixels' opens to whoever opened them; returns how many opens had it.

    An open without evidence keeps its verdict when history is judged again. Locks as judging again
    does: the horizon, then pixels in the writer's order.
    """
    Horizon.held()
    changed = 0
    for some in portions(sorted(pixel_ids)):
        changed += _strip(some)
    return changed


def portions(items: Iterable[T]) -> Iterator[Sequence[T]]:
    rest = iter(items)
    while some := list(islice(rest, PIXELS)):
        yield some


def _strip(pixel_ids: Sequence[int]) -> int:
    held = UniqueOpen.objects.select_for_update(no_key=True).filter(pk__in=pixel_ids)
    locked = list(held.order_by("pk").values_list("pk", flat=True))
    opens = Open.objects.filter(pixel__in=pixel_ids).exclude(ip=None, user_agent=None)
    changed = opens.update(ip=None, user_agent=None)
    last = UniqueOpen.objects.filter(pk__in=locked).exclude(last_ip=None, last_user_agent=None)
    last.update(last_ip=None, last_user_agent=None)
    return changed
