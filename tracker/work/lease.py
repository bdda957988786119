"""Who does a piece of work: one process at a time, and nobody waits for one that has died.

As with imports: the lock is the kernel's, and the owner's name in the row is the fence that keeps a
process from committing after another has taken over.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from campaigns.imports.errors import CancelledError, LostLeaseError
from campaigns.imports.files import PRIVATE, import_dir, place
from campaigns.locks import held, is_held
from tracker.models import Work

FOLDER = "work"


def work_dir() -> Path:
    """Within the folder of imports, so private as that is, and the same machine's."""
    directory = import_dir() / FOLDER
    directory.mkdir(mode=PRIVATE, exist_ok=True)
    return directory


def lock_file(work_id: int) -> Path:
    return work_dir() / f"work-{work_id}.lock"


@contextmanager
def claimed(work_id: int) -> Iterator[Work | None]:
    """The work, this process's own for the block; none if it is over or another's."""
    path = lock_file(work_id)
    with held(path) as is_mine:
        if not is_mine:
            yield None
            return
        now = timezone.now()
        is_there = (
            Work.objects.unfinished()
            .filter(pk=work_id, place=place())
            .update(
                state=Work.State.WORKING,
                lease_owner=secrets.token_hex(16),
                seen_at=now,
                attempts=F("attempts") + 1,
                started_at=Coalesce(F("started_at"), now),
                resumed_at=now,
                resumed_done=F("done"),
            )
        )
        if not is_there:
            path.unlink(missing_ok=True)
            yield None
            return
        yield Work.objects.select_related("campaign", "created_by").get(pk=work_id)


def is_worked_on(work: Work) -> bool:
    return is_held(work_dir() / f"work-{work.pk}.lock")


def advance(work: Work, **progress: object) -> None:
    """Write the progress, or raise why this process has to stop.

    Called within the transaction whose work it tells of: both are kept, or neither.
    """
    mine = _mine(work)
    values = {"seen_at": timezone.now(), **({"attempts": 1} if progress else {}), **progress}
    if not mine.filter(is_cancel_requested=False).update(**values):
        if mine.exists():
            raise CancelledError
        raise LostLeaseError
    _set(work, values)


def undo(work: Work, **progress: object) -> None:
    """The same on the way back, when the work is cancelled."""
    if not _mine(work).update(seen_at=timezone.now(), **progress):
        raise LostLeaseError
    _set(work, progress)


def finish(work: Work, state: Work.State, *, fault: str = "", **more: object) -> None:
    """It is over; what the caller's transaction does is committed with this."""
    values = {"state": state, "fault": fault, "finished_at": timezone.now(), "lease_owner": ""}
    if not _mine(work).update(**values, **more):
        raise LostLeaseError
    _set(work, {**values, **more})
    lock_file(work.pk).unlink(missing_ok=True)


def _mine(work: Work) -> QuerySet[Work]:
    return Work.objects.unfinished().filter(pk=work.pk, lease_owner=work.lease_owner)


def _set(work: Work, values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(work, name, value)
