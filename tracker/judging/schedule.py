"""The schedule inside `serve`: a thread that judges again what opened lately, every minute."""

from __future__ import annotations

import fcntl
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from django.db import connections
from django.utils import timezone

from tracker.judging.process import process_judge
from tracker.judging.recent import judge_recent
from tracker.quarters import EPOCH

logger = logging.getLogger("tracker.judging")

EVERY = 60.0  # seconds
# It never takes more than this share of the time, however much there is to judge.
REST = 9.0
# How far back the first run looks; what is replayed later says so itself.
LOOK_BACK = timedelta(minutes=15)


class Schedule:
    """One process of a machine does it at a time; several machines repeat each other harmlessly."""

    def __init__(self, directory: Path, *, every: float = EVERY) -> None:
        self._lock_file = directory / "judging.lock"
        self._every = every
        self._since: datetime | None = None
        self._oldest_replayed: datetime | None = None
        self._since_lock = threading.Lock()
        self._is_over = threading.Event()
        # A daemon: a database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="judging", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look_back_to(self, microseconds: int) -> None:
        """An open of that moment was recorded only now; from the thread that replays."""
        moment = EPOCH + timedelta(microseconds=microseconds)
        with self._since_lock:
            self._oldest_replayed = min(moment, self._oldest_replayed or moment)

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(2)

    def _run(self) -> None:
        pause = self._every
        while not self._is_over.wait(pause):
            started = monotonic()
            # Every process has a judge of its own, which has to follow new lists.
            process_judge.look_again()
            with self._alone() as is_alone:
                if is_alone:
                    self._judge()
            pause = max(self._every, REST * (monotonic() - started))

    def _judge(self) -> None:
        now = timezone.now()
        since = self._since or now - LOOK_BACK
        with self._since_lock:
            replayed, self._oldest_replayed = self._oldest_replayed, None
        if replayed is not None:
            since = min(since, replayed)
        try:
            outcome = judge_recent(since, now)
        except Exception as error:
            # The next run looks as far back as this one.
            self._since = since
            logger.warning("recent opens were not judged again: %s", error)
            return
        finally:
            connections.close_all()
        self._since = now
        if outcome.changed:
            logger.info(
                "%d of %d recent opens got another verdict",
                outcome.changed,
                outcome.judged,
                extra={"changed": outcome.changed},
            )

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
