"""Which work waits for a process, for the companion inside `serve` to start one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from campaigns.imports.files import place
from tracker.models import Work
from tracker.work import files
from tracker.work.lease import is_worked_on

# What became of it can be read for so long.
KEPT = timedelta(days=365)


def waiting(kinds: Sequence[str]) -> list[Work]:
    """Of this machine, the oldest first, what no process does at this moment."""
    unfinished = Work.objects.unfinished().filter(kind__in=kinds, place=place())
    return [work for work in unfinished.order_by("pk") if not is_worked_on(work)]


class WorkOf:
    """A lane of its own for each kind: who makes a campaign does not wait for all of history."""

    def __init__(self, kind: Work.Kind) -> None:
        self._kind = kind
        self.name = f"work ({kind.value})"

    def command(self) -> Sequence[str]:
        return ("work", self._kind.value) if waiting([self._kind]) else ()

    def clean_up(self) -> None:
        if self._kind in files.KINDS:
            files.clean_up()
        over = Work.objects.exclude(state__in=Work.UNFINISHED).filter(kind=self._kind)
        over.filter(finished_at__lt=timezone.now() - KEPT).delete()
