"""Hits of the erased: in the spool, under way, refused, late; they count and lead to nobody."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.models import Recipient, Tombstone
from tests.conftest import THUNDERBIRD, counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_in_flight import wait_for_lock
from tests.tracker.persons.ann import (
    AGENT,
    IP,
    OTHER_IP,
    figures,
    linked_to,
    nowhere,
    over_and_over,
)
from tests.tracker.persons.everywhere import places_in_database
from tracker.consent import choose, choose_for_campaign
from tracker.hits import Hit
from tracker.judging.walk import rejudge
from tracker.models import CampaignCounts, Open, Pixel, QuarterHourCounts, UniqueOpen
from tracker.persons.erasure import erase
from tracker.persons.sweep import Sweep, sweep_all
from tracker.persons.waiting import replay_waiting
from tracker.recount import verify
from tracker.spool import Spool
from tracker.writer import open_writer, write_hits

pytestmark = pytest.mark.usefixtures("real_db", "directory")


def test_hits_that_wait_in_the_spool_arrive_first_and_keep_nothing(
    ann: Recipient, directory: Path
) -> None:
    opens = Open.objects.count()
    erase(ann, None)
    assert Open.objects.count() == opens + 3
    assert not list(directory.glob("*.spool"))
    assert nowhere(directory)
    assert verify().drift == 0


def test_a_later_open_counts_at_once_without_evidence_and_leads_to_nobody(
    ann: Recipient, directory: Path
) -> None:
    erase(ann, None)
    never_opened = make_campaign(*emails(1))  # somebody else, as before
    own = Pixel.objects.filter(recipient=ann).order_by("pk").last()
    assert own is not None
    before = counts_of(own.campaign)
    assert write_hits([make_hit(own.pk, ip=IP, user_agent=AGENT) for _ in range(2)]) == 2
    write_hits([make_hit(pixels_of(never_opened)[0].pk, ip="192.0.2.200")])
    assert nowhere(directory)
    assert linked_to(ann) == 0
    after = counts_of(own.campaign)
    assert (after.opens, after.unique_opens) == (before.opens + 2, before.unique_opens)
    assert Open.objects.filter(ip="192.0.2.200").exists()
    assert verify().drift == 0


def test_a_hit_of_long_ago_that_is_replayed_brings_nothing_back(
    ann: Recipient, directory: Path
) -> None:
    own = Pixel.objects.filter(recipient=ann).order_by("pk")[0]
    hits = [make_hit(own.pk, at=1_700_000_000_000_000, ip=IP, user_agent=AGENT)]
    write_hits(hits)
    erase(ann, None)
    before = figures()
    # Recorded before the erasure, and once more: another machine's file, put there by hand.
    late = [make_hit(own.pk, at=1_700_000_001_000_000, ip=OTHER_IP, user_agent=AGENT)]
    spool = Spool(directory)
    spool.append([*hits, *late])
    spool.release()
    assert spool.replay(write_hits) == 2
    assert nowhere(directory)
    assert linked_to(ann) == 0
    assert Open.objects.count() == len(before[3]) + 1
    assert verify().drift == 0


def test_a_group_that_is_being_written_while_they_are_erased_keeps_nothing(
    ann: Recipient, directory: Path
) -> None:
    if connection.vendor == "sqlite":
        return  # its writers hold the whole database: a group comes before or after
    own = Pixel.objects.filter(recipient=ann).order_by("pk")[0]
    Spool(directory).replay(write_hits)
    before = counts_of(own.campaign)
    writer = open_writer()
    done = threading.Event()

    def write() -> None:
        writer.write([make_hit(own.pk, ip=IP, user_agent=AGENT)])

    def erase_them() -> None:
        try:
            erase(ann, None)
            done.set()
        finally:
            connections.close_all()

    writer.write([])
    with psycopg.connect(**connection.get_connection_params()) as holder:
        # The group gets as far as the quarter, with the pixel as it was when it began.
        holder.execute("SELECT 1 FROM tracker_quarterhourcounts FOR UPDATE")
        threads = [threading.Thread(target=work) for work in (write, erase_them)]
        threads[0].start()
        wait_for_lock(1)
        threads[1].start()
        assert not done.wait(0.5)
        holder.commit()
    for thread in threads:
        thread.join(30)
    writer.close()
    assert done.is_set()
    assert nowhere(directory)
    assert linked_to(ann) == 0
    after = counts_of(own.campaign)
    assert (after.opens, after.unique_opens) == (before.opens + 1, before.unique_opens)
    assert verify().drift == 0


def test_who_opened_with_and_without_their_name_stays_two_unique_opens(ann: Recipient) -> None:
    own = Pixel.objects.filter(recipient=ann).order_by("pk")[0]
    write_hits([make_hit(own.pk, ip=IP)._replace(is_anonymous=True)])
    replay_waiting()
    before = figures()
    erase(ann, None)
    assert figures() == before
    assert places_in_database(IP) == set()
    write_hits([make_hit(own.pk, ip=IP)])
    assert counts_of(own.campaign).unique_opens == before[0][0]["unique_opens"]
    assert places_in_database(IP) == set()
    assert verify().drift == 0


@pytest.mark.parametrize("whose", ["theirs", "the campaign's"])
def test_of_whom_nothing_was_recorded_nothing_is_afterwards(ann: Recipient, whose: str) -> None:
    replay_waiting()
    own = Pixel.objects.filter(recipient=ann).order_by("pk")[0]
    if whose == "theirs":
        choose(ann, "off", source="admin")
    else:
        choose_for_campaign(own.campaign, "off")
    before = figures()
    erase(ann, None)
    assert figures() == before
    assert write_hits([make_hit(own.pk, ip=IP, user_agent=AGENT)]) == 0
    assert figures() == before
    assert verify().drift == 0


def test_hits_refused_after_the_erasure_are_removed_too(ann: Recipient, directory: Path) -> None:
    erase(ann, None)
    own = Pixel.objects.filter(recipient=ann)[0]
    Spool(directory).set_aside([make_hit(own.pk, ip=IP)])
    Sweep().sweep()
    assert nowhere(directory)
    assert len(list(Spool(directory).refused())) == 1


def test_a_hit_that_the_database_refuses_does_not_keep_the_others_waiting(
    ann: Recipient, directory: Path
) -> None:
    own = Pixel.objects.filter(recipient=ann)[0]
    bad = Hit(make_hit(own.pk).id, own.pk, 2**62, IP, THUNDERBIRD)
    spool = Spool(directory)
    spool.append([make_hit(own.pk, ip=IP), bad])
    spool.release()
    erased = erase(ann, None)
    assert erased.waiting_files == 0
    assert nowhere(directory)


def test_a_file_of_a_living_process_is_left_to_it_and_said(
    ann: Recipient, directory: Path, monkeypatch: Any
) -> None:
    in_haste = partial(replay_waiting, within=0.3)
    monkeypatch.setattr("tracker.persons.erasure.replay_waiting", in_haste)
    living = Spool(directory)
    own = Pixel.objects.filter(recipient=ann)[0]
    living.append([make_hit(own.pk, ip=IP)])
    erased = erase(ann, None)
    assert erased.waiting_files == 1
    living.release()
    Spool(directory).replay(write_hits)
    Sweep().sweep()
    assert nowhere(directory)
    assert verify().drift == 0


def test_the_file_of_refused_hits_goes_when_nothing_is_left_in_it(directory: Path) -> None:
    spool = Spool(directory)
    spool.set_aside([make_hit(4, ip=IP)])
    with (directory / "refused.jsonl").open("a") as file:
        file.write(f'[12345, 4, 99, "{IP}", "half a li')
    assert spool.forget_refused({5}) == 0
    assert spool.forget_refused({4}) == 2
    assert {path.name for path in directory.iterdir()} == {"refused.lock"}


def test_counts_are_right_at_every_moment_while_hits_come_and_people_are_erased() -> None:
    campaign = make_campaign(*emails(12))
    pixels = pixels_of(campaign)
    writer = open_writer()
    written = [write_hits([make_hit(one.pk, ip=IP) for one in pixels[:6]])]

    def write() -> None:
        written.append(writer.write([make_hit(one.pk, ip=IP) for one in pixels]))

    with over_and_over(write, lambda: rejudge(None)):
        for pixel in pixels:
            assert pixel.recipient is not None
            erase(pixel.recipient, None)
            assert verify().drift == 0
    writer.close()
    sweep_all()
    assert places_in_database(IP) == set()
    assert counts_of(campaign).opens == sum(written)
    assert counts_of(campaign).unique_opens == 12
    assert verify().drift == 0


@settings(max_examples=20, deadline=None)
@given(
    opens=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 3_000_000_000),
            st.sampled_from([IP, OTHER_IP, "198.51.100.9", None]),
            st.sampled_from([THUNDERBIRD, "curl/8", "Barracuda/5.0 link scanner", ""]),
        ),
        max_size=25,
    ),
    order=st.permutations(range(5)),
    until=st.integers(0, 5),
)
def test_whoever_is_erased_in_whatever_order_no_count_changes(
    opens: list[tuple[int, int, str | None, str]], order: list[int], until: int
) -> None:
    for model in (Open, UniqueOpen, QuarterHourCounts, CampaignCounts, Pixel):
        model._default_manager.all().delete()
    Recipient.objects.all().delete()
    Tombstone.objects.all().delete()
    campaign = make_campaign(*emails(5))
    pixels = pixels_of(campaign)
    start = 1_800_000_000_000_000
    write_hits(
        [
            make_hit(pixels[n].pk, at=start + at, ip=ip, user_agent=agent)
            for n, at, ip, agent in opens
        ]
    )
    rejudge(None)
    before = figures()
    for n in order[:until]:
        recipient = pixels[n].recipient
        assert recipient is not None
        erase(recipient, None)
        assert places_in_database(f"r{n:04}@example.com") == set()
        assert verify().drift == 0
    rejudge(None)
    assert figures() == before
    gone = [pixels[n].pk for n in order[:until]]
    assert not Open.objects.filter(pixel__in=gone).exclude(ip=None, user_agent=None).exists()
    kept = [pixels[n].pk for n in order[until:]]
    left = sum(1 for n, _, _, _ in opens if pixels[n].pk in kept)
    assert Open.objects.filter(pixel__in=kept, user_agent__isnull=False).count() == left
