"""The move from its beginning to its end, each step told to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.apps import apps
from django.db import Error, IntegrityError, InterfaceError, OperationalError

from tracker.moving import progress
from tracker.moving.bulk import copy_all
from tracker.moving.check import check
from tracker.moving.databases import alone, moment
from tracker.moving.faults import MoveError
from tracker.moving.settle import Settled, settle
from tracker.moving.state import state_of
from tracker.moving.tables import Table, tables

Tell = Callable[[str], None]


@dataclass
class Moved:
    """What was done, and what the old database got meanwhile."""

    copied: int = 0
    looked_at: int = 0
    settled: dict[str, Settled] = field(default_factory=dict)
    came_meanwhile: list[str] = field(default_factory=list)

    @property
    def rows(self) -> dict[str, int]:
        return {name: table.compared for name, table in self.settled.items()}

    @property
    def is_complete(self) -> bool:
        return not self.came_meanwhile


def move(source: str, target: str, address: str, migrate: Callable[[], None], tell: Tell) -> Moved:
    """Make ``target`` equal to ``source``, both aliases; ``address`` is what the source is called.

    May be killed at any moment and run again. The source is only read.
    """
    all_tables = tables()
    labels = {config.label for config in apps.get_app_configs()}
    with alone(target):
        try:
            progress.refuse_foreign(target, all_tables, labels)
            before = progress.earlier(target, address)
            migrate()
            if before is None:
                tell("The new database has its tables.")
                progress.begin(target, address, all_tables)
            else:
                progress.refuse_used(target, before, all_tables)
                progress.refuse_served(source, target)
                progress.reopen(target)
                tell(f"Going on with the move that was begun at {before.begun_at}.")
            return _move(source, target, all_tables, tell)
        except IntegrityError as error:
            raise MoveError(
                f"A row refers to one that does not exist, or stands there twice: "
                f"{str(error).strip()} Mend it in the old database, then run the command again."
            ) from error
        except (OperationalError, InterfaceError) as error:
            raise MoveError(
                f"A database stopped answering: {str(error).strip()} What was copied is kept: "
                f"run the command again, and it goes on."
            ) from error
        except Error as error:
            raise MoveError(
                f"The new database refuses what it should do: {str(error).strip()} What was "
                f"copied is kept."
            ) from error


def _move(source: str, target: str, all_tables: Sequence[Table], tell: Tell) -> Moved:
    moved = Moved()

    def copied(name: str, rows: int) -> None:
        if rows:
            tell(f"  {name:<32}{rows:>14,} rows")

    tell("Copying:")
    moved.copied = copy_all(source, target, all_tables, copied)

    def settled(name: str, table: Settled) -> None:
        if table.mended:
            tell(
                f"  {name:<32}{table.added:>8,} more, {table.changed:,} changed, "
                f"{table.removed:,} removed meanwhile"
            )

    with moment(source):
        tell("Comparing row by row, and bringing what came meanwhile:")
        moved.settled = settle(source, target, all_tables, settled)
        tell(f"  {sum(moved.rows.values()):,} rows are equal.")
        tell("Checking the sums, a sample of rows, and the counts against the opens:")
        moved.looked_at = check(source, target, all_tables)
        tell(f"  All equal; {moved.looked_at:,} rows read back; no count is off.")
    there = state_of(target, all_tables)
    moved.came_meanwhile = state_of(source, all_tables).differences(there)
    return moved


def finish(target: str) -> None:
    """From now on the new database stands by itself."""
    progress.finish(target, state_of(target, tables()))
