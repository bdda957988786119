from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from tests.conftest import make_hit
from tracker import metrics
from tracker.hits import Hit, Outcome
from tracker.recorder import Recorder
from tracker.threads import Job, Worker


class Kept(list[list[Hit]]):
    """A spool in memory; full when told so."""

    is_full = False

    def __call__(self, hits: Sequence[Hit]) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.append(list(hits))


class Gate:
    """A database that waits until it is let through, and remembers its groups."""

    groups_under_way = 2

    def __init__(self, prepare: Callable[[], object] = lambda: None) -> None:
        self._worker = Worker("database")
        self._prepare = prepare
        self.groups: list[list[Hit]] = []
        self.begun: list[list[int]] = []
        self.is_open = threading.Event()
        self.entered = threading.Event()
        self.error: Exception | None = None

    def start(self) -> None:
        self._worker.start()

    def prepare(self) -> Job:
        return self._worker.run(self._prepare)

    def begin(self, hits: Sequence[Hit]) -> Job:
        self.begun.append([hit.pixel_id for hit in hits])
        return self._worker.run(partial(self._write, hits))

    def close(self) -> Job:
        return self._worker.run(lambda: None)

    def _write(self, hits: Sequence[Hit]) -> int:
        self.entered.set()
        assert self.is_open.wait(10)
        if self.error:
            raise self.error
        self.groups.append(list(hits))
        return len(hits)


def is_away(recorder: Recorder) -> bool:
    return recorder.is_away


async def entered(gate: Gate) -> None:
    await asyncio.to_thread(gate.entered.wait, 10)


def test_a_hit_is_not_answered_before_its_group_is_committed() -> None:
    async def run() -> None:
        gate = Gate()
        recorder = Recorder(gate, Kept(), commit_within=10)
        await recorder.start()
        answer = asyncio.create_task(recorder.record(make_hit(1)))
        await entered(gate)
        assert not answer.done()
        gate.is_open.set()
        assert await answer is Outcome.RECORDED
        assert len(gate.groups) == 1
        await recorder.stop()

    asyncio.run(run())


def test_hits_that_arrive_while_a_group_is_written_are_the_next_groups_in_their_order() -> None:
    async def run() -> None:
        gate = Gate()
        recorder = Recorder(gate, Kept(), group_limit=50, commit_within=10)
        await recorder.start()
        first = asyncio.create_task(recorder.record(make_hit(1)))
        await entered(gate)
        others = [asyncio.create_task(recorder.record(make_hit(n))) for n in range(2, 102)]
        await asyncio.sleep(0)
        gate.is_open.set()
        assert set(await asyncio.gather(first, *others)) == {Outcome.RECORDED}
        assert [len(group) for group in gate.groups] == [1, 16, 50, 34]
        assert [hit.pixel_id for group in gate.groups for hit in group] == list(range(1, 102))
        await recorder.stop()

    asyncio.run(run())


def test_while_one_group_is_written_the_next_is_begun_once_half_as_many_wait() -> None:
    async def run() -> None:
        gate = Gate()
        recorder = Recorder(gate, Kept(), commit_within=10)
        await recorder.start()
        answers: list[asyncio.Task[Outcome]] = []

        async def ask(*numbers: int) -> None:
            answers.extend(asyncio.create_task(recorder.record(make_hit(n))) for n in numbers)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        await ask(*range(100))
        await entered(gate)
        await ask(*range(100, 149))
        assert gate.begun == [list(range(100))]
        await ask(149)
        assert gate.begun == [list(range(100)), list(range(100, 150))]
        # No third one: the database is as busy as it can be, so larger groups are better.
        await ask(*range(150, 300))
        assert len(gate.begun) == 2
        gate.is_open.set()
        assert set(await asyncio.gather(*answers)) == {Outcome.RECORDED}
        assert gate.begun[2] == list(range(150, 300))
        assert [hit.pixel_id for group in gate.groups for hit in group] == list(range(300))
        await recorder.stop()

    asyncio.run(run())


