"""Processes are really killed here: the command, the worker beside the server, the server."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.server import ROOT, Installation, installation

ROWS = 30_000
# So long that a step takes in few rows, and the list as many steps as one of a million short rows.
NOTE = "They asked for the newsletter at the fair. " * 30
READING, STORING = "last_line > 0 AND state = 'reading'", "state = 'storing'"
WITHIN = 120.0
CONFIRMED = """
from pathlib import Path
from campaigns.imports import start
from campaigns.imports.columns import Columns
from campaigns.models import Campaign
with Path({file!r}).open("rb") as stream:
    one = start.upload(Campaign.objects.get(), stream, "list.csv")
start.confirm(one, Columns.of_json(one.columns), is_dry_run=False)
print(one.pk)
"""


@pytest.fixture
def made() -> Iterator[Installation]:
    with installation() as made:
        yield made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    lines = (f"r{number:07}@example.com,Name {number},{NOTE}\n" for number in range(ROWS))
    file = tmp_path_factory.mktemp("list") / "list.csv"
    file.write_text("email,name,note\n" + "".join(lines) + "wrong,,\n")
    return str(file)


@contextmanager
def asking(made: Installation) -> Iterator[Callable[[str], tuple[Any, ...]]]:
    """One connection for many questions; each is answered with its first row, and committed."""
    url = made.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20, isolation_level=None)
        with closing(file):
            yield lambda statement: tuple(file.execute(statement).fetchone() or ())
        return
    with psycopg.connect(url, autocommit=True) as server:
        yield lambda statement: tuple(server.execute(statement.encode()).fetchone() or ())


def asked(made: Installation, statement: str) -> tuple[Any, ...]:
    with asking(made) as ask:
        return ask(statement)


def wait_until(made: Installation, condition: str, *, look_every: float = 0.01) -> None:
    deadline = time.monotonic() + WITHIN
    with asking(made) as ask:
        while not ask(f"SELECT 1 FROM campaigns_import WHERE {condition}"):
            if time.monotonic() > deadline:
                raise AssertionError(ask("SELECT state, error, rows FROM campaigns_import"))
            time.sleep(look_every)


def wait_until_done(made: Installation) -> None:
    """And the file is gone."""
    wait_until(made, "state = 'done'", look_every=0.05)
    deadline = time.monotonic() + WITHIN
    while left_in_folder(made):
        assert time.monotonic() < deadline, left_in_folder(made)
        time.sleep(0.005)


def check_stored_once(made: Installation) -> None:
    columns = "state, rows, created, duplicates, rejected, added"
    found = asked(made, f"SELECT {columns} FROM campaigns_import")
    assert found == ("done", ROWS + 1, ROWS, 0, 1, ROWS)
    assert asked(made, "SELECT count(*) FROM campaigns_recipient") == (ROWS,)
    assert asked(made, "SELECT count(*) FROM tracker_pixel WHERE recipient_id > 0") == (ROWS,)
    assert asked(made, "SELECT recipients FROM tracker_campaigncounts") == (ROWS,)
    assert asked(made, "SELECT count(*) FROM campaigns_rejectedline") == (1,)
    assert json.loads(made.manage("verify_counts", "--json"))["drift"] == 0


def left_in_folder(made: Installation) -> set[str]:
    folder = Path(made.environment["IMPORT_DIR"])
    return {path.name for path in folder.iterdir()} - {"place", "companion.lock"}


def test_a_command_that_is_killed_goes_on_when_it_is_run_again(
    made: Installation, file: str
) -> None:
    campaign = made.manage("create_campaign", "Spring").strip()
    command = [sys.executable, "manage.py", "import_recipients", campaign, file]
    resumed_at: list[int] = []
    for moment in (READING, STORING):
        with subprocess.Popen(command, cwd=ROOT, env=made.environment) as process:
            wait_until(made, moment)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert asked(made, "SELECT count(*) FROM campaigns_recipient") == (0,)
        resumed_at += asked(made, "SELECT resumed_at_line FROM campaigns_import")
    summary = json.loads(made.manage("import_recipients", campaign, file, "--json"))
    assert (summary["rows"], summary["created"]) == (ROWS + 1, ROWS)
    check_stored_once(made)
    resumed_at += asked(made, "SELECT resumed_at_line FROM campaigns_import")
    check_resumed(resumed_at)
    assert not left_in_folder(made)
    assert Path(file).exists()


def check_resumed(at_lines: list[int]) -> None:
    """First from the start, then in the middle, then where all was read."""
    beginning, middle, end = at_lines
    assert beginning == 0
    assert 1 < middle < ROWS < end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_leaves_nothing_half_done(
    made: Installation, file: str, number: int
) -> None:
    campaign = made.manage("create_campaign", "Spring").strip()
    command = [sys.executable, "manage.py", "import_recipients", campaign, file]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=made.environment,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is ignored in what a shell has started in the background.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        wait_until(made, "last_line > 0")
        process.send_signal(number)
        _, said = process.communicate(timeout=WITHIN)
    assert process.returncode == 1
    assert "Nothing was stored" in said
    assert asked(made, "SELECT count(*) FROM campaigns_recipient") == (0,)
    assert asked(made, "SELECT count(*) FROM campaigns_import") == (0,)
    assert not left_in_folder(made)


def kill_worker(made: Installation, server: subprocess.Popen[bytes]) -> None:
    for pid in workers_of(made):
        os.kill(pid, signal.SIGKILL)


def kill_everything(made: Installation, server: subprocess.Popen[bytes]) -> None:
    for pid in [server.pid, *descendants(server.pid)]:
        os.kill(pid, signal.SIGKILL)


def kill_server_only(made: Installation, server: subprocess.Popen[bytes]) -> None:
    """The worker is left without its parent: it stops by itself, and another goes on."""
    workers = workers_of(made)
    for pid in [server.pid, *descendants(server.pid)]:
        if pid not in workers:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_worker, kill_everything, kill_server_only])
def test_an_import_beside_the_server_survives_whoever_is_killed_while_it_reads_and_stores(
    made: Installation, file: str, kill: Callable[[Installation, subprocess.Popen[bytes]], None]
) -> None:
    made.manage("create_campaign", "Spring")
    made.manage("shell", "-v", "0", "-c", CONFIRMED.format(file=file))
    resumed_at: list[int] = []
    left_reading: set[int] = set()
    has_read_on = False
    server = served_to_be_killed(made)
    try:
        for moment in (READING, STORING):
            if server.poll() is not None:
                left_reading = workers_of(made)
                server = served_to_be_killed(made)
            wait_until(made, moment)
            has_read_on = bool(left_reading & workers_of(made))
            resumed_at += asked(made, "SELECT resumed_at_line FROM campaigns_import")
            kill(made, server)
            if kill is not kill_worker:
                server.wait(WITHIN)
        if kill is kill_worker:
            wait_until_done(made)
        else:
            with made.serving():
                wait_until_done(made)
    finally:
        kill_everything_left(server)
    check_stored_once(made)
    resumed_at += asked(made, "SELECT resumed_at_line FROM campaigns_import")
    if kill is kill_server_only:
        # A worker that stores already does not leave that to another one.
        assert resumed_at.pop() == resumed_at[-1]
        resumed_at.append(ROWS + 1)
        if has_read_on:
            # It had read all before the server was gone, so there was nothing to resume.
            assert resumed_at == [0, 0, ROWS + 1]
            return
    check_resumed(resumed_at)


def served_to_be_killed(made: Installation) -> subprocess.Popen[bytes]:
    with (made.directory / "killed.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{made.port}"],
            cwd=ROOT,
            env=made.environment,
            stdout=log,
            stderr=log,
        )


def test_the_server_ends_in_time_while_an_import_runs_and_the_next_one_goes_on(
    made: Installation, file: str
) -> None:
    made.manage("create_campaign", "Spring")
    made.manage("shell", "-v", "0", "-c", CONFIRMED.format(file=file))
    with made.serving():
        wait_until(made, "last_line > 0")
    with made.serving():
        wait_until_done(made)
    check_stored_once(made)


def kill_everything_left(server: subprocess.Popen[bytes]) -> None:
    for pid in descendants(server.pid) if server.poll() is None else []:
        os.kill(pid, signal.SIGKILL)
    server.kill()
    server.wait()


def descendants(pid: int) -> list[int]:
    children = [int(one) for one in children_of(pid)]
    return children + [further for child in children for further in descendants(child)]


def children_of(pid: int) -> list[str]:
    found: list[str] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += task.read_text().split()
    return found


def workers_of(made: Installation) -> set[int]:
    """Processes of this installation alone that work on imports."""
    mark = f"IMPORT_DIR={made.environment['IMPORT_DIR']}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_worker = b"db_worker" in (folder / "cmdline").read_bytes()
            if is_worker and mark in (folder / "environ").read_bytes():
                found.add(int(folder.name))
        except OSError:
            continue
    return found
