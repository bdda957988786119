from __future__ import annotations

import threading
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import THUNDERBIRD, counts_of, emails, make_campaign, make_hit, pixels_of
from tracker.hits import Hit
from tracker.judging import process_judge
from tracker.models import (
    CampaignCounts,
    Open,
    Pixel,
    QuarterHourCounts,
    UniqueOpen,
    UserAgent,
)
from tracker.pixels import ensure_test_pixel
from tracker.recount import verify
from tracker.verdicts import Judge
from tracker.writer import open_writer

pytestmark = pytest.mark.usefixtures("real_db")

# Noon of a day: hits are placed around it, so that quarters and days change within a group.
NOON = 1_770_000_000_000_000 // 900_000_000 * 900_000_000
MINUTE = 60_000_000


@pytest.fixture
def writer() -> Any:
    writer = open_writer()
    yield writer
    writer.close()


def test_the_writers_commits_are_on_the_disk(writer: Any) -> None:
    writer.write([])
    with writer._connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)
        else:
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone() == (2,), "2 is FULL"
            cursor.execute("PRAGMA journal_mode")
            assert cursor.fetchone() == ("wal",)


def test_the_groups_statement_is_planned_once_for_a_connection(writer: Any) -> None:
    pixels = pixels_of(make_campaign(*emails(2)))
    for _ in range(3):
        assert writer.write([make_hit(pixel.pk, at=NOON) for pixel in pixels]) == 2
    if connection.vendor == "postgresql":  # SQLite's driver keeps them by itself
        with writer._connection.cursor() as cursor:
            cursor.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements")
            assert cursor.fetchall() == [(3, 0)]


def test_a_writer_that_is_prepared_has_its_judge_connection_and_plan(writer: Any) -> None:
    loaded: list[Judge] = []

    def load() -> Judge:
        loaded.append(process_judge())
        return loaded[-1]

    writer._judge = load
    writer.prepare()
    assert loaded
    assert writer._connection.connection is not None
    if connection.vendor == "postgresql":
        with writer._connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            assert cursor.fetchone() == (1,)
    assert not Open.objects.exists()


