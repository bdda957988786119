"""Processes are really killed here: the worker beside the server, the server, both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Installation, installation
from tests.tracker.importing.test_crash import (
    asked,
    asking,
    descendants,
    kill_everything_left,
    served_to_be_killed,
)

OPENS = 8_000
WITHIN = 120.0
# Recorded before there were verdicts, as an upgrade leaves them.
RECORDED = f"""
from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.judging.test_again import BROWSER, forget_verdicts
from campaigns.models import Campaign, Recipient
from tracker.models import Pixel
from tracker.pixels import add_pixels
from tracker.writer import write_hits
campaign = Campaign.objects.create(name='Spring')
some = (Recipient(email=f'r{{n:06}}@example.com') for n in range({OPENS}))
add_pixels(campaign, [one.pk for one in Recipient.objects.bulk_create(some, batch_size=5000)])
# Each from an address of its own: one that opened them all would be no person's.
hits = [
    make_hit(pk, user_agent=BROWSER, ip=f'2001:db8:{{pk:x}}::1')
    for pk in Pixel.objects.values_list('pk', flat=True)
]
for start in range(0, {OPENS}, 1000):
    write_hits(hits[start:start + 1000])
forget_verdicts()
"""
WANTED = """
from tracker.models import Work
from tracker.work.begin import begin
begin(Work.Kind.REJUDGE, form_id='0' * 32, is_trial=False)
"""


@pytest.fixture(scope="module")
def recorded() -> Iterator[Installation]:
    with installation() as made:
        made.manage("shell", "-v", "0", "-c", RECORDED)
        yield made


@pytest.fixture
def made(recorded: Installation) -> Installation:
    again = "from tests.tracker.judging.test_again import forget_verdicts as f; f();"
    clear = "from tracker.models import Work; Work.objects.all().delete()"
    recorded.manage("shell", "-v", "0", "-c", again + clear)
    recorded.manage("shell", "-v", "0", "-c", WANTED)
    return recorded


def wait_until(made: Installation, condition: str) -> None:
    deadline = time.monotonic() + WITHIN
    with asking(made) as ask:
        while not ask(f"SELECT 1 FROM tracker_work WHERE {condition}"):
            if time.monotonic() > deadline:
                raise AssertionError(ask("SELECT state, fault, done FROM tracker_work"))
            time.sleep(0.01)


def workers_of(made: Installation) -> set[int]:
    """Processes of this installation alone that do its work."""
    mark = f"IMPORT_DIR={made.environment['IMPORT_DIR']}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"work" in words and mark in (folder / "environ").read_bytes():
                found.add(int(folder.name))
        except OSError:
            continue
    return found


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


def done_by(made: Installation) -> int:
    return int(asked(made, "SELECT done FROM tracker_work")[0])


def wait_until_it_goes_on(made: Installation, done: int) -> None:
    """From there, not from the beginning, and is in the middle again."""
    is_resumed = f"state = 'working' AND resumed_done >= {done}"
    wait_until(made, f"{is_resumed} AND done > resumed_done AND done < {OPENS}")


def test_judging_again_survives_whoever_is_killed_or_stopped_and_judges_nothing_twice(
    made: Installation,
) -> None:
    with made.serving() as server:
        wait_until_it_goes_on(made, 0)
        kill_worker(made, server)
        wait_until_it_goes_on(made, done_by(made))
    # The server has ended in time although there was work.
    for kill in (kill_everything, kill_server_only):
        server = served_to_be_killed(made)
        try:
            wait_until_it_goes_on(made, done_by(made))
            kill(made, server)
            server.wait(WITHIN)
        finally:
            kill_everything_left(server)
    stood_at = done_by(made)
    assert 0 < stood_at < OPENS
    with made.serving():
        wait_until(made, "state = 'done'")
    columns = f"done, total, resumed_done >= {stood_at}, result"
    done, total, is_resumed, result = asked(made, f"SELECT {columns} FROM tracker_work")
    told = json.loads(result) if isinstance(result, str) else result
    assert (done, total, bool(is_resumed)) == (OPENS, OPENS, True)
    assert (told["judged"], told["changed"]) == (OPENS, OPENS)
    (of_campaign,) = told["campaigns"].values()
    assert of_campaign == {"4": [OPENS, 0], "6": [0, OPENS]}
    assert json.loads(made.manage("verify_counts", "--json"))["drift"] == 0


def test_other_servers_have_a_command_for_it(made: Installation) -> None:
    made.manage("work")
    assert asked(made, "SELECT state, done FROM tracker_work") == ("done", OPENS)


# A campaign that is being made.

PEOPLE = 100_000
ENROLLED = f"""
from campaigns.models import Campaign, Recipient
from tracker.pixels import add_pixels
campaign = Campaign.objects.create(name='Spring')
some = [Recipient(email=f'r{{n:06}}@example.com') for n in range({PEOPLE})]
made = Recipient.objects.bulk_create(some, batch_size=5000)
for start in range(0, {PEOPLE}, 20_000):
    add_pixels(campaign, [one.pk for one in made[start:start + 20_000]])
