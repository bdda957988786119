"""Inside `serve`: starts processes for the imports and the work that wait, again when one dies."""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import BinaryIO, Protocol

from django.conf import settings
from django.db import connections

from campaigns.imports.files import import_dir

logger = logging.getLogger("tracker.work")

EVERY = 1.0  # seconds
CLEANED_EVERY = 3600.0
# After a process that ended without success: the database may be away.
PAUSE = 10.0


class Lane(Protocol):
    """What is done one after another; two lanes do not wait for each other."""

    name: str

    def command(self) -> Sequence[str]:
        """Of manage.py, to do what waits; empty if nothing does."""

    def clean_up(self) -> None:
        """What nobody comes back for; every hour."""


class Worker:
    """The process of one lane, if it has one."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0
        self._cleaned_at = -CLEANED_EVERY

    def look(self) -> None:
        if self._is_working() or monotonic() < self._not_before:
            return
        if monotonic() - self._cleaned_at > CLEANED_EVERY:
            self._cleaned_at = monotonic()
            self._lane.clean_up()
        if command := self._lane.command():
            self._start(command)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _is_working(self) -> bool:
        if self._process is None:
            return False
        status = self._process.poll()
        if status is None:
            return True
        if status:
            self._cleaned_at = -CLEANED_EVERY
            logger.warning("the process for %s ended with status %d", self._lane.name, status)
            self._not_before = monotonic() + PAUSE if status > 0 else 0.0
        self._process = None
        return False

    def _start(self, command: Sequence[str]) -> None:
        environment = dict(os.environ)
        # Its figures are not the server's.
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        self._process = subprocess.Popen(  # noqa: S603  # our own command, without a shell
            [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            cwd=settings.BASE_DIR,
        )


class Companion:
    """One process of a machine does it; the others stand by in case that one dies.

    Reading a list or judging history takes a whole processor: processes of their own do that, so
    that answers to hits never wait for it.
    """

    def __init__(self, lanes: Sequence[Lane], *, every: float = EVERY) -> None:
        self._workers = [Worker(lane) for lane in lanes]
        self._every = every
        self._is_over = threading.Event()
        self._lock: BinaryIO | None = None
        self._is_in_trouble = False
        # A daemon: a database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="long work", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The workers stop by themselves after the step at hand: they see that this process is
        gone."""
        self._is_over.set()
        self._thread.join(2)
        for worker in self._workers:
            worker.stop()

    def _run(self) -> None:
        while not self._is_over.wait(self._every):
            try:
                if self._is_alone():
                    for worker in self._workers:
                        worker.look()
                self._is_in_trouble = False
            except Exception as error:
                if not self._is_in_trouble:
                    logger.warning("waiting work is not looked at for now: %s", error)
                self._is_in_trouble = True
                self._is_over.wait(PAUSE)
            finally:
                connections.close_all()

    def _is_alone(self) -> bool:
        """Once it has the lock it keeps it; the kernel gives it to another when this one dies."""
        if self._lock is not None:
            return True
        lock = (import_dir() / "companion.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True
