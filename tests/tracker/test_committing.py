from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
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


def commit(steps: Callable[[Any], Awaitable[None]]) -> None:
    """What a recorder does, step by step, with a committer that has met the agent before."""

    async def run() -> None:
        committer = open_committer()
        committer.start()
        await committer.prepare()
        (pixel,) = await beside(pixels, 1)
        await committer.begin([make_hit(pixel)])
        await steps(committer)
        await committer.close()

    asyncio.run(run())


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
    if isinstance(committer, Pipeline):
        monkeypatch.setattr(committer._writer, "_write", lambda *_: pytest.fail("not needed"))


def recorded(hits: Sequence[Hit]) -> int:
    return Open.objects.filter(pixel__in={hit.pixel_id for hit in hits}).count()


def test_plain_groups_are_committed_without_the_writers_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one_each, twice = group_of(pixels(20)), group_of(pixels(20) * 2)

    async def steps(committer: Any) -> None:
        forbid_the_writer(committer, monkeypatch)
        await asyncio.gather(committer.begin(one_each), committer.begin(twice))

    commit(steps)
    assert (recorded(one_each), recorded(twice)) == (20, 40)
    assert set(UniqueOpen.objects.values_list("open_count", flat=True)) == {1, 2}
    assert verify().drift == 0


def test_the_next_group_waits_in_the_database_and_not_in_the_process() -> None:
    ids = pixels(4)
    held, release = threading.Event(), threading.Event()

    def hold_the_counts() -> None:
        with transaction.atomic():
            CampaignCounts.objects.select_for_update().get(campaign__pixels=ids[0])
            held.set()
            assert release.wait(10)

    async def steps(committer: Any) -> None:
        holding = asyncio.create_task(beside(hold_the_counts))
        await asyncio.to_thread(held.wait, 10)
        jobs = [committer.begin(group_of(ids[:2])), committer.begin(group_of(ids[2:]))]
        if isinstance(committer, Pipeline):
            await until(lambda: committer._apart and not committer._apart.connection.pgconn.flush())
            assert len(committer._sent) == 2
        assert [job.done() for job in jobs] == [False, False]
        release.set()
        await asyncio.gather(holding, *jobs)

    commit(steps)
    assert recorded(group_of(ids)) == 4
    assert verify().drift == 0


def test_a_group_that_is_tried_again_is_counted_once() -> None:
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
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = pixels(90)
    groups = [group_of(ids[start : start + 30]) for start in (0, 30, 60)]

    async def steps(committer: Any) -> None:
        jobs = [committer.begin(group) for group in groups[:2]]
        if isinstance(committer, Pipeline):
            await beside(end_backend, committer._apart)
        await asyncio.gather(*jobs)
        await committer.begin(group_of(ids[:1]))  # its agent has to be asked for once more
        await until(lambda: not isinstance(committer, Pipeline) or committer._apart)
        forbid_the_writer(committer, monkeypatch)
        await committer.begin(groups[2])

    commit(steps)
    assert recorded(groups[0] + groups[1] + groups[2]) == 91
    assert verify().drift == 0


def end_backend(apart: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [apart.connection.info.backend_pid])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_group_keeps_to_what_is_true_when_it_is_written() -> None:
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
    monkeypatch: pytest.MonkeyPatch,
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
def test_after_a_failover_agents_are_asked_for_anew_whoever_notices_first(first: str) -> None:
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
            await beside(end_backend, committer._writer._connection)
            await beside(end_backend, committer._apart)
            await until(lambda: committer._apart is None)
        await committer.begin([make_hit(pixel)])
        await committer.begin([make_hit(pixel)])

    commit(steps)
    agents = Open.objects.filter(pixel=pixel).order_by("pk")
    assert [one.user_agent.text for one in agents if one.user_agent] == [
        "Another/1.0",
        THUNDERBIRD,
        THUNDERBIRD,
    ]


def test_what_the_database_refuses_is_told_and_takes_no_other_group_along() -> None:
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


def test_groups_that_are_larger_than_a_sockets_buffer_arrive_whole() -> None:
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
        monkeypatch.setitem(connection.settings_dict, "PORT", there)
        committer._writer._connection.settings_dict["PORT"] = there
        await committer.begin([make_hit(pixel)])
        assert committer._apart is None, "not tried again with each group"
        committer._open_after = 0.0
        await committer.begin([make_hit(pixel)])
        await until(lambda: committer._apart)
        await committer.begin([make_hit(pixel)])
        await committer.close()

    asyncio.run(run())
    assert Open.objects.count() == 3
