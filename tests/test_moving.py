"""From one database to another: nothing lost, nothing changed, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections

from tests import commands
from tests.clients import MailReaders
from tests.ends import KINDS, PAIRS, TRIED, database, fill_with_opens, path_of
from tests.server import ROOT, Installation, copy_database, installation, migrate_empty
from tests.test_away import opens_of
from tests.test_flow import new_campaign, request
from tracker.hits import Hit, new_hit_id
from tracker.moving.databases import connect, disconnect, settings_of_target
from tracker.moving.tables import tables
from tracker.spool import Spool

# The address of a database of this kind with a demo in it, to be copied.
Demo = Callable[[str], str]
TARGET = KINDS[-1]  # SQLite to PostgreSQL, wherever there is one


@contextmanager
def platform(tmp_path: Path, kind: str = "sqlite", **settings: str) -> Iterator[Installation]:
    with (
        database(kind, tmp_path) as url,
        installation(DATABASE_URL=url, **settings) as made,
    ):
        yield made


@contextmanager
def with_tables(kind: str, tmp_path: Path) -> Iterator[str]:
    """A database that only the moving of rows is tested with: its tables are there already."""
    with database(kind, tmp_path) as url:
        migrate_empty(url)
        yield url


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with ExitStack() as stack:

        @cache
        def made_on(kind: str) -> str:
            directory = tmp_path_factory.mktemp("demo")
            made = stack.enter_context(platform(directory, kind))
            made.manage("demo")
            return made.environment["DATABASE_URL"]

        yield made_on


@contextmanager
def in_use(demo: Demo, tmp_path: Path, kind: str = "sqlite") -> Iterator[Installation]:
    """A platform of its own that has made its demo: a copy, since making one takes seconds."""
    with platform(tmp_path, kind) as made:
        copy_database(demo(kind), made.environment["DATABASE_URL"])
        yield made


def on(made: Installation, url: str) -> Installation:
    """The same, with its keys, on another database."""
    return Installation({**made.environment, "DATABASE_URL": url}, made.directory, made.port)


def failure(made: Installation, *arguments: str) -> str:
    """What standard error says, without a traceback."""
    status, out, err = commands.run(made.environment, arguments)
    assert status == 1, out + err
    assert "Traceback" not in err
    return err


@contextmanager
def opened(*urls: str) -> Iterator[list[str]]:
    aliases = [f"end_{number}" for number, _ in enumerate(urls)]
    for alias, url in zip(aliases, urls, strict=True):
        connect(alias, settings_of_target(url))
    try:
        yield aliases
    finally:
        disconnect(*aliases)


@pytest.fixture(autouse=True)
def other_databases(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def assert_equal(one: str, other: str) -> None:
    """Every row of every table, field by field."""
    with opened(one, other) as (here, there):
        for table in tables():
            assert list(table.rows(here)) == list(table.rows(there)), table.name


def spool_one_hit(made: Installation, pixel_id: int, moment: int = 1_770_000_000_000_000) -> None:
    spool = Spool(Path(made.environment["SPOOL_DIR"]))
    spool.append([Hit(new_hit_id(moment), pixel_id, moment, "192.0.2.7", "Thunderbird")])
    spool.release()


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


def execute(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        with sqlite3.connect(path_of(url)) as database_file:
            database_file.execute(statement)
        database_file.close()
        return
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("target", TRIED)
def test_a_database_of_somebody_else_is_left_alone(target: str, tmp_path: Path) -> None:
    with platform(tmp_path) as made, database(target, tmp_path) as url:
        execute(url, "CREATE TABLE invoices (id integer)")
        assert "holds invoices" in failure(made, "move_to", url)
        execute(url, "SELECT id FROM invoices")
        with pytest.raises((sqlite3.Error, psycopg.Error)):
            execute(url, "SELECT 1 FROM django_migrations")


@pytest.mark.parametrize("target", TRIED)
def test_a_glimpse_in_use_is_not_written_over(target: str, tmp_path: Path) -> None:
    with platform(tmp_path) as made, platform(tmp_path, target) as other:
        new_campaign(other, 2)
        said = failure(made, "move_to", other.environment["DATABASE_URL"])
        assert "holds 1 row that no move_to brought there" in said


def test_a_fresh_glimpse_is_as_good_as_an_empty_database(demo: Demo, tmp_path: Path) -> None:
    with in_use(demo, tmp_path) as made, platform(tmp_path, TARGET) as other:
        made.manage("move_to", other.environment["DATABASE_URL"])
        assert_equal(made.environment["DATABASE_URL"], other.environment["DATABASE_URL"])


def test_two_sources_do_not_mix(tmp_path: Path) -> None:
    with (
        platform(tmp_path) as made,
        platform(tmp_path) as other,
        with_tables(TARGET, tmp_path) as url,
    ):
        made.manage("move_to", url)
        assert "was begun with what is in" in failure(other, "move_to", url)


def test_a_database_that_is_served_before_it_is_whole_is_not_overwritten(tmp_path: Path) -> None:
    with platform(tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        new_campaign(made, 2)
        spool_one_hit(made, 1)
        failure(made, "move_to", url)
        new = on(made, url)
        new.manage("spool", "--replay")
        assert "opens that the old one does not know" in failure(made, "move_to", url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "has to be named as in DATABASE_URL"),
        ("mysql://a:b@127.0.0.1/c", "has to be named as in DATABASE_URL"),
        ("postgres://a:hush@127.0.0.1:1/c", "does not answer"),
        ("postgres://a:hush@[::1/c", "cannot be read"),
        ("sqlite:////nowhere/at/all.sqlite3", "There is no directory"),
        ("sqlite://:memory:", "has to be named as in DATABASE_URL"),
    ],
)
def test_an_address_that_leads_nowhere_says_so_without_the_password(
    url: str, reason: str, tmp_path: Path
) -> None:
    with platform(tmp_path) as made:
        said = failure(made, "move_to", url)
        assert reason in said
        assert "hush" not in said


def test_the_configured_database_is_no_target(tmp_path: Path) -> None:
    with platform(tmp_path) as made:
        said = failure(made, "move_to", made.environment["DATABASE_URL"])
        assert "nothing to move" in said


def test_a_row_that_postgresql_refuses_is_named_and_mending_it_is_enough(
    demo: Demo, tmp_path: Path
) -> None:
    with in_use(demo, tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        source = made.environment["DATABASE_URL"]
        for text in ("x" * 300, "a\0b"):
            with sqlite3.connect(path_of(source)) as old:
                old.execute("UPDATE campaigns_campaign SET subject = ?", [text])
            old.close()
            if TARGET == "sqlite":
                made.manage("move_to", url)  # it takes both
            else:
                assert "a row of campaigns_campaign" in failure(made, "move_to", url)
        execute(source, "UPDATE campaigns_campaign SET subject = 'News'")
        made.manage("move_to", url)
        assert_equal(source, url)


def test_counts_that_were_off_before_are_told_of(demo: Demo, tmp_path: Path) -> None:
    with in_use(demo, tmp_path) as made, with_tables(TARGET, tmp_path) as url:
        execute(made.environment["DATABASE_URL"], "UPDATE tracker_campaigncounts SET opens = 7")
        assert "verify_counts --repair" in failure(made, "move_to", url)
        made.manage("verify_counts", "--repair")
        made.manage("move_to", url)


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


def test_the_two_ends_are_forgotten_afterwards() -> None:
    assert [alias for alias in connections if alias.startswith(("end_", "moving_"))] == []
