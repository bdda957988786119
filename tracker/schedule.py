"""What `serve` does by itself beside recording: chores in a thread, in one process at a time."""

from __future__ import annotations

import fcntl
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from django.db import connections

logger = logging.getLogger("tracker.schedule")

EVERY = 60.0  # seconds
# Chores take no more than a tenth of the time on average, however much there is to do.
REST = 9.0


class Chore(NamedTuple):
    """``name`` completes "… failed"; ``every`` is the least time between two runs, in seconds.

    What ``can_wait`` is left out until all of the rest is over that long work has earned; the
    others are done in every round, and have to end by themselves within seconds.
    """

    name: str
    do: Callable[[], object]
    every: float = 0.0
    can_wait: bool = True


class Schedule:
    """One process of a machine does the chores at a time; they have to bear being done twice by
    several machines.

    A chore that fails is told in the log, and does not keep the others from being done.
    ``in_every_process`` comes before each round, wherever the chores are done.
    """

    def __init__(
        self,
        directory: Path,
        chores: Sequence[Chore],
        *,
        in_every_process: Callable[[], object] = lambda: None,
        every: float = EVERY,
    ) -> None:
        self._lock_file = directory / "judging.lock"
        self._chores = chores
        self._in_every_process = in_every_process
        self._every = every
        self._done_at: dict[str, float] = {}
        self._rests_until = 0.0
        self._is_over = threading.Event()
        # A daemon: a database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(2)

    def _run(self) -> None:
        while not self._is_over.wait(self._every):
            self._round()

    def _round(self) -> None:
        started = monotonic()
        self._in_every_process()
        with self._alone() as is_alone:
            if is_alone:
                self._do_chores(has_rested=started >= self._rests_until)
        # What was done in the time of rest is made up for, too.
        took = monotonic() - started
        self._rests_until = max(self._rests_until, started) + took + REST * took

    def _do_chores(self, *, has_rested: bool) -> None:
        for chore in self._chores:
            if self._is_over.is_set():
                return
            if (has_rested or not chore.can_wait) and self._is_due(chore):
                self._done_at[chore.name] = monotonic()
                try:
                    chore.do()
                except Exception as error:
                    logger.warning("%s failed: %s", chore.name, error)
                finally:
                    connections.close_all()

    def _is_due(self, chore: Chore) -> bool:
        done_at = self._done_at.get(chore.name)
        return done_at is None or monotonic() >= done_at + chore.every

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        try:
            lock = self._lock_file.open("ab")
        except OSError:
            # No spool directory yet: nobody else can have the lock either.
            yield True
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