def test_one_hit_changes_everything_that_the_classic_pixel_tracker_changes(writer: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    assert writer.write([make_hit(pixel.pk, at=NOON, ip="2001:db8::1")]) == 1
    pixel.refresh_from_db()
    at = datetime.fromtimestamp(NOON / 1e6, UTC)
    assert pixel.status == "opened"
    opened = UniqueOpen.objects.get(pixel=pixel)
    assert opened.open_count == 1
    assert (opened.first_opened_at, opened.last_opened_at) == (at, at)
    assert opened.last_ip == "2001:db8::1"
    assert opened.last_user_agent is not None
    assert opened.last_user_agent.text == THUNDERBIRD
    (stored,) = Open.objects.all()
    assert (stored.pixel, stored.opened_at, stored.ip) == (pixel, at, "2001:db8::1")
    counts = counts_of(campaign)
    assert (counts.opens, counts.unique_opens) == (1, 1)
    (quarter,) = QuarterHourCounts.objects.all()
    assert (quarter.starts_at, quarter.opens, quarter.unique_opens) == (at, 1, 1)


def test_two_hits_in_one_group_by_one_recipient_are_two_opens_and_one_unique(writer: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    writer.write([make_hit(pixel.pk), make_hit(pixel.pk)])
    counts = counts_of(campaign)
    assert (counts.opens, counts.unique_opens) == (2, 1)


def test_writing_the_same_hits_again_counts_nothing_twice(writer: Any) -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    first = [make_hit(one.pk), make_hit(other.pk)]
    assert writer.write(first) == 2
    assert writer.write(first) == 0
    assert writer.write([*first, make_hit(one.pk)]) == 1
    counts = counts_of(campaign)
    assert (counts.opens, counts.unique_opens, Open.objects.count()) == (3, 2, 3)


def test_a_hit_that_arrives_late_but_was_earlier_becomes_the_first_open(writer: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    writer.write([make_hit(pixel.pk, at=NOON + 20 * MINUTE, ip="192.0.2.1")])
    writer.write([make_hit(pixel.pk, at=NOON, ip="192.0.2.2")])
    opened = UniqueOpen.objects.get(pixel=pixel)
    assert opened.first_opened_at == datetime.fromtimestamp(NOON / 1e6, UTC)
    assert opened.last_ip == "192.0.2.1"
    quarters = QuarterHourCounts.objects.order_by("starts_at")
    assert list(quarters.values_list("opens", "unique_opens")) == [(1, 1), (1, 0)]


def test_the_test_pixel_records_and_never_counts(writer: Any) -> None:
    campaign = make_campaign("a@example.com")
    pixel = ensure_test_pixel(campaign)
    assert writer.write([make_hit(pixel.pk)]) == 1
    assert UniqueOpen.objects.get(pixel=pixel).open_count == 1
    counts = counts_of(campaign)
    assert (counts.recipients, counts.opens, counts.unique_opens) == (1, 0, 0)
    assert not QuarterHourCounts.objects.exists()


def test_a_hit_of_a_pixel_that_does_not_exist_is_left_out_alone(writer: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    assert writer.write([make_hit(pixel.pk + 10_000), make_hit(pixel.pk)]) == 1
    assert Open.objects.count() == 1


def test_each_user_agent_is_stored_once(writer: Any) -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    other = open_writer()
    for each in (writer, other, writer):
        each.write([make_hit(pixel.pk, user_agent=text) for text in ("A", "B", "A", "ü'\"{},\\")])
    other.close()
    assert set(UserAgent.objects.values_list("text", flat=True)) == {"A", "B", "ü'\"{},\\"}
    assert Open.objects.count() == 12


def test_a_hit_without_an_address_is_recorded(writer: Any) -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    writer.write([make_hit(pixel.pk, ip=None)])
    assert Open.objects.get().ip is None


def test_a_lost_connection_is_opened_again_and_nothing_counts_twice(writer: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    hit = make_hit(pixel.pk)
    writer.write([hit])
    if connection.vendor == "postgresql":
        # The server really ends the writer's session.
        with connection.cursor() as cursor:
            session = writer._connection.connection.info.backend_pid
            cursor.execute("SELECT pg_terminate_backend(%s)", [session])
            assert cursor.fetchone() == (True,)
    else:
        writer._connection.close()
    assert writer.write([hit, make_hit(pixel.pk)]) == 1
    assert counts_of(campaign).opens == 2


def test_a_group_that_the_database_refuses_leaves_nothing_behind(writer: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    refused = Hit(1, pixel.pk, 2**70, None, "")  # no moment that either database knows
    with pytest.raises(Exception):  # noqa: B017, PT011  # each database has its own
        writer.write([make_hit(pixel.pk), refused])
    assert (Open.objects.count(), counts_of(campaign).opens) == (0, 0)
    assert writer.write([make_hit(pixel.pk)]) == 1


def test_writers_at_the_same_time_lose_nothing_and_double_nothing() -> None:
    campaigns = [make_campaign(*emails(20, f"c{n}.example")) for n in range(3)]
    pixels = [pixel.pk for campaign in campaigns for pixel in pixels_of(campaign)]
    errors: list[BaseException] = []

    def run(seed: int) -> None:
        writer = open_writer()
        try:
            for group in range(15):
                # Each goes through the pixels in another order: a trap for deadlocks.
                order = pixels[seed * 7 % 60 :] + pixels[: seed * 7 % 60]
                picked = order[::-1] if (seed + group) % 2 else order
                writer.write([make_hit(pixel_id) for pixel_id in picked])
        except BaseException as error:
            errors.append(error)
        finally:
            writer.close()

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not errors
    assert Open.objects.count() == 4 * 15 * 60
    assert [counts_of(campaign).opens for campaign in campaigns] == [1200] * 3
    assert verify().drift == 0


# One agent for each verdict, from an address that says nothing more.
AGENTS = {
    "human_client": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0",
    "image_proxy_on_open": "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy.html",
    "privacy_prefetch": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
    ),
    "security_scanner": "Barracuda Sentinel (EE)",
    "bot": "curl/8.5.0",
    "unknown": "",
}

hit_plans = st.tuples(
    st.integers(0, 7),  # pixel; the last one is a test pixel, and one does not exist
    st.integers(-200, 200),  # minutes from noon
    st.booleans(),  # written again with a later group
    st.sampled_from(sorted(AGENTS)),  # the verdict that it will get
)


@given(
    groups=st.lists(
        st.tuples(st.integers(0, 2), st.lists(hit_plans, min_size=1, max_size=8)), max_size=6
    )
)
@settings(
    max_examples=25,
    deadline=None,
)
def test_after_any_groups_from_several_writers_counts_equal_a_recount(
    groups: list[tuple[int, list[tuple[int, int, bool, str]]]],
) -> None:
    for table in (Open, UniqueOpen, QuarterHourCounts, CampaignCounts, Pixel):
        table.objects.all().delete()
    one = make_campaign(*emails(4, "one.example"))
    two = make_campaign(*emails(2, "two.example"))
    test_pixel = ensure_test_pixel(one)
    pixels = [p.pk for p in (*pixels_of(one), *pixels_of(two), test_pixel)] + [10**9]
    writers = [open_writer() for _ in range(3)]
    written: list[Hit] = []
    again: list[Hit] = []
    for number, plans in groups:
        hits = [
            make_hit(pixels[p], at=NOON + minutes * MINUTE, ip=None, user_agent=AGENTS[verdict])
            for p, minutes, _, verdict in plans
        ]
        writers[number].write(hits + again)
        written += hits
        again = [hit for hit, plan in zip(hits, plans, strict=True) if plan[2]]
    for writer in writers:
        writer.close()
    expected_is_stored(written, {one.pk: pixels[:4], two.pk: pixels[4:6]}, [*pixels[:-1]])
    assert verify().drift == 0


def expected_is_stored(
    written: list[Hit], by_campaign: dict[int, list[int]], existing: list[int]
) -> None:
    """A recount in plain Python from the hits themselves, apart from the product's own."""
    kept = [hit for hit in written if hit.pixel_id in existing]
    assert {stored.int for stored in Open.objects.values_list("id", flat=True)} == {
        hit.id for hit in kept
    }
    for campaign_id, pixel_ids in by_campaign.items():
        hits = [hit for hit in kept if hit.pixel_id in pixel_ids]
        firsts: dict[int, int] = {}
        for hit in hits:
            firsts[hit.pixel_id] = min(hit.opened_at, firsts.get(hit.pixel_id, hit.opened_at))
        counts = CampaignCounts.objects.get(campaign=campaign_id)
        assert (counts.opens, counts.unique_opens) == (len(hits), len(firsts))
        quarters = QuarterHourCounts.objects.filter(campaign=campaign_id)
        assert {q.starts_at: (q.opens, q.unique_opens) for q in quarters} == quarters_of(
            [hit.opened_at for hit in hits], list(firsts.values())
        )
        verdicts_are_counted(counts, hits)
        human = [hit for hit in hits if verdict_of(hit) in HUMAN]
        assert {
            q.starts_at: (q.human_opens, q.unique_human_opens) for q in quarters if q.human_opens
        } == quarters_of(
            [hit.opened_at for hit in human],
            [
                min(h.opened_at for h in human if h.pixel_id == p)
                for p in {h.pixel_id for h in human}
            ],
        )


HUMAN = {"human_client", "image_proxy_on_open"}
# From the weakest to the strongest: what counts for a recipient is the best of its opens.
KINDS = [{"security_scanner", "bot"}, {"privacy_prefetch"}, {"unknown"}, HUMAN]


def verdict_of(hit: Hit) -> str:
    return next(verdict for verdict, agent in AGENTS.items() if agent == hit.user_agent)


def verdicts_are_counted(counts: CampaignCounts, hits: list[Hit]) -> None:
    by_verdict = Counter(verdict_of(hit) for hit in hits)
    assert counts.by_verdict == {verdict: by_verdict[verdict] for verdict in AGENTS}
    best: dict[int, int] = {}
    for hit in hits:
        kind = next(n for n, verdicts in enumerate(KINDS) if verdict_of(hit) in verdicts)
        best[hit.pixel_id] = max(kind, best.get(hit.pixel_id, 0))
    kinds = Counter(best.values())
    assert kinds[0] == counts.unique_machine_opens
    assert kinds[1] == counts.unique_prefetch_opens
    assert kinds[2] == counts.unique_unknown_opens
    assert kinds[3] == counts.unique_human_opens


def quarters_of(opens: list[int], firsts: list[int]) -> dict[datetime, tuple[int, int]]:
    all_opens = Counter(moment // (15 * MINUTE) for moment in opens)
    unique = Counter(moment // (15 * MINUTE) for moment in firsts)
    return {
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarter): (n, unique[quarter])
        for quarter, n in all_opens.items()
    }


def test_a_hit_id_is_stored_as_the_uuid_it_is(writer: Any) -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    hit = make_hit(pixel.pk)
    writer.write([hit])
    assert Open.objects.get().pk == uuid.UUID(int=hit.id)


def test_the_database_itself_refuses_a_unique_open_without_opens_or_against_time(
    writer: Any,
) -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    writer.write([make_hit(pixel.pk)])
    for wrong in ({"open_count": 0}, {"first_opened_at": datetime(2999, 1, 1, tzinfo=UTC)}):
        with pytest.raises(IntegrityError):
            UniqueOpen.objects.update(**wrong)


def test_a_pixel_that_was_opened_cannot_be_deleted_even_by_hand(writer: Any) -> None:
    (pixel,) = pixels_of(make_campaign("a@example.com"))
    writer.write([make_hit(pixel.pk)])
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracker_pixel WHERE id = %s", [pixel.pk])
