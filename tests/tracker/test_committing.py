from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

import psycopg
import pytest
import uvloop
from django.db import DataError, OperationalError, connection, transaction

from tests.conftest import THUNDERBIRD, counts_of, emails, make_campaign, make_hit
from tests.conftest import pixels_of as pixels_of_campaign
from tracker.hits import Hit
from tracker.models import CampaignCounts, Open, Pixel, PixelTracking, UniqueOpen, UserAgent
from tracker.recount import verify
from tracker.writer import open_committer
from tracker.writer.pipeline import Pipeline

pytestmark = pytest.mark.usefixtures("real_db")
IS_SQLITE = connection.vendor == "sqlite"

Steps = Callable[[Any], Awaitable[None]]
Commit = Callable[[Steps], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def commit(request: pytest.FixtureRequest) -> Commit:
    """What a recorder does, step by step, with a committer that has met the agent before."""

    async def run(steps: Steps) -> None:
        committer = open_committer()
        committer.start()
        try:
            await committer.prepare()
            (pixel,) = await beside(pixels, 1)
            await committer.begin([make_hit(pixel)])
            async with asyncio.timeout(20):
                await steps(committer)
        finally:
            await committer.close()

    def commit(steps: Steps) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(run(steps))

    return commit


async def beside(call: Callable[..., Any], *arguments: object) -> Any:
    """In another thread, as Django asks for where an event loop runs."""

    def run() -> Any:
        try:
            return call(*arguments)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def pixels(number: int) -> list[int]:
    return [pixel.pk for pixel in pixels_of_campaign(make_campaign(*emails(number)))]


def group_of(pixel_ids: Sequence[int]) -> list[Hit]:
    return [make_hit(pixel_id) for pixel_id in pixel_ids]


def forbid_the_writer(committer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has no other way."""

    def refuse(*_: object) -> None:
        raise AssertionError("the writer is not needed for this")

    if isinstance(committer, Pipeline):
        monkeypatch.setattr(committer._writer, "_write", refuse)


def recorded(hits: Sequence[Hit]) -> int:
    return Open.objects.filter(pixel__in={hit.pixel_id for hit in hits}).count()


def test_plain_groups_are_committed_without_the_writers_thread(
    commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_each, twice = group_of(pixels(20)), group_of(pixels(20) * 2)

    async def steps(committer: Any) -> None:
        forbid_the_writer(committer, monkeypatch)
        await asyncio.gather(committer.begin(one_each), committer.begin(twice))

    commit(steps)
    assert (recorded(one_each), recorded(twice)) == (20, 40)
    assert set(UniqueOpen.objects.values_list("open_count", flat=True)) == {1, 2}
    assert verify().drift == 0


@contextmanager
def held_counts(pixel: int) -> Iterator[None]:
    """Whoever writes opens of this pixel's campaign waits meanwhile."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                CampaignCounts.objects.select_for_update().get(campaign__pixels=pixel)
                held.set()
                assert release.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        yield
    finally:
        release.set()
        thread.join(10)


def test_the_next_group_waits_in_the_database_and_not_in_the_process(commit: Commit) -> None:
    ids = pixels(4)

    async def steps(committer: Any) -> None:
        with held_counts(ids[0]):
            jobs = [committer.begin(group_of(ids[:2])), committer.begin(group_of(ids[2:]))]
            if isinstance(committer, Pipeline):
                await until(lambda: waits_for_a_lock(committer))
                assert len(committer._sent) == committer.groups_under_way == 2
            assert [job.done() for job in jobs] == [False, False]
        await asyncio.gather(*jobs)

    commit(steps)
    assert recorded(group_of(ids)) == 4
    assert verify().drift == 0


def waits_for_a_lock(committer: Any) -> bool:
    with psycopg.connect(**connection.get_connection_params()) as looking:
        row = looking.execute(
            "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s",
            [committer._fast.connection.info.backend_pid],
        ).fetchone()
    return bool(row and row[0])


def test_a_group_that_is_tried_again_is_counted_once(commit: Commit) -> None:
    hits = group_of(pixels(5))

    async def steps(committer: Any) -> None:
        await committer.begin(hits[:3])
        await committer.begin(hits)
        await committer.begin(hits)

    commit(steps)
    assert recorded(hits) == 5
    assert set(UniqueOpen.objects.values_list("open_count", flat=True)) == {1}
    assert verify().drift == 0


def test_groups_whose_connection_breaks_are_committed_once_and_the_next_go_over_another(
    commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = pixels(90)
    groups = [group_of(ids[start : start + 30]) for start in (0, 30, 60)]

    async def steps(committer: Any) -> None:
        with held_counts(ids[0]):
            jobs = [committer.begin(group) for group in groups[:2]]
            if isinstance(committer, Pipeline):
                await until(lambda: waits_for_a_lock(committer))
                # While the event loop is busy: the second group is in the socket, unread, so that
                # the end comes as a reset, and all of it at once.
                end_backend(committer._fast)
        await asyncio.gather(*jobs)
        await committer.begin(group_of(ids[:1]))  # its agent has to be asked for once more
        await until(lambda: not isinstance(committer, Pipeline) or committer._fast)
        forbid_the_writer(committer, monkeypatch)
        await committer.begin(groups[2])

    commit(steps)
    assert recorded(groups[0] + groups[1] + groups[2]) == 91
    assert verify().drift == 0


def test_a_group_that_is_refused_when_it_is_committed_is_not_taken_for_committed(
    commit: Commit,
) -> None:
    """Its rows were answered by then: the keys to other tables are looked at last."""
    stays, goes = pixels(2)

    def remove(pixel: int) -> None:
        with psycopg.connect(**connection.get_connection_params()) as removing:
            removing.execute("DELETE FROM tracker_pixel WHERE id = %s", [pixel])
            # While the group waits for this, it has read the pixel that is about to go.
            removing.execute(
                "SELECT 1 FROM tracker_campaigncounts WHERE campaign_id = "
                "(SELECT campaign_id FROM tracker_pixel WHERE id = %s) FOR UPDATE",
                [stays],
            )
            removed.set()
            assert release.wait(10)

    removed, release = threading.Event(), threading.Event()

    async def steps(committer: Any) -> None:
        if not isinstance(committer, Pipeline):
            return
        removal = asyncio.create_task(asyncio.to_thread(remove, goes))
        await until(removed.is_set)
        job = committer.begin(group_of([stays, goes]))
        await until(lambda: waits_for_a_lock(committer))
        release.set()
        await removal
        await job

    commit(steps)
    opens = 0 if IS_SQLITE else 1
    assert recorded(group_of([stays])) == opens
    assert CampaignCounts.objects.get(campaign__pixels=stays).opens == opens


def test_without_a_file_left_for_it_groups_are_the_writers(
    commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pixel,) = pixels(1)

    def refuse(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    async def steps(committer: Any) -> None:
        if isinstance(committer, Pipeline):
            monkeypatch.setattr("tracker.writer.pipeline.os.dup", refuse)
            committer._lose("this test")
        await committer.begin([make_hit(pixel)])
        await committer.begin([make_hit(pixel)])
        assert getattr(committer, "_fast", None) is None

    commit(steps)
    assert recorded(group_of([pixel])) == 2


def test_a_committer_that_is_closed_while_it_opens_leaves_nothing_open(commit: Commit) -> None:
    async def steps(committer: Any) -> None:
        if isinstance(committer, Pipeline):
            committer._lose("this test")
            committer._open()
            await committer.close()
            await until(lambda: not committer._is_opening)
            assert committer._fast is None

    commit(steps)
    with connection.cursor() as cursor:
        if not IS_SQLITE:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = 'glimpse writer'"
            )
            assert cursor.fetchone() == (0,)


def test_the_kernel_is_told_how_long_a_network_may_say_nothing(commit: Commit) -> None:
    def patience(holder: Any) -> tuple[int, int]:
        with socket.socket(fileno=os.dup(holder.connection.pgconn.socket)) as copy:
            unanswered = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            silent = copy.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) and sum(
                copy.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)
            )
            return unanswered, silent

    (pixel,) = pixels(1)

    async def steps(committer: Any) -> None:
        await committer.begin([make_hit(pixel, user_agent="Mail/1.0")])
        if isinstance(committer, Pipeline):  # a file is not reached over a network
            for holder in (committer._fast, committer._writer._connection):
                assert patience(holder) == (10_000, 15)  # TEST_DATABASE_URL names no Unix socket

    commit(steps)
    assert recorded(group_of([pixel])) == 1


def end_backend(holder: Any) -> None:
    with psycopg.connect(**connection.get_connection_params()) as ending:
        pid = holder.connection.info.backend_pid
        ending.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_group_keeps_to_what_is_true_when_it_is_written(commit: Commit) -> None:
    campaign = make_campaign(*emails(3))
    stays, hides, leaves = (pixel.pk for pixel in pixels_of_campaign(campaign))

    def choose() -> None:
        Pixel.objects.filter(pk=hides).update(tracking=PixelTracking.ANONYMOUS)
        Pixel.objects.filter(pk=leaves).update(tracking=PixelTracking.OFF)

    async def steps(committer: Any) -> None:
        await committer.begin(group_of([stays, hides]))
        await beside(choose)
        await committer.begin(group_of([stays, hides, leaves]))

    commit(steps)
    (hidden,) = Open.objects.filter(pixel__is_stand_in=True)
    assert (hidden.ip, hidden.user_agent, hidden.rule > 0) == (None, None, True)
    assert Open.objects.filter(pixel=stays).count() == 2
    assert not UniqueOpen.objects.filter(pixel=leaves).exists()
    assert counts_of(campaign).opens == 4


def test_a_new_agent_is_stored_by_the_writer_and_known_to_the_next_group(
    commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pixel,) = pixels(1)

    async def steps(committer: Any) -> None:
        await committer.begin([make_hit(pixel, user_agent="Mail/1.0"), make_hit(pixel)])
        forbid_the_writer(committer, monkeypatch)
        await committer.begin([make_hit(pixel, user_agent="Mail/1.0")])

    commit(steps)
    agents = Open.objects.filter(pixel=pixel).values_list("user_agent__text", flat=True)
    assert sorted(agents) == ["Mail/1.0", "Mail/1.0", THUNDERBIRD]


@pytest.mark.parametrize("first", ["the writer", "the pipeline"])
def test_after_a_failover_agents_are_asked_for_anew_whoever_notices_first(
    first: str, commit: Commit
) -> None:
    (pixel,) = pixels(1)

    def fail_over() -> None:
        # The other server had not heard of the agent: its number is another's there.
        UserAgent.objects.filter(text=THUNDERBIRD).update(text="Another/1.0")

    async def steps(committer: Any) -> None:
        await committer.begin([make_hit(pixel)])
        await beside(fail_over)
        if not isinstance(committer, Pipeline):
            await beside(committer._write.__self__.close)
        elif first == "the writer":
            await beside(committer._writer.close)
        else:
            end_backend(committer._writer._connection)
            end_backend(committer._fast)
            await until(lambda: committer._fast is None)
        await committer.begin([make_hit(pixel)])
        await committer.begin([make_hit(pixel)])

    commit(steps)
    agents = Open.objects.filter(pixel=pixel).order_by("pk")
    assert [one.user_agent.text for one in agents if one.user_agent] == [
        "Another/1.0",
        THUNDERBIRD,
        THUNDERBIRD,
    ]


def test_what_the_database_refuses_is_told_and_takes_no_other_group_along(commit: Commit) -> None:
    first, last = pixels(2)

    async def steps(committer: Any) -> None:
        jobs = [
            committer.begin(group_of([first])),
            committer.begin([make_hit(first)._replace(ip="not an address")]),
            committer.begin(group_of([last])),
        ]
        answers = await asyncio.gather(*jobs, return_exceptions=True)
        if not IS_SQLITE:  # which stores any text as an address
            assert isinstance(answers.pop(1), DataError)
        assert not any(isinstance(answer, Exception) for answer in answers)

    commit(steps)
    assert recorded(group_of([last])) == 1
    assert verify().drift == 0


def test_groups_that_are_larger_than_a_sockets_buffer_arrive_whole(commit: Commit) -> None:
    hits = group_of(pixels(100) * 300)  # some 3 MB

    async def steps(committer: Any) -> None:
        await asyncio.gather(committer.begin(hits), committer.begin(group_of([hits[0].pixel_id])))

    commit(steps)
    assert recorded(hits) == 30_001
    assert verify().drift == 0


def test_at_a_start_without_a_database_the_first_groups_say_so_and_later_ones_are_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (pixel,) = pixels(1)
    if IS_SQLITE:
        return  # its file is there, or is made
    there = connection.settings_dict["PORT"]
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    async def run() -> None:
        committer = open_committer()
        assert isinstance(committer, Pipeline)
        committer.start()
        for job in (committer.prepare(), committer.begin([make_hit(pixel)])):
            with pytest.raises(OperationalError):
                await job
        committer._open_after = inf
        monkeypatch.setitem(connection.settings_dict, "PORT", there)
        committer._writer._connection.settings_dict["PORT"] = there
        await committer.begin([make_hit(pixel)])
        assert committer._fast is None, "not tried again with each group"
        committer._open_after = 0.0
        await committer.begin([make_hit(pixel)])
        await until(lambda: committer._fast)
        await committer.begin([make_hit(pixel)])
        await committer.close()

    asyncio.run(run())
    assert Open.objects.count() == 3
