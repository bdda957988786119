"""Group commit: hits that arrive while one group is written are the next group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Protocol

from tracker import metrics
from tracker.hits import Hit, Outcome

logger = logging.getLogger("tracker.recorder")

# More hits at once make the statement longer without making it cheaper per hit.
GROUP_LIMIT = 1000
# Memory is bounded: some 600 bytes a hit.
WAITING_LIMIT = 50_000
# A mail client waits no longer for a database that does not answer (seconds).
ANSWER_WITHIN = 5.0


class Write(Protocol):
    """Commits a group, or raises; returns how many hits were new."""

    def __call__(self, hits: Sequence[Hit], /) -> int: ...


class Recorder:
    """One per event loop. ``write`` blocks and runs in a thread of its own, one group at a time.

    ``record`` returns RECORDED when the group that holds the hit is committed; LOST when the
    database refused the group, when more hits wait than memory is set aside for, or when nothing
    came of it within ``answer_within`` seconds (it may be committed later; if not, it is counted
    as lost then). A lost hit is always counted in a metric, and each failure is logged once.
    """

    def __init__(
        self,
        write: Write,
        *,
        group_limit: int = GROUP_LIMIT,
        waiting_limit: int = WAITING_LIMIT,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self._write = write
        self._group_limit = group_limit
        self._waiting_limit = waiting_limit
        self._answer_within = answer_within
        self._waiting: list[tuple[Hit, asyncio.Future[Outcome]]] = []
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._lost_in_incident = 0
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def stop(self) -> None:
        """Write what waits, then end."""
        self._is_stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._thread is not None:
            self._thread.shutdown()

    async def record(self, hit: Hit) -> Outcome:
        if len(self._waiting) >= self._waiting_limit or self._is_stopping:
            self._lose(1, "more hits wait than memory is set aside for")
            return Outcome.LOST
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((hit, future))
        self._wake.set()
        return await future

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            group = self._waiting[: self._group_limit]
            del self._waiting[: self._group_limit]
            if group:
                await self._commit(group)
            if not self._waiting:
                self._wake.clear()
                if self._is_stopping:
                    return

    async def _commit(self, group: list[tuple[Hit, asyncio.Future[Outcome]]]) -> None:
        loop = asyncio.get_running_loop()
        # One timer a group: the image has to come even if the database hangs.
        patience = loop.call_later(self._answer_within, _answer, group, Outcome.LOST)
        started = perf_counter()
        try:
            await loop.run_in_executor(self._thread, self._write, [hit for hit, _ in group])
        except Exception as error:
            self._lose(len(group), error)
            _answer(group, Outcome.LOST)
        else:
            metrics.COMMIT_SECONDS.observe(perf_counter() - started)
            metrics.GROUP_HITS.observe(len(group))
            metrics.HITS[Outcome.RECORDED].inc(len(group))
            self._note_success()
            _answer(group, Outcome.RECORDED)
        finally:
            patience.cancel()

    def _lose(self, hits: int, reason: object) -> None:
        metrics.HITS[Outcome.LOST].inc(hits)
        if not self._lost_in_incident:
            logger.error("hits are being lost: %s", reason)
        self._lost_in_incident += hits

    def _note_success(self) -> None:
        if self._lost_in_incident:
            logger.error("hits are recorded again; %d were lost", self._lost_in_incident)
            self._lost_in_incident = 0


def _answer(group: list[tuple[Hit, asyncio.Future[Outcome]]], outcome: Outcome) -> None:
    for _, future in group:
        # A client that went away has taken its future along.
        if not future.done():
            future.set_result(outcome)
