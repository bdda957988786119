"""One import from its first line to its end; whoever runs it goes on where the last one stood."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from campaigns.attributes import keep_names
from campaigns.audit import Action, record
from campaigns.imports import files
from campaigns.imports.columns import Columns
from campaigns.imports.erased import Erased, erased_meanwhile
from campaigns.imports.errors import (
    CancelledError,
    InterruptedImportError,
    LostLeaseError,
    UnreadableFileError,
)
from campaigns.imports.formats import open_table
from campaigns.imports.keep import keep_rejected, keep_slips
from campaigns.imports.lease import advance
from campaigns.imports.marks import with_marked, without_marked
from campaigns.imports.patience import SignsOfLife
from campaigns.imports.reasons import as_kept, because
from campaigns.imports.records import Batch, Fault
from campaigns.imports.rows import Judge, Row, length_of
from campaigns.imports.staging import Enrol, Staging, Stored, staging_of
from campaigns.models import CorrectedAddress, Import, RejectedLine, TypingSlip

# What one transaction stages: a second's work, so that progress is seen and a person is heard,
# whatever the lines are that it goes over. Its rows wait in memory until it begins.
CHUNK_SECONDS = 2.0
CHUNK_LINES = 1_000_000
CHUNK_ROWS = 50_000
CHUNK_REJECTED = 10_000
CHUNK_CHARACTERS = 8 << 20

# A file at which the process dies again and again, without getting further.
MOST_ATTEMPTS = 5

# What begins anew with the file; what the audit log says: figures, and no line of it.
COUNTED = ("last_line", "bytes_read", "rows", "rejected", "erased", "slips")
TOLD = ("rows", "created", "updated", "rejected", "suppressed", "erased", "added", "with_erased")

FILE_IS_GONE = because("The file is gone from the server. Upload it again.")

logger = logging.getLogger("campaigns.imports")

Tell = Callable[[Import], None]


@dataclass(slots=True)
class Chunk:
    """What one transaction adds."""

    first_line: int
    last_line: int
    began: float = field(default_factory=monotonic)
    staged: list[list[Row]] = field(default_factory=list)
    rows: int = 0
    characters: int = 0
    erased: int = 0
    marked: int = 0
    rejected: list[Fault] = field(default_factory=list)
    slips: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return (
            self.rows >= CHUNK_ROWS
            or max(len(self.rejected), len(self.slips)) >= CHUNK_REJECTED
            or self.characters >= CHUNK_CHARACTERS
            or self.last_line - self.first_line >= CHUNK_LINES
            or monotonic() - self.began >= CHUNK_SECONDS
        )


def run(
    one: Import,
    enrol: Enrol,
    *,
    tell: Tell = lambda one: None,
    must_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Do what is left to do for a claimed import.

    Whatever happens to the file ends in the import's state: done, failed or cancelled, and then
    file and staged rows are gone. Raises LostLeaseError or InterruptedImportError when others go
    on, and lets through that the database is away: it is tried again.
    """
    staging = staging_of(one)
    try:
        if one.attempts > MOST_ATTEMPTS:
            raise UnreadableFileError(
                "The process that reads this file has died %(times)s times.", times=MOST_ATTEMPTS
            )
        _read_and_store(one, staging, enrol, tell, must_stop)
    except UnreadableFileError as error:
        finish(one, Import.State.FAILED, error=error.reason)
    except FileNotFoundError:
        finish(one, Import.State.FAILED, error=FILE_IS_GONE)
    except CancelledError:
        finish(one, Import.State.CANCELLED)
    except LostLeaseError:
        _leave_nothing_to_nobody(one, staging)
        raise
    except (InterruptedImportError, OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("import %d failed", one.pk, extra={"import": one.pk})
        finish(
            one,
            Import.State.FAILED,
            error=because("An unexpected fault stopped this import. The server's log says more."),
        )


def _leave_nothing_to_nobody(one: Import, staging: Staging) -> None:
    """Others have ended the import, perhaps while this process was adding rows."""
    one.refresh_from_db()
    if one.is_over:
        staging.drop()


def finish(one: Import, state: Import.State, *, error: str = "") -> None:
    """The import is over; what it stored, if anything, is committed with this."""
    with transaction.atomic():
        _end(one, state, error=error)
        staging_of(one).drop()
    files.discard(one)
    one.refresh_from_db()


def _end(one: Import, state: Import.State, *, error: str = "", **more: object) -> None:
    mine = Import.objects.exclude(
        state__in=(Import.State.DONE, Import.State.FAILED, Import.State.CANCELLED)
    ).filter(pk=one.pk, lease_owner=one.lease_owner)
    if not mine.update(
        state=state,
        finished_at=timezone.now(),
        lease_owner="",
        error=error,
        error_kept=as_kept(error),
        **more,
    ):
        raise LostLeaseError


def _read_and_store(
    one: Import,
    staging: Staging,
    enrol: Enrol,
    tell: Tell,
    must_stop: Callable[[], bool],
) -> None:
    with Path(one.path).open("rb") as stream:
        _check_unchanged(one)
        columns = Columns.of_json(one.columns or {})
        table = open_table(stream, SignsOfLife(one, must_stop), columns.reading)
        with transaction.atomic():
            _begin_reading(one, staging)
        judge = Judge(columns, one.header)
        batches = (batch for batch in table.batches if batch.last > one.last_line or batch.faults)
        while _stage_chunk(one, staging, judge, batches, stream):
            tell(one)
            if must_stop():
                raise InterruptedImportError
    with transaction.atomic():
        advance(one, state=Import.State.STORING, bytes_read=one.size)
    tell(one)
    _store(one, staging, enrol)
    if one.is_tried:
        files.release(one)
    else:
        files.discard(one)


def _check_unchanged(one: Import) -> None:
    status = Path(one.path).stat()
    if status.st_size != one.size or (one.last_line and status.st_mtime != one.modified_at):
        raise UnreadableFileError("The file was changed while it was being read.")


def _begin_reading(one: Import, staging: Staging) -> None:
    progress: dict[str, object] = {"state": Import.State.READING}
    staged = one.rows - one.rejected - one.erased
    if not staging.resume(one.last_line, staged):
        progress |= dict.fromkeys(
            ("last_line", "bytes_read", "rows", "rejected", "erased", "slips"), 0
        )
        progress["notes"] = without_marked(one.notes)
        RejectedLine.objects.filter(of_import=one).delete()
        TypingSlip.objects.filter(of_import=one).delete()
        one.last_line = 0
    advance(one, resumed_at_line=one.last_line, **progress)


def _stage_chunk(
    one: Import, staging: Staging, judge: Judge, batches: Iterator[Batch], stream: BinaryIO
) -> bool:
    """Whether there may be anything left to stage.

    Judged first, then written at once: on SQLite everybody else waits for the transaction.
    """
    chunk = Chunk(one.last_line, one.last_line)
    erased = Erased(one)
    has_more = _fill(chunk, judge, batches, one.last_line, erased)
    with transaction.atomic():
        staging.add(chunk.staged)
        if not one.is_dry_run:
            erased.lift()
        keep_rejected(one, chunk.rejected)
        keep_slips(one, chunk.slips)
        advance(
            one,
            last_line=chunk.last_line,
            bytes_read=min(max(stream.tell(), one.bytes_read), one.size),
            rows=one.rows + chunk.rows + len(chunk.rejected),
            rejected=one.rejected + len(chunk.rejected),
            erased=one.erased + chunk.erased,
            slips=one.slips + len(chunk.slips),
            notes=with_marked(one.notes, chunk.marked),
            attempts=1,
        )
    return has_more


def _fill(chunk: Chunk, judge: Judge, batches: Iterator[Batch], after: int, erased: Erased) -> bool:
    """Until the chunk is full, or False when the file ends."""
    for batch in batches:
        judged = judge.judge(batch, after=after)
        chunk.rows += len(judged.rows)
        rows = erased.left_out(judged.rows)
        chunk.erased += len(judged.rows) - len(rows)
        chunk.staged.append(rows)
        chunk.characters += sum(map(length_of, rows))
        chunk.characters += sum(fault.length for fault in judged.rejected)
        chunk.rejected += judged.rejected
        chunk.slips += judged.slips
        chunk.marked += judged.marked
        chunk.last_line = max(chunk.last_line, batch.last)
        if chunk.is_full:
            return True
    return False


def _drop_known_slips(one: Import) -> int:
    """Nobody is asked again about addresses that were corrected before."""
    corrected = CorrectedAddress.objects.values("email_key")
    dropped, _ = TypingSlip.objects.filter(of_import=one, email_key__in=corrected).delete()
    return dropped


def _check_sum(one: Import, stored: Stored, erased: int) -> None:
    """Nobody is lost without a word, whatever the fault is."""
    became = stored.created + stored.updated + stored.duplicates + stored.suppressed
    if one.rows != became + erased + one.rejected:
        raise UnreadableFileError(
            "%(rows)s rows were read, and it is known of %(became)s only what becomes of them.",
            rows=one.rows,
            became=became + erased + one.rejected,
        )


def _store(one: Import, staging: Staging, enrol: Enrol) -> None:
    """All of it or nothing. The locked row keeps others away as long as this lasts."""
    with transaction.atomic():
        mine = Import.objects.unfinished().filter(pk=one.pk, lease_owner=one.lease_owner)
        if not mine.select_for_update(of=("self",)).values_list("pk"):
            raise LostLeaseError
        staging.alone()
        erased = one.erased
        if (buried := erased_meanwhile(one)) is not None:
            erased += staging.leave_out(buried.among)
        stored = staging.store(enrol, is_dry_run=one.is_dry_run)
        _check_sum(one, stored, erased)
        known = _drop_known_slips(one) if stored.corrected else 0
        slips = one.slips - known
        _end(one, Import.State.DONE, erased=erased, slips=slips, **asdict(stored))
        staging.drop()
        one.refresh_from_db()
        if not one.is_dry_run:
            keep_names(Columns.of_json(one.columns or {}).attributes.values())
            record(
                Action.RECIPIENTS_IMPORTED,
                one.campaign,
                one.created_by,
                **{name: getattr(one, name) for name in TOLD},
            )