def test_a_group_behind_one_that_hangs_is_kept_at_once_and_in_order() -> None:
    async def run() -> None:
        gate, kept = Gate(), Kept()
        recorder = Recorder(gate, kept, commit_within=0.5)
        await recorder.start()
        first = asyncio.create_task(recorder.record(make_hit(0)))
        await entered(gate)
        others = [asyncio.create_task(recorder.record(make_hit(n))) for n in range(1, 17)]
        async with asyncio.timeout(0.95):  # not twice the time of one
            answers = await asyncio.gather(first, *others)
        assert set(answers) == {Outcome.SPOOLED}
        assert [hit.pixel_id for group in kept for hit in group] == list(range(17))
        gate.is_open.set()
        while is_away(recorder):
            recorder.resume()
            await asyncio.sleep(0.001)
        # Neither is forgotten while the database may have it: both were committed after all.
        assert [len(group) for group in gate.groups] == [1, 16]
        assert await recorder.record(make_hit(99)) is Outcome.RECORDED
        await recorder.stop()

    asyncio.run(run())


def test_a_group_behind_one_that_is_refused_is_kept_and_none_is_lost_at_the_end() -> None:
    async def run() -> None:
        gate, kept = Gate(), Kept()
        recorder = Recorder(gate, kept, commit_within=10)
        await recorder.start()
        first = asyncio.create_task(recorder.record(make_hit(0)))
        await entered(gate)
        gate.error = OSError("the database is away")
        others = [asyncio.create_task(recorder.record(make_hit(n))) for n in range(1, 21)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [len(group) for group in gate.begun] == [1, 16]
        stopping = asyncio.create_task(recorder.stop())
        await asyncio.sleep(0)
        gate.is_open.set()
        await stopping
        assert set(await asyncio.gather(first, *others)) == {Outcome.SPOOLED}
        assert [hit.pixel_id for group in kept for hit in group] == list(range(21))

    asyncio.run(run())


def test_with_one_group_under_way_all_that_wait_are_the_next() -> None:
    async def run() -> None:
        gate = Gate()
        gate.groups_under_way = 1
        recorder = Recorder(gate, Kept(), commit_within=10)
        await recorder.start()
        first = asyncio.create_task(recorder.record(make_hit(0)))
        await entered(gate)
        others = [asyncio.create_task(recorder.record(make_hit(n))) for n in range(1, 101)]
        await asyncio.sleep(0)
        gate.is_open.set()
        await asyncio.gather(first, *others)
        assert [len(group) for group in gate.groups] == [1, 100]
        await recorder.stop()

    asyncio.run(run())


def test_a_group_that_cannot_even_be_begun_goes_to_the_spool() -> None:
    class Unable(Gate):
        def begin(self, hits: Sequence[Hit]) -> Job:
            raise ValueError("no judge knows such an agent")

    async def run() -> None:
        kept = Kept()
        recorder = Recorder(Unable(), kept)
        await recorder.start()
        assert await recorder.record(make_hit(1)) is Outcome.SPOOLED
        assert [hit.pixel_id for group in kept for hit in group] == [1]
        await recorder.stop()

    asyncio.run(run())


def test_stopping_writes_what_waits() -> None:
    async def run() -> None:
        gate = Gate()
        gate.is_open.set()
        recorder = Recorder(gate, Kept(), commit_within=10)
        await recorder.start()
        answers = [asyncio.create_task(recorder.record(make_hit(n))) for n in range(20)]
        await asyncio.sleep(0)
        await recorder.stop()
        assert sum(len(group) for group in gate.groups) == 20
        assert set(await asyncio.gather(*answers)) == {Outcome.RECORDED}
        assert await recorder.record(make_hit(1)) is Outcome.LOST

    asyncio.run(run())


def test_a_refused_group_goes_to_the_spool_and_so_do_the_next_until_the_database_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        gate, kept = Gate(), Kept()
        gate.is_open.set()
        gate.error = OSError("the database is away")
        recorder = Recorder(gate, kept, group_limit=1)
        await recorder.start()
        answers = await asyncio.gather(*(recorder.record(make_hit(n)) for n in range(5)))
        assert set(answers) == {Outcome.SPOOLED}
        assert [hit.pixel_id for group in kept for hit in group] == [0, 1, 2, 3, 4]
        gate.error = None
        assert await recorder.record(make_hit(8)) is Outcome.SPOOLED
        recorder.resume()
        await asyncio.sleep(0)
        assert await recorder.record(make_hit(9)) is Outcome.RECORDED
        assert [hit.pixel_id for group in gate.groups for hit in group] == [9]
        await recorder.stop()

    with caplog.at_level(logging.WARNING, "tracker.recorder"):
        asyncio.run(run())
    assert [record.getMessage() for record in caplog.records] == [
        "the database is away, hits go to the spool: the database is away",
        "the database is back; 0 hits were lost",
    ]


def test_hits_are_lost_only_if_database_and_spool_refuse_them_and_never_silently(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        gate, kept = Gate(), Kept()
        gate.is_open.set()
        gate.error = OSError("the database is away")
        kept.is_full = True
        recorder = Recorder(gate, kept, group_limit=1)
        await recorder.start()
        before = metrics.HITS[Outcome.LOST]._value.get()
        answers = await asyncio.gather(*(recorder.record(make_hit(n)) for n in range(5)))
        assert set(answers) == {Outcome.LOST}
        assert metrics.HITS[Outcome.LOST]._value.get() == before + 5
        kept.is_full = False
        assert await recorder.record(make_hit(6)) is Outcome.SPOOLED
        await recorder.stop()

    with caplog.at_level(logging.ERROR, "tracker.recorder"):
        asyncio.run(run())
    lost = [record for record in caplog.records if "being lost" in record.getMessage()]
    assert len(lost) == 1
    assert "No space left on device" in lost[0].getMessage()


def test_a_mail_client_does_not_wait_for_a_database_that_hangs() -> None:
    async def run() -> None:
        gate, kept = Gate(), Kept()
        recorder = Recorder(gate, kept, commit_within=0.05)
        await recorder.start()
        async with asyncio.timeout(5):
            assert await recorder.record(make_hit(1)) is Outcome.SPOOLED
            # The writer still hangs: the next ones do not queue up behind it.
            assert await recorder.record(make_hit(2)) is Outcome.SPOOLED
        recorder.resume()
        await asyncio.sleep(0)
        assert is_away(recorder), "the group that hangs has not come back yet"
        gate.is_open.set()
        while is_away(recorder):
            recorder.resume()
            await asyncio.sleep(0.001)
        assert await recorder.record(make_hit(3)) is Outcome.RECORDED
        await recorder.stop()
        # Both ways of the first: it is recognised by its id.
        assert [[hit.pixel_id for hit in group] for group in gate.groups] == [[1], [3]]
        assert [[hit.pixel_id for hit in group] for group in kept] == [[1], [2]]

    asyncio.run(run())


@pytest.mark.parametrize(("error", "outcome"), [(None, "recorded"), (OSError("no"), "lost")])
def test_a_group_that_nobody_kept_in_time_is_lost_only_if_the_database_refuses_it_in_the_end(
    error: Exception | None, outcome: str
) -> None:
    async def run() -> None:
        gate, kept = Gate(), Kept()
        kept.is_full = True
        recorder = Recorder(gate, kept, commit_within=0.05)
        await recorder.start()
        counted = {name: metrics.HITS[Outcome(name)]._value.get() for name in ("recorded", "lost")}
        assert await recorder.record(make_hit(1)) is Outcome.LOST
        for name, before in counted.items():
            assert metrics.HITS[Outcome(name)]._value.get() == before, "not decided yet"
        gate.error = error
        gate.is_open.set()
        while metrics.HITS[Outcome(outcome)]._value.get() == counted[outcome]:
            await asyncio.sleep(0.001)
        assert (
            sum(
                metrics.HITS[Outcome(name)]._value.get() - before
                for name, before in counted.items()
            )
            == 1
        )
        await recorder.stop()

    asyncio.run(run())


def test_stopping_does_not_wait_for_a_database_that_hangs() -> None:
    async def run() -> None:
        gate, kept = Gate(), Kept()
        recorder = Recorder(gate, kept, commit_within=0.05)
        await recorder.start()
        answer = asyncio.create_task(recorder.record(make_hit(1)))
        await entered(gate)
        async with asyncio.timeout(5):
            await recorder.stop()
        assert await answer is Outcome.SPOOLED
        gate.is_open.set()

    asyncio.run(run())


def test_past_the_bound_hits_go_to_the_spool_and_past_that_they_are_counted_as_lost() -> None:
    async def run() -> None:
        gate, kept = Gate(), Kept()
        recorder = Recorder(gate, kept, waiting_limit=10, commit_within=10)
        await recorder.start()
        first = asyncio.create_task(recorder.record(make_hit(0)))
        await entered(gate)
        hits = [asyncio.create_task(recorder.record(make_hit(n))) for n in range(1, 31)]
        outcomes = [await hit for hit in hits[10:]]
        assert outcomes == [Outcome.SPOOLED] * 10 + [Outcome.LOST] * 10
        gate.is_open.set()
        assert set(await asyncio.gather(first, *hits[:10])) == {Outcome.RECORDED}
        await recorder.stop()
        assert [hit.pixel_id for group in kept for hit in group] == list(range(11, 21))
        assert [hit.pixel_id for group in gate.groups for hit in group] == list(range(11))

    asyncio.run(run())


def test_a_client_that_goes_away_takes_nobody_along() -> None:
    async def run() -> None:
        gate = Gate()
        recorder = Recorder(gate, Kept(), commit_within=10)
        await recorder.start()
        gone = asyncio.create_task(recorder.record(make_hit(1)))
        stays = asyncio.create_task(recorder.record(make_hit(2)))
        await entered(gate)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        gate.is_open.set()
        assert await stays is Outcome.RECORDED
        assert {hit.pixel_id for group in gate.groups for hit in group} == {1, 2}
        await recorder.stop()

    asyncio.run(run())


def test_what_a_first_group_has_no_time_for_is_done_before_there_are_hits() -> None:
    async def run() -> None:
        ready = threading.Event()

        def prepare() -> None:
            time.sleep(0.2)  # longer than a group may take here
            ready.set()

        gate = Gate(prepare)
        gate.is_open.set()
        recorder = Recorder(gate, Kept(), commit_within=0.1)
        await recorder.start()
        assert ready.is_set()
        assert await recorder.record(make_hit(1)) is Outcome.RECORDED
        await recorder.stop()

    asyncio.run(run())


@pytest.mark.parametrize("hangs", [False, True])
def test_a_start_while_the_database_is_away_does_not_fail_and_its_hits_are_kept(
    hangs: bool,
) -> None:
    async def run() -> None:
        kept, back = Kept(), threading.Event()

        def prepare() -> None:
            if not hangs:
                raise OSError("the database is away")
            back.wait(10)

        gate = Gate(prepare)
        gate.is_open.set()
        recorder = Recorder(gate, kept, commit_within=0.05, ready_within=0.05)
        await recorder.start()
        assert is_away(recorder)
        assert await recorder.record(make_hit(1)) is Outcome.SPOOLED
        back.set()
        while is_away(recorder):
            recorder.resume()
            await asyncio.sleep(0.001)
        assert await recorder.record(make_hit(2)) is Outcome.RECORDED
        await recorder.stop()

    asyncio.run(run())
