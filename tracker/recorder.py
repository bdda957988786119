"""Group commit: while one group is written, the next is on its way and those after it gather."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import NamedTuple, Protocol

from tracker import metrics
from tracker.hits import Hit, Outcome
from tracker.threads import Job, Worker

logger = logging.getLogger("tracker.recorder")

# More hits at once make the statement longer without making it cheaper per hit.
GROUP_LIMIT = 1000
# So many have to wait at least for a second group: what a statement costs whatever its size is more
# than what the database could do meanwhile.
LEAST_BESIDE = 16
# Memory is bounded: some 600 bytes a hit.
WAITING_LIMIT = 50_000
# A group that the database has not committed by then goes to the spool (seconds).
COMMIT_WITHIN = 0.25
# So long a start waits for the database at most; hits go to the spool then.
READY_WITHIN = 5.0


class Committer(Protocol):
    """Takes groups to the database; called on the event loop, and never blocks it.

    ``groups_under_way``: with how many it is fastest, those included that only wait their turn.
    """

    groups_under_way: int

    def start(self) -> None: ...

    def prepare(self) -> Job:
        """Begins what a first group would have no time for."""
        ...

    def begin(self, hits: Sequence[Hit], /) -> Job:
        """Begins to commit a group; idempotent by hit id. What it raises, and what the job raises,
        says why the database does not take it."""
        ...

    def close(self) -> Job:
        """Begins to close what it has opened; nothing is begun after it."""
        ...


class Keep(Protocol):
    """Keeps a group on the local disk, or raises OSError."""

    def __call__(self, hits: Sequence[Hit], /) -> None: ...


# Is told once what became of a hit, on the event loop.
Tell = Callable[[Outcome], None]
Waiting = tuple[Hit, Tell]


class Group(NamedTuple):
    """Hits that are settled together; no job while the database is away."""

    waiting: list[Waiting]
    job: Job | None

    @property
    def hits(self) -> list[Hit]:
        return [hit for hit, _ in self.waiting]


class Recorder:
    """One per event loop. Answered means kept.

    ``record`` returns RECORDED when the group that holds the hit is committed, and SPOOLED when
    the database refused the group or the one before it, did not commit it in time or has too many
    waiting already, and it is on the local disk instead; it will be replayed. LOST is left for when
    neither takes it, or when both have more waiting than memory is set aside for: counted in a
    metric, and logged once an incident. ``take`` is the same without a future for each hit.

    After a failure the database counts as away, and groups go to the spool at once, until
    ``resume`` is called.

    If the committer cannot prepare, or takes too long, the database is away from the start.
    """

    def __init__(
        self,
        committer: Committer,
        keep: Keep,
        *,
        group_limit: int = GROUP_LIMIT,
        waiting_limit: int = WAITING_LIMIT,
        commit_within: float = COMMIT_WITHIN,
        ready_within: float = READY_WITHIN,
    ) -> None:
        self._committer = committer
        self._keep = keep
        self._group_limit = group_limit
        self._waiting_limit = waiting_limit
        self._commit_within = commit_within
        self._ready_within = ready_within
        self._waiting: list[Waiting] = []
        self._overflow: list[Waiting] = []
        self._under_way: deque[Group] = deque()  # the oldest first
        self._last_size = 0
        self._enough_beside = LEAST_BESIDE
        self._spill: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._is_away = False
        self._lost_in_incident = 0
        # Of groups that went to the spool while the database had them yet.
        self._stuck: list[Job] = []
        self._keeper = Worker("keeper")
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_away(self) -> bool:
        return self._is_away

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._keeper.start()
        self._committer.start()
        await self._prepared(self._committer.prepare())
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def _prepared(self, job: Job) -> None:
        await _settled(job, self._ready_within)
        if not job.done():
            self._stuck.append(job)
            self._go_away(f"it did not answer within {self._ready_within} s")
        elif error := job.exception():
            self._go_away(error)

    async def stop(self) -> None:
        """Write or spool what waits, then end; a database that hangs is not waited for."""
        self._is_stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._spill is not None:
            await self._spill
        await _settled(self._committer.close(), self._commit_within)

    def resume(self) -> None:
        """The database has answered: commit again. May be called from any thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._come_back)

    async def record(self, hit: Hit) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        # A client that went away has cancelled it.
        self.take(hit, lambda outcome: None if future.done() else future.set_result(outcome))
        return await future

    def take(self, hit: Hit, tell: Tell) -> None:
        """``tell`` is told what ``record`` would return, now or later."""
        if self._task is None or self._is_stopping:
            self._lose(1, "the recorder is not running")
            tell(Outcome.LOST)
        elif len(self._waiting) < self._waiting_limit:
            self._waiting.append((hit, tell))
            if self._under_way:
                self._begin_groups()
            else:
                self._wake.set()
        elif len(self._overflow) < self._waiting_limit:
            self._overflow.append((hit, tell))
            if self._spill is None or self._spill.done():
                self._spill = asyncio.create_task(self._spill_overflow(), name="spill")
        else:
            self._lose(1, "more hits wait than memory is set aside for")
            tell(Outcome.LOST)

    async def _run(self) -> None:
        while True:
            self._begin_groups()
            if self._under_way:
                await self._settle_group(self._under_way[0])
                self._under_way.popleft()
            elif self._is_stopping:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    def _begin_groups(self) -> None:
        if self._waiting and not self._under_way:
            self._begin_group()
        # Not any few: else one group would have nearly all, and the next those few, in turns.
        while (
            len(self._waiting) >= self._enough_beside
            and len(self._under_way) < self._committer.groups_under_way
        ):
            self._begin_group()

    def _begin_group(self) -> None:
        waiting = self._waiting[: self._group_limit]
        del self._waiting[: self._group_limit]
        metrics.WAITING.set(len(self._waiting))
        job = None if self._is_away else self._begun([hit for hit, _ in waiting])
        larger = max(len(waiting), self._last_size)
        self._last_size = len(waiting)
        self._enough_beside = max(LEAST_BESIDE, larger // 2)
        self._under_way.append(Group(waiting, job))

    def _begun(self, hits: list[Hit]) -> Job:
        try:
            return self._committer.begin(hits)
        except Exception as error:  # whatever is wrong with one hit: the replay finds out which
            job: Job = asyncio.get_running_loop().create_future()
            job.set_exception(error)
            return job

    async def _spill_overflow(self) -> None:
        """Past the bound the disk takes what the database has no time for."""
        while self._overflow:
            group = self._overflow[: self._group_limit]
            del self._overflow[: self._group_limit]
            _answer(group, await self._spooled([hit for hit, _ in group]))

    async def _settle_group(self, group: Group) -> None:
        outcome = Outcome.LOST
        try:
            outcome = await self._outcome(group)
        except Exception:
            # Whatever it is, the clients get their image and the next group its turn.
            logger.exception("what became of a group of %d hits is unknown", len(group.waiting))
        # After the next group is on its way: the database need not wait for the answers.
        asyncio.get_running_loop().call_soon(_answer, group.waiting, outcome)

    async def _outcome(self, group: Group) -> Outcome:
        started = perf_counter()  # the group before it is settled, and the database has this one
        if group.job is None or not await self._is_committed(group.job):
            return await self._spooled(group.hits, group.job)
        metrics.COMMIT_SECONDS.observe(perf_counter() - started)
        metrics.GROUP_HITS.observe(len(group.waiting))
        metrics.HITS[Outcome.RECORDED].inc(len(group.waiting))
        self._lost_in_incident = 0
        return Outcome.RECORDED

    async def _spooled(self, hits: list[Hit], job: Job | None = None) -> Outcome:
        """``job``: the database may have them yet."""
        try:
            await self._keeper.run(partial(self._keep, hits))
        except OSError as error:
            reason = f"neither the database nor the spool takes them: {error}"
            if job is None:
                self._lose(len(hits), reason)
            else:
                job.add_done_callback(partial(self._lose_unless_committed, len(hits), reason))
            return Outcome.LOST
        metrics.HITS[Outcome.SPOOLED].inc(len(hits))
        return Outcome.SPOOLED

    async def _is_committed(self, job: Job) -> bool:
        """Within its time, which begins when the group before it is settled.

        Behind one that failed there is no time: a group that is committed yet is in the spool
        too, and the replay recognises it by its hit ids.
        """
        if not self._is_away:
            await _settled(job, self._commit_within)
        if not job.done():
            self._stuck.append(job)
            self._go_away(f"a group was not committed within {self._commit_within} s")
            return False
        if error := job.exception():
            self._go_away(error)
            return False
        return True

    def _go_away(self, reason: object) -> None:
        if self._is_away:
            return
        self._is_away = True
        logger.error(
            "the database is away, hits go to the spool: %s",
            reason,
            extra={"incident": "database_away"},
        )

    def _come_back(self) -> None:
        if not self._is_away or not all(job.done() for job in self._stuck):
            return
        for job in self._stuck:
            job.exception()  # looked at, so that the event loop does not report it
        self._stuck.clear()
        self._is_away = False
        logger.warning(
            "the database is back; %d hits were lost",
            self._lost_in_incident,
            extra={"incident": "database_back", "lost": self._lost_in_incident},
        )
        self._lost_in_incident = 0

    def _lose_unless_committed(self, hits: int, reason: str, job: Job) -> None:
        """The database has made up its mind at last about a group that nobody else could keep."""
        if job.exception() is None:
            metrics.HITS[Outcome.RECORDED].inc(hits)
        else:
            self._lose(hits, reason)

    def _lose(self, hits: int, reason: str) -> None:
        metrics.HITS[Outcome.LOST].inc(hits)
        if not self._lost_in_incident:
            logger.error("hits are being lost: %s", reason, extra={"incident": "hits_lost"})
        self._lost_in_incident += hits


async def _settled(job: Job, within: float) -> None:
    """Return when the job is done or the time is over.

    asyncio.wait needs more rounds of the loop, and in each of them the loop reads from everybody
    who has sent something, while the database has nothing to do.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake(*_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    timer = loop.call_later(within, wake)
    job.add_done_callback(wake)
    try:
        await waiter
    finally:
        timer.cancel()


def _answer(group: list[Waiting], outcome: Outcome) -> None:
    for _, tell in group:
        try:
            tell(outcome)
        except Exception:
            logger.exception("an answer was not sent; its hit is %s", outcome)
