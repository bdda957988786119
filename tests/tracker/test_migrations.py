"""Data of an installation that is older than a change of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_choices import decide
from tracker.models import Open, QuarterHourCounts, UniqueOpen
from tracker.recount import verify
from tracker.retention.partitions import ensure_partitions, is_partitioned
from tracker.writer import write_hits

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0"
SCANNER = "python-requests/2.31.0"
BEFORE = [("tracker", "0003_leave_room_for_updates_in_place")]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 5, 1, 13, 20, tzinfo=UTC)


def migrate(targets: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.mark.django_db(transaction=True)
def test_opens_that_stood_on_their_pixels_move_beside_them_and_no_count_changes() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    apps = migrate(BEFORE)
    try:
        campaign = apps.get_model("campaigns", "Campaign").objects.create(name="Old")
        recipient_model = apps.get_model("campaigns", "Recipient")
        pixel_model = apps.get_model("tracker", "Pixel")
        agent = apps.get_model("tracker", "UserAgent").objects.create(text="Thunderbird")
        pixels = []
        for number in range(3):
            address = f"r{number}@example.com"
            recipient = recipient_model.objects.create(email=address, email_key=address)
            pixels.append(
                pixel_model.objects.create(
                    campaign=campaign, recipient=recipient, sent_at=timezone.now()
                )
            )
        for number, moment in enumerate((NOON, LATER)):
            apps.get_model("tracker", "Open").objects.create(
                id=f"00000000-0000-7000-8000-00000000000{number}",
                pixel=pixels[0],
                opened_at=moment,
                ip="192.0.2.1",
                user_agent=agent,
            )
        pixel_model.objects.filter(pk=pixels[0].pk).update(
            open_count=2,
            first_opened_at=NOON,
            last_opened_at=LATER,
            last_ip="192.0.2.1",
            last_user_agent=agent,
        )
        apps.get_model("tracker", "CampaignCounts").objects.create(
            campaign=campaign, recipients=3, sent=3, opens=2, unique_opens=1, last_opened_at=LATER
        )
        quarters = apps.get_model("tracker", "QuarterHourCounts").objects
        quarters.create(campaign=campaign, starts_at=NOON, opens=1, unique_opens=1)
        quarters.create(
            campaign=campaign, starts_at=LATER.replace(minute=15), opens=1, unique_opens=0
        )
    finally:
        apps = migrate(newest)
    (opened,) = apps.get_model("tracker", "UniqueOpen").objects.all()
    assert (opened.pixel_id, opened.open_count) == (pixels[0].pk, 2)
    assert (opened.first_opened_at, opened.last_opened_at) == (NOON, LATER)
    assert (opened.last_ip, opened.last_user_agent_id) == ("192.0.2.1", agent.pk)
    assert verify().drift == 0


@pytest.mark.usefixtures("real_db")
def test_who_was_anonymous_or_off_before_that_was_counted_is_counted_by_the_upgrade() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    campaign = make_campaign(*emails(6))
    pixels = pixels_of(campaign)
    moments = [int(at.timestamp()) * 1_000_000 for at in (NOON, NOON, LATER, LATER)]
    hits = [make_hit(pixel.pk, at=at) for pixel, at in zip(pixels, moments, strict=False)]
    write_hits([*hits, make_hit(pixels[3].pk, at=moments[0])])
    for pixel, choice in zip(pixels, ["off", "anonymous", "off", "anonymous"], strict=False):
        decide(pixel, choice)
    quarters = list(QuarterHourCounts.objects.order_by("starts_at").values())
    assert [row["unique_human_opens"] for row in quarters] == [2, 0]
    apps = migrate([("tracker", "0016_names_in_every_language")])
    try:
        # As it was: of four people, three opened first in one quarter, one in another.
        old = apps.get_model("tracker", "QuarterHourCounts").objects.order_by("starts_at")
        assert list(old.values_list("unique_human_opens", flat=True)) == [3, 1]
    finally:
        migrate(newest)
    assert list(QuarterHourCounts.objects.order_by("starts_at").values()) == quarters
    assert counts_of(campaign).anonymous == 2
    assert verify().drift == 0


@pytest.fixture
def months_as_usual(real_db: None) -> Iterator[None]:
    """The tests that follow find the partitions of an installation that began with months."""
    yield
    if is_partitioned():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE tracker_open_before")
            cursor.execute("DELETE FROM tracker_open")
        ensure_partitions()


@pytest.mark.usefixtures("months_as_usual")
def test_opens_recorded_before_there_were_months_stay_where_they_are() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    campaign = make_campaign(*emails(2))
    one, other = pixels_of(campaign)
    ahead = timezone.now() + timedelta(days=80)
    hits = [
        make_hit(one.pk, at=int(moment.timestamp() * 1_000_000))
        for moment in (NOON, LATER, timezone.now(), ahead)
    ]
    write_hits(hits)
    migrate([("tracker", "0009_basis_of_a_walk")])
    try:
        migrate(newest)
        assert Open.objects.count() == 4
        # Recorded again: nothing. Recorded anew, in each of the places: found again.
        write_hits([*hits, make_hit(other.pk), make_hit(other.pk, at=hits[-1].opened_at)])
        assert Open.objects.count() == 6
        assert verify().drift == 0
    finally:
        migrate(newest)


@pytest.mark.usefixtures("real_db")
def test_opens_by_people_are_counted_by_the_upgrade_and_one_is_certain_where_they_are_gone() -> (
    None
):
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    campaign = make_campaign(*emails(4))
    pixels = pixels_of(campaign)
    hits = [make_hit(pixels[0].pk, user_agent=agent) for agent in (PERSON, SCANNER, PERSON)]
    hits += [make_hit(pixels[1].pk, user_agent=SCANNER), make_hit(pixels[2].pk, user_agent=PERSON)]
    hits += [make_hit(pixels[3].pk, user_agent=PERSON) for _ in range(2)]
    write_hits(hits)
    by_writer = dict(UniqueOpen.objects.values_list("pk", "human_open_count"))
    assert [by_writer[pixel.pk] for pixel in pixels] == [2, 0, 1, 2]
    migrate([("tracker", "0023_simulations")])
    Open.objects.filter(pixel=pixels[3]).delete()
    migrate(newest)
    by_upgrade = dict(UniqueOpen.objects.values_list("pk", "human_open_count"))
    assert by_upgrade == by_writer | {pixels[3].pk: 1}
