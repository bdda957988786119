"""The files that long work made: in a private folder, for a day, gone with whoever is erased."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.db.models import QuerySet
from django.utils import timezone

from campaigns.imports.files import import_dir, place
from tracker.models import Pixel, Work
from tracker.work.lease import FOLDER, work_dir

KINDS = (Work.Kind.SNIPPETS, Work.Kind.PEOPLE)
KEPT = timedelta(hours=24)
# Characters.
READ_AT_ONCE = 1 << 18


def path_of(work: Work) -> Path:
    """Named by chance, as is asked for when the work begins."""
    return work_dir() / f"file-{work.parameters['file']}"


def is_there(work: Work) -> bool:
    """Can it be downloaded from this machine?"""
    if work.kind not in KINDS or work.state != Work.State.DONE or work.place != place():
        return False
    assert work.finished_at is not None
    return work.finished_at > timezone.now() - KEPT and path_of(work).exists()


def blocks_of(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        while text := file.read(READ_AT_ONCE):
            yield text


def discard(work: Work) -> None:
    path_of(work).unlink(missing_ok=True)


def kept_about(recipient_ids: Collection[int]) -> QuerySet[Work]:
    """Files that may name them: of the campaigns that they are in."""
    campaigns = Pixel.objects.filter(recipient__in=recipient_ids).values("campaign")
    return Work.objects.filter(kind__in=KINDS, campaign__in=campaigns).exclude(
        state__in=(Work.State.FAILED, Work.State.CANCELLED)
    )


def forget(recipient_ids: Collection[int]) -> int:
    """They were erased: files that name them go, as does what is being written; how many.

    Call this when the erasure is committed, so that no file begun later has them. Another machine
    removes its files within the hour; nobody gets them from now on.
    """
    works = list(kept_about(recipient_ids))
    Work.objects.filter(pk__in=[work.pk for work in works]).update(
        state=Work.State.FAILED,
        fault=Work.Fault.ERASED,
        finished_at=timezone.now(),
        lease_owner="",
    )
    for work in works:
        discard(work)
    return len(works)


def clean_up() -> None:
    """What is older, or nobody's: its process may have died before it could remove it."""
    # First the files, then the rows: a file is younger than its row.
    paths = list((import_dir() / FOLDER).glob("file-*"))
    young = Work.objects.filter(kind__in=KINDS, finished_at__gt=timezone.now() - KEPT)
    needed = young.filter(state=Work.State.DONE) | Work.objects.unfinished().filter(kind__in=KINDS)
    names = {path_of(work).name for work in needed}
    for path in paths:
        if path.name not in names:
            with suppress(OSError):
                path.unlink()
