"""What both ways of staging promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from campaigns.imports.rows import Row
from campaigns.models import Campaign


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the staged rows: their number is the sum of the first four.

    ``corrected`` are those among them whose mistyped address is known as somebody's.
    """

    created: int
    updated: int
    duplicates: int
    suppressed: int
    added: int = 0
    corrected: int = 0


class Enrol(Protocol):
    """Gives every recipient of a table a place in the campaign, in the caller's transaction.

    The table's columns are ``recipient_id``, and ``is_new`` for those that this transaction has
    made. Returns how many had no place yet.
    """

    def __call__(self, campaign: Campaign, table: str, /) -> int: ...


# Which of these addresses, as ``email_key`` makes them.
Among = Callable[[Iterable[str]], set[str]]


class Staging(Protocol):
    """The rows of one import. What changes them belongs to the caller's transaction."""

    def resume(self, last_line: int, rows: int) -> bool:
        """Ready for rows behind that line; False if what was there is lost, and it is empty."""

    def add(self, batches: Iterable[Sequence[Row]]) -> None:
        """Adds them as they come; memory holds one batch."""

    def alone(self) -> None:
        """Until the transaction ends nobody else stores, and nobody is erased."""

    def leave_out(self, among: Among) -> int:
        """Removes the rows of those among the addresses; how many."""

    def store(self, enrol: Enrol, *, is_dry_run: bool) -> Stored:
        """Each address once, a corrected one as what it was corrected to; the first line wins,
        and suppressed ones are left out."""

    def drop(self) -> None:
        """Nothing of it is left, also if there was nothing."""
