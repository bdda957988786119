"""Which imports wait for a process, for the companion inside `serve` to start one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from campaigns.imports.ending import clean_up
from campaigns.imports.files import place
from campaigns.imports.lease import is_worked_on
from campaigns.models import Import
from tracker.importing import tasks

RESULTS_KEPT = timedelta(days=7)


class Imports:
    """One after another: each takes a whole processor and writes as fast as the database can."""

    name = "imports"

    def command(self) -> Sequence[str]:
        waiting = [
            one
            for one in Import.objects.unfinished().filter(place=place(), is_ours=True)
            if not is_worked_on(one.pk)
        ]
        if not waiting:
            return ()
        tasks.give_up_running()
        enqueued = tasks.waiting_imports()
        for one in waiting:
            if one.pk not in enqueued:
                tasks.enqueue(one)
        arguments = ("--no-startup-delay", "--no-reload", "--interval", "1")
        return ("db_worker", "--batch", "--queue-name", place(), *arguments)

    def clean_up(self) -> None:
        clean_up()
        DBTaskResult.objects.finished().filter(
            finished_at__lt=timezone.now() - RESULTS_KEPT
        ).delete()
