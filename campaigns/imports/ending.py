"""An import ends before it is done: a person cancels it, or it is of no use any more."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from campaigns.imports import files
from campaigns.imports.lease import claimed, is_worked_on
from campaigns.imports.reasons import as_kept, because
from campaigns.imports.run import finish
from campaigns.imports.staging import staging_of
from campaigns.models import Import, RejectedLine, TypingSlip
from campaigns.remains import clear_remains

logger = logging.getLogger("campaigns.imports")

OVER = (Import.State.DONE, Import.State.FAILED, Import.State.CANCELLED)
# An upload that nobody confirms, or a command that nobody repeats.
ABANDONED_AFTER = timedelta(days=1)
# Rejected lines hold personal data: whoever wants to mend them does so within a month.
LINES_KEPT = timedelta(days=30)


def cancel(one: Import) -> bool:
    """Whether it will end without storing anything; False once it is being stored."""
    if one.state == Import.State.UPLOADED:
        end(one)
        return True
    try:
        with transaction.atomic():
            # Whoever stores it holds the row until that is done: it is not waited for.
            rows = Import.objects.unfinished().filter(pk=one.pk).exclude(state=Import.State.STORING)
            if not list(rows.select_for_update(nowait=True).values_list("pk")):
                return False
            Import.objects.filter(pk=one.pk).update(is_cancel_requested=True)
    except OperationalError:
        return False
    with claimed(one.pk) as mine:
        if mine is not None:
            # Nobody works on it who could notice.
            finish(mine, Import.State.CANCELLED)
    return True


def end(one: Import, error: str = "") -> None:
    """At once, whoever works on it: that process finds out before it commits again."""
    with transaction.atomic():
        Import.objects.filter(pk=one.pk).exclude(state__in=OVER).update(
            state=Import.State.CANCELLED,
            error=error,
            error_kept=as_kept(error),
            finished_at=timezone.now(),
            lease_owner="",
        )
        staging_of(one).drop()
    files.discard(one)


def clean_up() -> None:
    """What nobody comes back for: run now and then by whoever looks after this folder."""
    now = timezone.now()
    here = Import.objects.filter(place=files.place())
    unasked = Q(state=Import.State.UPLOADED) | Q(state__in=Import.UNFINISHED, is_ours=False)
    for one in here.filter(unasked, created_at__lt=now - ABANDONED_AFTER):
        if not is_worked_on(one.pk):
            end(one, because("Nobody came back to it within a day."))
    _delete_lines(before=now - LINES_KEPT)
    tried = here.tried()
    for one in tried.filter(finished_at__lt=now - ABANDONED_AFTER):
        files.discard_tried(one)
    over = here.filter(state__in=OVER, finished_at__gt=now - ABANDONED_AFTER)
    for one in over.exclude(pk__in=tried.values("pk")):
        # Its process may have died between its last commit and this.
        files.discard(one)
    needed = set(here.exclude(state__in=OVER).values_list("path", flat=True))
    needed |= set(tried.values_list("path", flat=True))
    for path in _old_files():
        if str(path) not in needed:
            with suppress(OSError):
                path.unlink()


def _delete_lines(before: datetime) -> None:
    for model in (RejectedLine, TypingSlip):
        if model._default_manager.filter(of_import__finished_at__lt=before).delete()[0]:
            clear_remains([model])


def _old_files() -> Iterator[Path]:
    """Uploads that are not being written any more."""
    for path in files.import_dir().glob("file-*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER.total_seconds():
                yield path
