"""From one database to another: nothing lost, nothing changed, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from django.db import connections

from tests.clients import MailReaders
from tests.ends import PAIRS, database, fill_with_opens, path_of
from tests.moving.platforms import (
    TARGET,
    Demo,
    assert_equal,
    failure,
    in_use,
    on,
    platform,
    spool_one_hit,
    with_tables,
)
from tests.server import ROOT
from tests.test_away import opens_of
from tests.test_flow import new_campaign, request


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_server_in_use_moves_in_two_runs_and_every_answered_hit_arrives(
    source: str, target: str, tmp_path: Path
) -> None:
    # Making the tables takes seconds, and is the same wherever the rows come from.
    empty = database if source == "sqlite" else with_tables
    with platform(tmp_path, source) as made, empty(target, tmp_path) as url:
        made.manage("create_administrator", "--username", "ada")
        with made.serving():
            campaign_id, paths = new_campaign(made, 20)
            with MailReaders(made, paths) as readers:
                readers.wait_for(50)
                said = failure(made, "move_to", url)
                readers.wait_for(10)
        assert "the old database is in use" in said
        assert "Stop serve" in said
        assert readers.failures == []
        moved = json.loads(made.manage("move_to", url, "--json"))
        assert moved["finished"]
        assert moved["drift"] == 0
        assert moved["rows"]["tracker_open"] == readers.answered
        assert_equal(made.environment["DATABASE_URL"], url)
        new = on(made, url)
        assert json.loads(new.manage("verify_counts", "--json"))["drift"] == 0
        # Pixels that are in mailboxes open on the new database, and what is made there is new.
        with new.serving():
            request(new, paths[0])
            assert opens_of(new, campaign_id) == readers.answered + 1
            other_id, _ = new_campaign(new, 3)
        assert int(other_id) > int(campaign_id)
        assert opens_of(made, campaign_id) == readers.answered
        refused = failure(made, "move_to", url)
        assert "in use since it was moved to" in refused
        assert opens_of(new, campaign_id) == readers.answered + 1


def test_moving_again_changes_nothing(demo: Demo, tmp_path: Path) -> None:
    with in_use(demo, tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        said = made.manage("move_to", url)
        assert "Set DATABASE_URL" in said
        again = json.loads(made.manage("move_to", url, "--json"))
        assert (again["finished"], again["copied"], again["settled"]) == (True, 0, {})
        assert_equal(made.environment["DATABASE_URL"], url)


@pytest.mark.parametrize(("seed", "empty"), [(1, database), (2, with_tables)])
def test_killed_at_any_moment_it_goes_on_and_ends_equal(
    seed: int, empty: Callable[[str, Path], AbstractContextManager[str]], tmp_path: Path
) -> None:
    chance = random.Random(seed)
    with platform(tmp_path) as made, empty(TARGET, tmp_path) as url:
        fill_with_opens(path_of(made.environment["DATABASE_URL"]), 10_000)
        killed = 0
        # By what it has told, not by the clock, which a fast machine is done before. It says where
        # to first, and makes the tables then: twice it is killed before or while it does.
        for lines in (1, 2, *chance.sample(range(3, 19), 3)):
            with subprocess.Popen(
                [sys.executable, "manage.py", "move_to", url],
                cwd=ROOT,
                env=made.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            ) as process:
                assert process.stdout is not None
                for _ in range(lines):
                    process.stdout.readline()
                try:
                    process.wait(chance.uniform(0, 0.1))
                except subprocess.TimeoutExpired:
                    # With the process that makes the tables.
                    os.killpg(process.pid, signal.SIGKILL)
                    killed += 1
        assert killed >= 2
        assert json.loads(made.manage("move_to", url, "--json"))["finished"]
        assert_equal(made.environment["DATABASE_URL"], url)
        assert json.loads(on(made, url).manage("verify_counts", "--json"))["drift"] == 0


def test_what_was_changed_and_removed_between_two_runs_is_so_in_the_new_one(
    demo: Demo, tmp_path: Path
) -> None:
    with in_use(demo, tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        spool_one_hit(made, 1)
        failure(made, "move_to", url)
        with sqlite3.connect(path_of(made.environment["DATABASE_URL"])) as old:
            old.execute("UPDATE campaigns_campaign SET name = 'Renamed'")
            # Two swap what is unique.
            old.execute("UPDATE campaigns_recipient SET email_key = 'x' WHERE id = 1")
            old.execute(
                "UPDATE campaigns_recipient SET email_key = "
                "(SELECT email FROM campaigns_recipient WHERE id = 1) WHERE id = 2"
            )
            old.execute("DELETE FROM tracker_fanout")
            old.execute("DELETE FROM auth_group_permissions WHERE id % 2 = 0")
        old.close()
        made.manage("spool", "--replay")
        moved = json.loads(made.manage("move_to", url, "--json"))
        assert moved["settled"]["campaigns_recipient"] == [0, 2, 0]
        assert moved["settled"]["auth_group_permissions"][2] > 0
        assert_equal(made.environment["DATABASE_URL"], url)


def test_hits_that_wait_in_the_spool_keep_the_move_from_being_finished(tmp_path: Path) -> None:
    with platform(tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        new_campaign(made, 1)
        spool_one_hit(made, 1)
        assert "spool --replay" in failure(made, "move_to", url)
        made.manage("spool", "--replay")
        moved = json.loads(made.manage("move_to", url, "--json"))
        assert moved["rows"]["tracker_open"] == 1
        assert_equal(made.environment["DATABASE_URL"], url)


def test_a_key_that_was_given_once_is_never_given_again(tmp_path: Path) -> None:
    with platform(tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        new_campaign(made, 5)
        code = "from tracker.models import Pixel; p = Pixel.objects.latest('pk'); print(p.pk)"
        last = int(made.manage("shell", "-v0", "-c", f"{code}; p.delete()"))
        made.manage("verify_counts", "--repair")
        made.manage("move_to", url)
        new = on(made, url)
        campaign_id, _ = new_campaign(new, 1)
        first = "from tracker.models import Pixel; print(Pixel.objects.filter(campaign="
        made_there = new.manage("shell", "-v0", "-c", f"{first}{campaign_id}).earliest('pk').pk)")
        assert int(made_there) == last + 1


def test_roles_keep_their_permissions(tmp_path: Path) -> None:
    code = (
        "from django.contrib.auth.models import Group; print(sorted("
        "(g.name, str(p)) for g in Group.objects.all() for p in g.permissions.all()))"
    )
    with platform(tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        made.manage("move_to", url)
        there = on(made, url).manage("shell", "-v0", "-c", code)
        assert there == made.manage("shell", "-v0", "-c", code)
        assert "Marketers" in there


def test_the_two_ends_are_forgotten_afterwards() -> None:
    assert [alias for alias in connections if alias.startswith(("end_", "moving_"))] == []
