"""What is kept aside for a person to mend: many rows, by the database's quickest way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.db import connection, models

from campaigns.imports.reasons import as_kept, because
from campaigns.imports.records import Fault
from campaigns.models import Import, RejectedLine, TypingSlip

REASON_LENGTH = 400
# Of each rejected line, so that rejecting costs no more room than importing.
CELL_LENGTH = 4_000
CELLS = 200
INSERTED_AT_ONCE = 1_000


def keep_rejected(one: Import, faults: Iterable[Fault]) -> None:
    faults = map(_told_what_is_cut, faults)
    _insert(
        RejectedLine,
        ("of_import_id", "line", "reason", "reason_kept", "cells"),
        [
            (
                one.pk,
                fault.line,
                _storable(fault.reason, REASON_LENGTH),
                json.dumps(as_kept(fault.reason), ensure_ascii=False),
                _cells(fault),
            )
            for fault in faults
        ],
    )


def keep_slips(one: Import, slips: Iterable[tuple[int, str, str]]) -> None:
    columns = ("of_import_id", "line", "email_key", "suggestion")
    _insert(TypingSlip, columns, [(one.pk, *slip) for slip in slips])


def _told_what_is_cut(fault: Fault) -> Fault:
    """Whoever mends the line has to know that there was more of it."""
    reason = fault.reason
    if any(len(cell) > CELL_LENGTH for cell in fault.cells):
        reason = because(
            "%(reason)s (of each cell, only the first %(kept)s characters are kept)",
            reason=reason,
            kept=CELL_LENGTH,
        )
    elif len(fault.cells) > CELLS:
        reason = because(
            "%(reason)s (only the first %(kept)s cells are kept)", reason=reason, kept=CELLS
        )
    return replace(fault, reason=reason)


def _cells(fault: Fault) -> str:
    cells = [_storable(cell, CELL_LENGTH) for cell in fault.cells[:CELLS]]
    return json.dumps(cells, ensure_ascii=False)


def _storable(text: str, length: int) -> str:
    """No database takes a NUL; where one was stays visible."""
    return text[:length].replace("\x00", "\ufffd")


def _insert(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[int | str, ...]]
) -> None:
    if not rows:
        return
    table, names = model._meta.db_table, ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  # our own names
        for start in range(0, len(rows), INSERTED_AT_ONCE):
            cursor.executemany(statement, rows[start : start + INSERTED_AT_ONCE])
