"""Moves that go on although the old database has made rows anew, or removed them, meanwhile."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.ends import PAIRS, fill_with_opens, path_of
from tests.moving.platforms import (
    TARGET,
    Demo,
    assert_equal,
    execute,
    in_use,
    on,
    platform,
    spool_one_hit,
    with_tables,
)
from tests.server import Installation
from tests.test_flow import new_campaign

REMADE = """
from datetime import timedelta
from campaigns.models import Campaign
from tracker.breakdowns.refresh import refresh
from tracker.judging.fan_outs import store
from tracker.models import FanOut, QuarterHourCounts
at = QuarterHourCounts.objects.earliest("pk").starts_at
FanOut.objects.all().delete()
store([FanOut(ip="192.0.2.1", starts_at=at, ends_at=at + timedelta(minutes=10), recipients=10)])
print(sum(len(refresh(campaign)[1]) for campaign in Campaign.objects.all()))
"""


def remake_what_is_derived(made: Installation) -> None:
    """As serve and the commands do: the same rows, under other ids."""
    execute(made.environment["DATABASE_URL"], "UPDATE tracker_quarterhourcounts SET opens = 0")
    made.manage("verify_counts", "--repair")
    assert int(made.manage("shell", "-v0", "-c", REMADE)) > 0


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_it_goes_on_although_the_old_database_has_made_rows_anew(
    source: str, target: str, demo: Demo, tmp_path: Path
) -> None:
    with in_use(demo, tmp_path, source) as made, with_tables(target, tmp_path) as url:
        remake_what_is_derived(made)
        made.manage("move_to", url)
        remake_what_is_derived(made)
        campaign_id, _ = new_campaign(made, 3)
        # Later than all of the demo's.
        spool_one_hit(made, 1, time.time_ns() // 1_000)
        made.manage("spool", "--replay")
        moved = json.loads(made.manage("move_to", url, "--json"))
        assert moved["finished"]
        remade = {"tracker_quarterhourcounts", "tracker_breakdown", "tracker_fanout"}
        assert remade <= moved["settled"].keys()
        # What is in nobody's way still comes in steps that are kept.
        assert moved["settled"].keys().isdisjoint({"tracker_open", "campaigns_recipient"})
        assert moved["copied"] >= 1 + 3 + 3
        assert_equal(made.environment["DATABASE_URL"], url)
        new = on(made, url)
        remake_what_is_derived(new)
        other_id, _ = new_campaign(new, 1)
        assert int(other_id) == int(campaign_id) + 1


def test_it_goes_on_although_the_old_database_has_removed_its_opens(tmp_path: Path) -> None:
    with platform(tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        fill_with_opens(path_of(made.environment["DATABASE_URL"]), 50)
        made.manage("move_to", url)
        assert "150 opens were removed" in made.manage("prune", "--opens-months", "1")
        moved = json.loads(made.manage("move_to", url, "--json"))
        assert moved["settled"]["tracker_open"] == [0, 0, 150]
        assert_equal(made.environment["DATABASE_URL"], url)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_keys_go_on_after_the_greatest_although_the_old_database_forgot_which_it_gave(
    source: str, target: str, demo: Demo, tmp_path: Path
) -> None:
    with in_use(demo, tmp_path, source) as made, with_tables(target, tmp_path) as url:
        for table in ("campaigns_campaign", "campaigns_recipient", "tracker_pixel"):
            execute(
                made.environment["DATABASE_URL"],
                f"DELETE FROM sqlite_sequence WHERE name = '{table}'"
                if source == "sqlite"
                else f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1)",
            )
        made.manage("move_to", url)
        new_campaign(on(made, url), 2)
