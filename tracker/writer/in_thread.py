"""Commits groups one after the other in a thread, for a database that only takes one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tracker.hits import Hit
from tracker.threads import Job, Worker


class InThread:
    """A committer for the recorder around what commits a group and blocks until then."""

    # What writes is this process itself: nothing would overlap, and large groups cost less a hit.
    groups_under_way = 1

    def __init__(
        self,
        write: Callable[[Sequence[Hit]], object],
        prepare: Callable[[], object] = lambda: None,
        close: Callable[[], object] = lambda: None,
    ) -> None:
        self._write = write
        self._prepare = prepare
        self._close = close
        self._worker = Worker("writer")

    def start(self) -> None:
        self._worker.start()

    def prepare(self) -> Job:
        return self._worker.run(self._prepare)

    def begin(self, hits: Sequence[Hit]) -> Job:
        return self._worker.run(partial(self._write, hits))

    def close(self) -> Job:
        return self._worker.run(self._close)
