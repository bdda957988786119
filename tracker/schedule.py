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
# Chores never take more than a tenth of the time, however much there is to do.
REST = 9.0


class Chore(NamedTuple):
    """``name`` completes "… failed"; ``every`` is the least time between two runs, in seconds."""

    name: str
    do: Callable[[], object]
    every: float = 0.0


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
        self._is_over = threading.Event()
        # A daemon: a database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(2)

    def _run(self) -> None:
        pause = self._every
        while not self._is_over.wait(pause):
            started = monotonic()
            self._in_every_process()
            with self._alone() as is_alone:
                if is_alone:
                    self._do_chores()
            pause = max(self._every, REST * (monotonic() - started))

    def _do_chores(self) -> None:
        for chore in self._chores:
            done_at = self._done_at.get(chore.name)
            if self._is_over.is_set():
                return
            if done_at is not None and monotonic() < done_at + chore.every:
                continue
            self._done_at[chore.name] = monotonic()
            try:
                chore.do()
            except Exception as error:
                logger.warning("%s failed: %s", chore.name, error)
            finally:
                connections.close_all()

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
