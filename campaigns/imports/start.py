"""An import begins: the file is looked at, and what will be done with it is written down."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.db import models, transaction

from campaigns.imports import files
from campaigns.imports.choice import TIED, Asked, columns_of, require_list
from campaigns.imports.columns import Columns, no_email_column, reading_of
from campaigns.imports.errors import OutOfPatienceError, UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.patience import Patience
from campaigns.imports.reasons import Reason, as_kept
from campaigns.imports.records import Table, Tick
from campaigns.models import Campaign, Import

FILE_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Looked:
    """What the beginning of a file says."""

    table: Table
    columns: Columns


def upload(
    campaign: Campaign,
    content: BinaryIO,
    name: str,
    *,
    by: models.Model | None = None,
    asked: Asked | None = None,
) -> Import:
    """Keeps the file for a person to confirm its columns; raises if it cannot be a list."""
    looked = None
    if content.seekable():
        # Before a copy is made of it, and only once: a workbook takes its time.
        looked = _looked_at(content, Patience(), asked)
        content.seek(0)
    path = files.keep(content)
    try:
        if looked is None:
            with path.open("rb") as stream:
                looked = _looked_at(stream, Patience(), asked)
        return _written_down(campaign, path, name, looked, is_ours=True, created_by=by)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def look(path: Path, asked: Asked | None = None) -> Looked:
    """For a command, which waits as long as it takes."""
    with path.open("rb") as stream:
        return _looked_at(stream, lambda: None, asked)


def in_place(campaign: Campaign, path: Path, looked: Looked) -> Import:
    """For a file that stays where it is and belongs to somebody else."""
    return _written_down(campaign, path, path.name, looked, is_ours=False)


def _looked_at(stream: BinaryIO, tick: Tick, asked: Asked | None = None) -> Looked:
    asked = asked or Asked()
    table = open_table(stream, tick, asked.reading)
    columns = columns_of(table, asked)
    require_list(table, columns)
    return Looked(table, columns)


def _written_down(
    campaign: Campaign,
    path: Path,
    name: str,
    looked: Looked,
    *,
    is_ours: bool,
    created_by: Any = None,
) -> Import:
    status = path.stat()
    table = looked.table
    return Import.objects.create(
        campaign=campaign,
        created_by=created_by,
        file_name=name.replace("\x00", "")[-FILE_NAME_LENGTH:],
        path=str(path),
        is_ours=is_ours,
        place=files.place(),
        size=status.st_size,
        modified_at=status.st_mtime,
        header=[cell.replace("\x00", "\ufffd") for cell in table.header],
        notes=[as_kept(note) for note in table.notes],
        columns=looked.columns.as_json(),
    )


def require_email_column(one: Import) -> None:
    if Columns.of_json(one.columns or {}).email < 0:
        for pattern, values in one.notes:
            if pattern == TIED:
                raise UnreadableFileError(
                    "%(tied)s Name the column with --email.", tied=Reason(pattern, values)
                )
        raise no_email_column(one.header, 1)


def confirm(one: Import, columns: Columns, *, is_dry_run: bool, with_erased: bool = False) -> bool:
    """The person agrees: it may be worked on. False if it was confirmed already."""
    uploaded = Import.objects.filter(pk=one.pk, state=Import.State.UPLOADED)
    return bool(
        uploaded.update(
            columns=columns.as_json(),
            is_dry_run=is_dry_run,
            with_erased=with_erased,
            state=Import.State.WAITING,
        )
    )


def again(trial: Import, *, by: Any = None) -> Import | None:
    """An import of the file that was tried, its columns to be confirmed; none if another has it."""
    with transaction.atomic():
        tried = Import.objects.tried().select_for_update(of=("self",)).filter(pk=trial.pk).first()
        if tried is None:
            return None
        taken = ("campaign", "path", "is_ours", "place", "size", "modified_at", "file_name")
        same = {name: getattr(tried, name) for name in (*taken, "header", "columns", "notes")}
        Import.objects.filter(pk=tried.pk).update(path="")
        return Import.objects.create(**same, created_by=by, trial=tried)


def preview(one: Import, rows: int = 8) -> list[list[str]]:
    """The first rows as they stand in the file, each as wide as the header; fewer if it would
    take long to find them."""
    width = len(one.header)
    found: list[list[str]] = []
    with Path(one.path).open("rb") as stream, suppress(OutOfPatienceError):
        table = open_table(stream, Patience(), reading_of(one.columns or {}))
        every = (cells for batch in table.batches for cells in batch.rows if any(cells))
        # Kept one by one, for when patience ends.
        found.extend([*cells, *[""] * width][:width] for cells in islice(every, rows))
    return found