"""
MAKE = """
from campaigns.models import Campaign
from tracker.segments import making
from tracker.segments.choice import Choice, Who
source, new = Campaign.objects.get(), Campaign(name='Again')
making.want(source, Choice(Who.ALL), new, user_id=None, form_id='1' * 32)
"""
# At once: a command would take longer to start than the rest of the work takes.
CANCEL = "UPDATE tracker_work SET is_cancel_requested = true RETURNING id"


@pytest.fixture(scope="module")
def enrolled() -> Iterator[Installation]:
    with installation() as made:
        made.manage("shell", "-v", "0", "-c", ENROLLED)
        yield made


def pixels_of_new(made: Installation) -> tuple[int, ...]:
    return asked(
        made,
        "SELECT count(*), count(DISTINCT recipient_id) FROM tracker_pixel WHERE recipient_id > 0 "
        "AND campaign_id = (SELECT max(id) FROM campaigns_campaign)",
    )


def test_a_campaign_is_whole_or_gone_whoever_is_killed(enrolled: Installation) -> None:
    made = enrolled
    made.manage("shell", "-v", "0", "-c", MAKE)
    server = served_to_be_killed(made)
    try:
        for kill, done in ((kill_worker, 10_000), (kill_everything, 30_000)):
            wait_until(made, f"done > {done}")
            kill(made, server)
            assert asked(made, "SELECT state FROM tracker_work") == ("working",)
    finally:
        kill_everything_left(server)
    added, _ = pixels_of_new(made)
    assert 0 < added < PEOPLE
    with made.serving():
        wait_until(made, "state = 'done'")
        assert asked(made, "SELECT resumed_done > 30000 FROM tracker_work")[0]
        assert pixels_of_new(made) == (PEOPLE, PEOPLE)
        assert asked(made, "SELECT min(recipients) FROM tracker_campaigncounts") == (PEOPLE,)
        assert json.loads(made.manage("verify_counts", "--json"))["drift"] == 0

        # Another one, cancelled; and killed while it is taken back.
        clear = "from tracker.models import Work; Work.objects.all().delete();"
        hide = "from campaigns.models import Campaign; c = Campaign.objects.get(name='Again');"
        rename = "c.name = 'Made'; c.save()"
        again = MAKE.replace("get()", "get(name='Spring')")
        made.manage("shell", "-v", "0", "-c", clear + hide + rename + again)
        wait_until(made, "done > 30000")
        assert asked(made, CANCEL)
        for pid in workers_of(made):
            os.kill(pid, signal.SIGKILL)
        wait_until(made, "state = 'cancelled'")
    assert asked(made, "SELECT count(*) FROM campaigns_campaign") == (2,)
    assert asked(made, "SELECT count(*) FROM tracker_campaigncounts") == (2,)
    assert asked(made, "SELECT count(*) FROM tracker_pixel WHERE recipient_id > 0") == (2 * PEOPLE,)
    assert json.loads(made.manage("verify_counts", "--json"))["drift"] == 0


# A file that is written.

WRITE = """
from campaigns.models import Campaign
from tracker.models import Work
from tracker.work.writing import want_snippets
Work.objects.all().delete()
want_snippets(Campaign.objects.get(name='Spring'), 'jsonl', by=None, form_id='2' * 32)
"""


def test_a_file_has_every_line_once_whoever_is_killed(enrolled: Installation) -> None:
    made = enrolled
    made.manage("shell", "-v", "0", "-c", WRITE)
    with made.serving():
        wait_until(made, "done > 20000")
        for pid in workers_of(made):
            os.kill(pid, signal.SIGKILL)
        assert asked(made, "SELECT state FROM tracker_work") == ("working",)
        wait_until(made, "state = 'done'")
    assert asked(made, "SELECT resumed_done > 0, done FROM tracker_work") == (True, PEOPLE)
    (file,) = (Path(made.environment["IMPORT_DIR"]) / "work").glob("file-*")
    campaign = asked(made, "SELECT min(id) FROM campaigns_campaign")[0]
    directly = made.directory / "snippets.jsonl"
    made.manage("export_snippets", str(campaign), "--format", "jsonl", "--output", str(directly))
    assert file.read_bytes() == directly.read_bytes()
