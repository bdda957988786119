"""An import done while the caller waits: by the command, for the demo, and for short lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from django.db import connection

from campaigns.imports import files, start
from campaigns.imports.choice import Asked
from campaigns.imports.columns import Columns
from campaigns.imports.lease import claimed
from campaigns.imports.run import Tell, finish, run
from campaigns.models import Campaign, Import
from tracker.pixels import enrol

# From so many new recipients on the database's statistics are renewed at once.
ANALYZE_FROM = 2_000


def import_recipients(
    campaign: Campaign,
    content: BinaryIO,
    *,
    is_dry_run: bool = False,
    with_erased: bool = False,
    name: str = "list.csv",
    asked: Asked | None = None,
) -> Import:
    """From any stream, of which a copy is read; UnreadableFileError if it is no list."""
    one = start.upload(campaign, content, name, asked=asked)
    done = _confirmed_and_done(one, is_dry_run=is_dry_run, with_erased=with_erased)
    if done.is_tried:
        # The caller still has the list.
        files.discard_tried(done)
    return done


def import_file(
    campaign: Campaign,
    path: Path,
    *,
    is_dry_run: bool = False,
    with_erased: bool = False,
    asked: Asked | None = None,
    tell: Tell = lambda one: None,
) -> Import:
    """From a file where it lies; one that was cut short goes on where it stood."""
    same = {"is_dry_run": is_dry_run, "with_erased": with_erased}
    looked = start.look(path, asked)
    one = _cut_short(campaign, path, same, looked.columns)
    one = one or start.in_place(campaign, path, looked)
    return _confirmed_and_done(one, **same, tell=tell)


def work_on(
    import_id: int,
    *,
    tell: Tell = lambda one: None,
    must_stop: Callable[[], bool] = lambda: False,
) -> Import | None:
    """Do it, unless it is done or somebody else does it; the import as it stands in the end."""
    with claimed(import_id) as one:
        if one is None:
            return None
        run(one, enrol, tell=tell, must_stop=must_stop)
    if one.added >= ANALYZE_FROM and connection.vendor == "postgresql":
        # Plans that were right for a small table make pages of a large one slow.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE campaigns_recipient, tracker_pixel")
    return one


def cancel_at_once(one: Import) -> None:
    """For who worked on it and has stopped."""
    one.refresh_from_db()
    if not one.is_over:
        finish(one, Import.State.CANCELLED)


def _cut_short(
    campaign: Campaign, path: Path, same: dict[str, bool], columns: Columns
) -> Import | None:
    """An earlier run of the same command that was killed."""
    status = path.stat()
    found = Import.objects.unfinished().filter(
        campaign=campaign,
        path=str(path),
        is_ours=False,
        **same,
        place=files.place(),
        size=status.st_size,
        modified_at=status.st_mtime,
    )
    return next((one for one in found if one.columns == columns.as_json()), None)


def _confirmed_and_done(
    one: Import, *, is_dry_run: bool, with_erased: bool, tell: Tell = lambda one: None
) -> Import:
    if one.state == Import.State.UPLOADED:
        try:
            start.require_email_column(one)
        except BaseException:
            files.discard(one)
            one.delete()
            raise
        start.confirm(
            one,
            Columns.of_json(one.columns or {}),
            is_dry_run=is_dry_run,
            with_erased=with_erased,
        )
    tell(one)
    done = work_on(one.pk, tell=tell)
    return done or Import.objects.get(pk=one.pk)
