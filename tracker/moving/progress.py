"""What a move remembers in the new database: where it came from, and how it left everything.

A table of its own, outside Django's: it says something of the database, not of what is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db import connections, transaction
from django.utils import timezone

from tracker.models import Horizon, Open
from tracker.moving.faults import MoveError
from tracker.moving.state import State, state_of
from tracker.moving.tables import Table
from tracker.retention.months import moment_of
from tracker.sentences import counted

NAME = "glimpse_move"
MAKE = f"""
CREATE TABLE {NAME} (
    source varchar(1000) NOT NULL, begun_at varchar(40) NOT NULL,
    finished_at varchar(40) NULL, left_as text NULL
)
"""
# Rows of people. What else a database with fresh tables holds (the roles) comes from migrations.
PEOPLES = (
    "auth_user",
    "campaigns_campaign",
    "campaigns_recipient",
    "tracker_pixel",
    "tracker_open",
    "tracker_ruling",
)
OURS = ("django", "glimpse")


@dataclass(frozen=True)
class Progress:
    """An earlier run of the same move; ``left_as`` only if that one was finished."""

    source: str
    begun_at: str
    left_as: State | None


def refuse_foreign(alias: str, all_tables: Sequence[Table], labels: set[str]) -> None:
    """Before anything is written: a database in which somebody else keeps something."""
    names = _names(alias)
    foreign = sorted(name for name in names if name.split("_")[0] not in {*labels, *OURS})
    if foreign:
        raise MoveError(
            f"The new database is in use: it holds {', '.join(foreign[:5])}"
            f"{' and more' if len(foreign) > 5 else ''}. Name an empty one."
        )
    if NAME in names:
        return
    for table in all_tables:
        if table.name in PEOPLES and table.name in names and (rows := table.count(alias)):
            raise MoveError(
                f"The new database is in use: {table.name} holds {counted(rows, 'row')} that no "
                f"move_to brought there. Name an empty one."
            )


def earlier(alias: str, source: str) -> Progress | None:
    """What an earlier run left; refused if it brought something else, or people use it."""
    if NAME not in _names(alias):
        return None
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT source, begun_at, left_as FROM {NAME}")
        row = cursor.fetchone()
    if row is None:
        return None
    came_from, begun_at, left_as = row
    if came_from != source:
        raise MoveError(
            f"The new database was begun with what is in {came_from}, and the configured one is "
            f"{source}. Name an empty database."
        )
    return Progress(came_from, begun_at, State.from_json(left_as) if left_as else None)


def refuse_used(alias: str, progress: Progress, all_tables: Sequence[Table]) -> None:
    """A finished database in which something happened since: moving again would undo it."""
    if progress.left_as is None:
        return
    changed = state_of(alias, all_tables).differences(progress.left_as)
    if changed:
        raise MoveError(
            "The new database has been in use since it was moved to: "
            f"{'; '.join(changed[:5])}. Moving again would undo that. If it has to be done anew, "
            "name an empty database."
        )


def refuse_served(source: str, target: str) -> None:
    """Opens that the old database never had came from a server on the new one."""
    opens = Table(Open)
    here, there = opens.greatest(source), opens.greatest(target)
    if there is None or (here is not None and there <= here):
        return
    if not _is_removed(source, there):
        raise MoveError(
            "The new database has recorded opens that the old one does not know: a server runs "
            "on it, before everything was there. Stop it, and name "
            "an empty database."
        )


def _is_removed(alias: str, hit_id: UUID) -> bool:
    """Whether opens of that time were removed there, since they were brought here."""
    horizon = Horizon.objects.using(alias).first()
    if horizon is None or horizon.opens_kept_from is None:
        return False
    with suppress(OverflowError):
        return moment_of(hit_id) < horizon.opens_kept_from
    return False


def begin(alias: str, source: str, all_tables: Sequence[Table]) -> None:
    """Take away what migrations put into the tables: it comes with the rows, with its own ids."""
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        if NAME not in _names(alias):
            cursor.execute(MAKE)
        for table in reversed(all_tables):
            table.clear(alias)
        cursor.execute(
            f"INSERT INTO {NAME} (source, begun_at) VALUES (%s, %s)",
            [source, timezone.now().isoformat(timespec="seconds")],
        )


def reopen(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(f"UPDATE {NAME} SET finished_at = NULL, left_as = NULL")


def finish(alias: str, state: State) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"UPDATE {NAME} SET finished_at = %s, left_as = %s",
            [timezone.now().isoformat(timespec="seconds"), state.as_json()],
        )


def _names(alias: str) -> set[str]:
    connection = connections[alias]
    with connection.cursor() as cursor:
        return set(connection.introspection.table_names(cursor, include_views=True))
