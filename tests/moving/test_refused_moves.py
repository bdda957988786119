"""What keeps a move from being begun or finished, and that nothing is touched then."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from tests.ends import TRIED, database, path_of
from tests.moving.platforms import (
    TARGET,
    Demo,
    assert_equal,
    execute,
    failure,
    in_use,
    on,
    platform,
    spool_one_hit,
    with_tables,
)
from tests.test_flow import new_campaign


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
