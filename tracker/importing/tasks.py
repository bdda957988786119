"""The task of working on one import, on the queue of the machine that has its file."""

from __future__ import annotations

import logging
import os

from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from campaigns.imports.errors import InterruptedImportError, LostLeaseError
from campaigns.imports.files import place
from campaigns.models import Import
from tracker.importing.now import work_on

logger = logging.getLogger("tracker.importing")

# Hits and pages come first.
NICENESS = 10


@task()
def work_on_import(import_id: int) -> str:
    """At most once, says the queue; from where it stood, says the import. What became of it."""
    parent = os.getppid()
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    try:
        # Without the server that started it, it leaves the rest to the next one.
        one = work_on(import_id, must_stop=lambda: os.getppid() != parent)
    except InterruptedImportError:
        return "interrupted"
    except LostLeaseError:
        return "taken over"
    if one is None:
        return "nothing to do"
    logger.info(
        "import %d: %s, %d rows, %d new to the campaign",
        one.pk,
        one.state,
        one.rows,
        one.added,
        extra={"import": one.pk, "state": one.state},
    )
    return str(one.state)


def enqueue(one: Import) -> None:
    """Within the transaction that confirms it: both, or neither."""
    work_on_import.using(queue_name=one.place).enqueue(one.pk)


def waiting_imports() -> set[int]:
    """Those of this machine that somebody will take."""
    ready = DBTaskResult.objects.filter(queue_name=place(), status=TaskResultStatus.READY)
    return {result.args_kwargs["args"][0] for result in ready}


def give_up_running() -> None:
    """The process that ran them has died: the queue itself would never notice."""
    DBTaskResult.objects.filter(queue_name=place(), status=TaskResultStatus.RUNNING).update(
        status=TaskResultStatus.FAILED, finished_at=timezone.now()
    )
