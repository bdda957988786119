"""Data of an installation that is older than a change of the tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tracker.recount import verify

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
