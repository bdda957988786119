"""How long reading may take before somebody is asked whether it should go on."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, thread_time

from django.utils.translation import gettext_noop

from campaigns.imports.errors import InterruptedImportError, OutOfPatienceError
from campaigns.imports.lease import advance
from campaigns.models import Import

# Of work, not of waiting for others: a busy server refuses no file that it took the day before.
SECONDS = 10.0
TOO_LONG = gettext_noop(
    "It takes more than %(seconds)s seconds to find the header of this file. Save the list as CSV."
)
SIGN_OF_LIFE_EVERY = 2.0


class Patience:
    """A tick for a page: enough for every list that a spreadsheet program has saved."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._until = thread_time() + seconds
        self._seconds = int(seconds)

    def __call__(self) -> None:
        if thread_time() > self._until:
            raise OutOfPatienceError(TOO_LONG, seconds=self._seconds)


class SignsOfLife:
    """A tick for an import: a person who cancels is heard, however long a file has no rows."""

    def __init__(self, one: Import, must_stop: Callable[[], bool]) -> None:
        self._one, self._must_stop = one, must_stop
        self._last = monotonic()

    def __call__(self) -> None:
        if monotonic() - self._last >= SIGN_OF_LIFE_EVERY:
            advance(self._one)
            if self._must_stop():
                raise InterruptedImportError
            self._last = monotonic()
