"""Who works on an import: one process at a time, and nobody waits for one that has died.

The lock is the kernel's, on a file beside the list: it ends with the process that holds it, however
that ends. The owner's name in the import's row is the fence: a process that was frozen and wakes up
after another has taken over finds a foreign name there and commits nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from campaigns.imports.errors import CancelledError, LostLeaseError
from campaigns.imports.files import lock_file, place
from campaigns.locks import held, is_held
from campaigns.models import Import


@contextmanager
def claimed(import_id: int) -> Iterator[Import | None]:
    """The import, this process's own for the block; none if it is over or another's."""
    path = lock_file(import_id)
    with held(path) as is_mine:
        if not is_mine:
            yield None
            return
        now = timezone.now()
        mine = Import.objects.unfinished().filter(pk=import_id, place=place())
        is_there = mine.update(
            lease_owner=secrets.token_hex(16),
            seen_at=now,
            attempts=F("attempts") + 1,
            started_at=Coalesce(F("started_at"), now),
        )
        if not is_there:
            path.unlink(missing_ok=True)
            yield None
            return
        one = Import.objects.select_related("campaign").get(pk=import_id)
        yield one


def is_worked_on(import_id: int) -> bool:
    """Does a process of this machine hold it at this moment?"""
    return is_held(lock_file(import_id))


def advance(one: Import, **progress: object) -> None:
    """Write the progress, or raise why this process has to stop.

    Called within the transaction whose work it tells of: both are kept, or neither.
    """
    mine = Import.objects.unfinished().filter(pk=one.pk, lease_owner=one.lease_owner)
    if not mine.filter(is_cancel_requested=False).update(seen_at=timezone.now(), **progress):
        if mine.exists():
            raise CancelledError
        raise LostLeaseError
    for name, value in progress.items():
        setattr(one, name, value)
