"""Which columns hold what: as somebody has asked, by the header, or by what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from django.utils.translation import gettext_noop

from campaigns.imports.addresses import is_address, taken_out
from campaigns.imports.columns import (
    Columns,
    assigned,
    column_name,
    folded,
    guess_without_email,
    may_name_addresses,
    no_email_column,
)
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.reasons import because
from campaigns.imports.records import AS_IT_IS, Reading, Table
from campaigns.models import email_key

# Rows that are looked at before a column is believed.
LOOKED_AT = 100
TIED = gettext_noop(
    "Several columns hold as many different addresses, and none is called “email”: %(columns)s. "
    "Somebody has to say whose addresses are meant."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Columns by what the header calls them, or by their number from 1."""

    email: str = ""
    names: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    reading: Reading = AS_IT_IS


def columns_of(table: Table, asked: Asked | None = None) -> Columns:
    """Notes of the table tell what was not done by the header; ``email`` is -1 if nothing helps."""
    asked = asked or Asked()
    guessed = guess_without_email(table.header)
    email, names = guessed.email, guessed.names
    email = _place_of(asked.email, table.header) if asked.email else _by_content(table, email)
    if asked.names:
        names = tuple(_place_of(name, table.header) for name in asked.names)
    leave_out = {_place_of(name, table.header) for name in asked.leave_out}
    if email in leave_out:
        raise UnreadableFileError("The column with the addresses cannot be left out.")
    return replace(assigned(table.header, email, names, leave_out), reading=asked.reading)


def _by_content(table: Table, named: int) -> int:
    """The column with the most different addresses, unless the one that the header names has any;
    an account's owner stands in every line."""
    found = _addresses_in(table)
    most = max(found, default=0)
    if not most or (named >= 0 and found[named]):
        return named
    best = [at for at, different in enumerate(found) if different == most]
    if len(best) > 1:
        # Of “Contact” and “Contact's mail”, the second says what it holds.
        best = [at for at in best if may_name_addresses([table.header[at]])] or best
    if len(best) > 1:
        table.notes.append(because(TIED, columns=", ".join(_quoted(table, at) for at in best)))
        return -1
    column = table.header[best[0]] or because("column %(number)s", number=best[0] + 1)
    if named >= 0:
        note = because(
            "The first lines hold no address in the column “%(empty)s”: the addresses are taken "
            "from “%(column)s”.",
            empty=table.header[named],
            column=column,
        )
    else:
        note = because(
            "No column is called “email”: the addresses are taken from “%(column)s”, which has the "
            "most different ones.",
            column=column,
        )
    table.notes.append(note)
    return best[0]


def _quoted(table: Table, at: int) -> str:
    return f"“{table.header[at] or column_name(at)}”"


def _addresses_in(table: Table) -> list[int]:
    """How many different ones the first rows have in each column; these rows are not taken from
    the table."""
    rows: list[list[str]] = []
    seen = []
    for batch in table.batches:
        seen.append(batch)
        rows += batch.rows[: LOOKED_AT - len(rows)]
        if len(rows) >= LOOKED_AT:
            break
    table.batches = chain(seen, table.batches)
    width = len(table.header)
    found: list[set[str]] = [set() for _ in range(width)]
    for cells in rows:
        for at, cell in enumerate(cells[:width]):
            if is_address(cell):
                found[at].add(email_key(taken_out(cell)[0]))
    return [len(different) for different in found]


def _place_of(asked: str, header: Sequence[str]) -> int:
    names = [folded(cell) for cell in header]
    if folded(asked) in names:
        return names.index(folded(asked))
    if asked.isdecimal() and 0 < int(asked) <= len(header):
        return int(asked) - 1
    raise UnreadableFileError(
        "There is no column “%(column)s”; the header names: %(names)s.",
        column=asked,
        names=", ".join(filter(None, header))[:200],
    )


def require_list(table: Table, columns: Columns) -> None:
    """Without an address column only if a person could choose one."""
    is_list = any(cell.isprintable() and cell for cell in table.header)
    if not is_list or (columns.email < 0 and any("@" in cell for cell in table.header)):
        raise no_email_column(table.header, table.header_line)
