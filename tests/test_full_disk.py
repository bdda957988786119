"""The disk under the spool is full, gone or read-only, for real, while the database is away."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.clients import asking, flood, outcomes
from tests.server import ROOT, Installation, installation
from tests.test_away import database_away, opens_of
from tests.test_flow import is_spool_empty, new_campaign, request, wait_until

WORKERS = 2
CONNECTIONS = 40
# Long agents fill a disk with fewer hits.
AGENT = f"X-First: 1\r\nUser-Agent: {'Thunderbird ' * 42}"


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of 4 MiB of its own."""
    directory.mkdir()
    options = f"size=4m,mode=0700,uid={os.getuid()},gid={os.getgid()}"
    if not as_root("mount", "-t", "tmpfs", "-o", options, "glimpse-test", str(directory)):
        pytest.skip("mounting a small disk takes root, or sudo without a password")
    try:
        yield directory
    finally:
        assert as_root("umount", str(directory))


def as_root(*command: str) -> bool:
    prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
    try:
        return subprocess.run([*prefix, *command], check=False).returncode == 0
    except FileNotFoundError:
        return False  # neither root nor sudo


@contextmanager
def serving(spool: Path) -> Iterator[Installation]:
    """No ceiling: what is missing in the end was lost, and nothing else."""
    with (
        installation(SPOOL_DIR=str(spool), PIXEL_CEILING="0") as made,
        made.serving("--workers", str(WORKERS)),
    ):
        yield made


def open_mails(made: Installation, paths: list[str], number: int) -> int:
    """So many hits; every one of them is answered with the image."""
    requests = (asking(path, AGENT) for path in itertools.islice(itertools.cycle(paths), number))
    answered = flood(made, requests, CONNECTIONS)
    assert answered == number
    return answered


def fill(made: Installation, paths: list[str]) -> int:
    """Hits until there is no room for them any more; how many, all answered with the image."""
    answered = 0
    until = time.monotonic() + 60
    while outcomes(made)["lost"] < 2000:
        assert time.monotonic() < until, made.log
        answered += open_mails(made, paths, 3000)
    return answered


def spool_of(made: Installation) -> tuple[int, dict[str, object]]:
    """The status of /readyz and what it says of the spool."""
    status, _, body = request(made, "/readyz")
    spool: dict[str, object] = json.loads(body)["spool"]
    return status, spool


def can_be_read_while_away(made: Installation) -> bool:
    """A locked SQLite file answers to readers, so /readyz cannot tell that it takes no hits."""
    return made.environment["DATABASE_URL"].startswith("sqlite")


def check(made: Installation) -> str:
    """What ``manage.py check`` says."""
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=made.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def test_on_a_full_disk_images_come_and_every_lost_hit_is_counted(tmp_path: Path) -> None:
    with small_disk(tmp_path / "spool") as spool, serving(spool) as made:
        campaign_id, paths = new_campaign(made, 100)
        answered = open_mails(made, paths, 200)
        assert "tracker.W003" not in check(made)
        with database_away(made):
            answered += fill(made, paths)
            status, state = spool_of(made)
            assert state["writable"] is False
            assert int(str(state["room_bytes"])) < 2**20
            assert status == 503 or can_be_read_while_away(made)
            assert "tracker.W003" in check(made)
        wait_until(lambda: is_spool_empty(made) and are_all_back(made))
        kept = outcomes(made)
        assert kept["spooled"] > 1000
        answered += open_mails(made, paths, 200)
        wait_until(lambda: is_spool_empty(made))
        assert outcomes(made)["recorded"] > kept["recorded"]
        assert answered - opens_of(made, campaign_id) == kept["lost"] == outcomes(made)["lost"]
        assert 1 <= made.log.count("hits are being lost") <= WORKERS
        status, state = spool_of(made)
        assert (status, state["writable"]) == (200, True)
        assert "tracker.W003" not in check(made)
        assert json.loads(made.manage("verify_counts", "--json"))["drift"] == 0


def test_what_could_not_be_kept_leaves_no_files_to_be_looked_through(tmp_path: Path) -> None:
    with small_disk(tmp_path / "spool") as spool, serving(spool) as made:
        _, paths = new_campaign(made, 100)
        with database_away(made):
            fill(made, paths)
            files = len(list(spool.iterdir()))
        wait_until(lambda: is_spool_empty(made))
        assert files <= 10


def test_a_server_that_starts_on_a_disk_full_of_hits_replays_them(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "spool") as spool,
        installation(SPOOL_DIR=str(spool), PIXEL_CEILING="0") as made,
    ):
        with ExitStack() as server:
            server.enter_context(made.serving())
            campaign_id, paths = new_campaign(made, 100)
            with database_away(made):
                kept = fill(made, paths) - outcomes(made)["lost"]
                server.close()
        with made.serving():
            wait_until(lambda: is_spool_empty(made))
            assert opens_of(made, campaign_id) == kept


def test_a_spool_that_is_removed_while_the_database_is_away_is_made_anew(tmp_path: Path) -> None:
    with serving(tmp_path / "spool") as made:
        campaign_id, paths = new_campaign(made, 100)
        answered = open_mails(made, paths, 200)
        # On a loaded machine some may have taken the way through it.
        wait_until(lambda: is_spool_empty(made))
        with database_away(made):
            shutil.rmtree(tmp_path / "spool")
            answered += open_mails(made, paths, 500)
        wait_until(lambda: is_spool_empty(made))
        assert opens_of(made, campaign_id) == answered
        assert outcomes(made)["lost"] == 0


def test_a_spool_that_is_removed_with_what_waits_in_it_takes_later_hits(tmp_path: Path) -> None:
    with serving(tmp_path / "spool") as made:
        campaign_id, paths = new_campaign(made, 100)
        with database_away(made):
            removed = open_mails(made, paths, 500)
            shutil.rmtree(tmp_path / "spool")
            later = open_mails(made, paths, 500)
        wait_until(lambda: is_spool_empty(made))
        assert later <= opens_of(made, campaign_id) <= removed + later


def test_a_disk_that_turns_read_only_loses_hits_and_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, serving(disk / "spool") as made:
        campaign_id, paths = new_campaign(made, 100)
        assert as_root("mount", "-o", "remount,ro", str(disk))
        assert "tracker.W003" in check(made)
        with database_away(made):
            answered = open_mails(made, paths, 500)
            status, state = spool_of(made)
            assert state["writable"] is False
            assert status == 503 or can_be_read_while_away(made)
        wait_until(lambda: are_all_back(made))
        recorded = outcomes(made)["recorded"]
        answered += open_mails(made, paths, 200)
        assert outcomes(made)["recorded"] > recorded
        assert as_root("mount", "-o", "remount,rw", str(disk))
        missing = answered - opens_of(made, campaign_id)
        # A group that was not committed in time counts as lost, and may be committed after all.
        assert 0 < missing <= outcomes(made)["lost"] <= missing + CONNECTIONS
        assert 1 <= made.log.count("hits are being lost") <= WORKERS


def are_all_back(made: Installation) -> bool:
    """Each worker finds out for itself; it says so in the log."""
    return made.log.count("the database is back") == made.log.count("the database is away")
