from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import make_hit
from tracker.hits import Hit
from tracker.replay import Replayer
from tracker.spool import RECORD_HEAD, Spool, read_records
from tracker.writer import is_hits_fault

hits = st.builds(
    Hit,
    st.integers(0, 2**128 - 1),
    st.integers(1, 2**63 - 1),
    st.integers(0, 2**60),
    st.none() | st.ip_addresses().map(str),
    st.text(alphabet=st.characters(exclude_characters="\x00"), max_size=30),
    # Of list snippets, too.
    campaign_id=st.just(0) | st.integers(1, 2**63 - 1),
    name=st.just("") | st.text(max_size=20) | st.integers(1, 2**63 - 1),
)
groups_of_hits = st.lists(st.lists(hits, min_size=1, max_size=4), max_size=5)


class Taken(list[Hit]):
    def __call__(self, group: Sequence[Hit]) -> int:
        self.extend(group)
        return len(group)


def content_of(groups: Sequence[Sequence[Hit]]) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        spool = Spool(Path(name))
        for group in groups:
            spool.append(group)
        spool.release()
        return b"".join(path.read_bytes() for path in spool._files())


@given(groups_of_hits)
def test_what_was_appended_is_replayed_in_order_and_then_gone(groups: list[list[Hit]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        spool = Spool(Path(name), rotate_bytes=200)
        for group in groups:
            spool.append(group)
        spool.release()
        taken = Taken()
        assert Spool(Path(name)).replay(taken) == len(taken)
        assert taken == [hit for group in groups for hit in group]
        assert spool.waiting().files == 0


@given(groups_of_hits, st.integers(0, 10_000))
def test_a_file_cut_anywhere_keeps_every_whole_group_before_the_cut(
    groups: list[list[Hit]], cut: int
) -> None:
    content = content_of(groups)
    cut = min(cut, len(content))
    found = list(read_records(content[:cut], "cut"))
    assert found == groups[: len(found)]
    whole = content_of(groups[: len(found) + 1])
    assert len(found) == len(groups) or len(whole) > cut


@given(groups_of_hits.filter(bool), st.data())
def test_a_changed_byte_never_becomes_a_hit_that_was_not_asked_for(
    groups: list[list[Hit]], data: st.DataObject
) -> None:
    content = bytearray(content_of(groups))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    found = list(read_records(bytes(content), "changed"))
    # In their order, and none that was not there; the changed one is missing.
    rest = iter(groups)
    assert all(group in rest for group in found)
    assert len(found) < len(groups)


def test_the_half_record_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    content = content_of([[make_hit(1)]])
    with caplog.at_level(logging.WARNING):
        assert list(read_records(content[:-1], "x.spool")) == []
    assert "x.spool: " in caplog.text
    assert RECORD_HEAD.size == 8


def test_a_failing_replay_loses_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    group = [make_hit(n) for n in range(3)]
    spool.append(group)
    spool.release()

    def fail(hits: Sequence[Hit]) -> int:
        raise ConnectionError("away")

    with pytest.raises(ConnectionError):
        spool.replay(fail)
    taken = Taken()
    assert spool.replay(taken) == 3
    assert taken == group


def test_a_file_that_a_living_process_appends_to_is_left_alone(tmp_path: Path) -> None:
    owner = Spool(tmp_path)
    owner.append([make_hit(1)])
    taken = Taken()
    assert Spool(tmp_path).replay(taken) == 0
    assert owner.waiting().files == 1
    owner.release()
    assert Spool(tmp_path).replay(taken) == 1


APPEND_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tracker.hits import Hit
from tracker.spool import Spool
Spool(Path(sys.argv[1])).append([Hit(n, n, n, None, "A") for n in range(5)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_picked_up(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", APPEND_AND_DIE, str(tmp_path)],
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    taken = Taken()
    assert Spool(tmp_path).replay(taken) == 5
    assert taken == [Hit(n, n, n, None, "A") for n in range(5)]


def test_only_one_process_at_a_time_replays(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([make_hit(1)])
    spool.release()
    inside, may_go_on = threading.Event(), threading.Event()

    def slow(hits: Sequence[Hit]) -> int:
        inside.set()
        assert may_go_on.wait(10)
        return len(hits)

    thread = threading.Thread(target=spool.replay, args=(slow,))
    thread.start()
    assert inside.wait(10)
    assert Spool(tmp_path).replay(Taken()) == 0
    may_go_on.set()
    thread.join(10)
    assert spool.waiting().files == 0


def test_a_missing_place_is_made_and_a_forbidden_one_is_an_error(tmp_path: Path) -> None:
    Spool(tmp_path / "a" / "b").append([make_hit(1)])
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("in the way")
    blocked = Spool(tmp_path / "file" / "spool")
    with pytest.raises(OSError, match="Not a directory"):
        blocked.append([make_hit(1)])
    assert not blocked.is_writable()
    assert blocked.waiting().files == 0


def test_a_full_disk_is_an_error_and_spoils_nothing_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.append([make_hit(1)])
    real_write = os.write

    def half_a_write(file: int, content: Any) -> int:
        real_write(file, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", half_a_write)
        with pytest.raises(OSError, match="No space left"):
            spool.append([make_hit(2)])
    spool.append([make_hit(3)])
    spool.release()
    taken = Taken()
    spool.replay(taken)
    assert [hit.pixel_id for hit in taken] == [1, 3]


def test_the_replayer_hands_over_what_waits_and_says_that_the_database_is_back(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path)
    spool.append([make_hit(1)])
    taken = Taken()
    is_back = threading.Event()
    tries: list[int] = []

    def write(group: Sequence[Hit]) -> int:
        tries.append(len(group))
        if len(tries) < 3:
            raise ConnectionError("away")
        return taken(group)

    replayer = Replayer(
        spool,
        write,
        is_hits_fault=is_hits_fault,
        is_away=lambda: not is_back.is_set(),
        resume=is_back.set,
        every=0.01,
    )
    replayer.start()
    assert is_back.wait(10)
    replayer.stop()
    assert [hit.pixel_id for hit in taken] == [1]
    assert spool.waiting().files == 0


def test_a_hit_that_the_database_refuses_is_set_aside_and_holds_up_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path)
    spool.append([make_hit(n) for n in range(20)])
    spool.append([make_hit(n) for n in range(20, 23)])
    spool.release()
    taken = Taken()

    def write(group: Sequence[Hit]) -> int:
        if any(hit.pixel_id == 13 for hit in group):
            raise ValueError("out of range")
        return taken(group)

    is_back = threading.Event()
    replayer = Replayer(
        spool,
        write,
        is_hits_fault=is_hits_fault,
        is_away=lambda: False,
        resume=is_back.set,
        every=0.01,
    )
    replayer.start()
    until = time.monotonic() + 60
    while spool.waiting().files:
        assert time.monotonic() < until
        time.sleep(0.01)
    replayer.stop()
    assert is_back.is_set()
    assert [hit.pixel_id for hit in taken] == [n for n in range(23) if n != 13]
    (refused,) = (tmp_path / "refused.jsonl").read_text().splitlines()
    assert (tmp_path / "refused.jsonl").stat().st_mode & 0o777 == 0o600
    assert json.loads(refused)[1] == 13
    assert "a hit was refused and set aside: out of range" in caplog.text


def test_a_database_that_answers_but_has_no_room_loses_no_hit_and_is_not_called_back(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path)
    spool.append([make_hit(n) for n in range(20)])
    spool.release()
    taken = Taken()
    has_room, resumed = threading.Event(), threading.Event()
    tries = threading.Semaphore(0)

    def write(group: Sequence[Hit]) -> int:
        if group and not has_room.is_set():
            tries.release()
            raise OperationalError("database or disk is full")
        return taken(group) if group else 0

    oldest: list[int] = []
    replayer = Replayer(
        spool,
        write,
        is_hits_fault=is_hits_fault,
        tell_oldest=oldest.append,
        is_away=lambda: not resumed.is_set(),
        resume=resumed.set,
        every=0.01,
    )
    replayer.start()
    for _ in range(3):
        assert tries.acquire(timeout=60)
    assert not resumed.is_set()
    assert not (tmp_path / "refused.jsonl").exists()
    has_room.set()
    assert resumed.wait(60)
    replayer.stop()
    assert [hit.pixel_id for hit in taken] == list(range(20))
    assert oldest == [min(hit.opened_at for hit in taken)]


def test_a_record_that_the_disk_has_changed_takes_only_itself_along(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for n in range(3):
        spool.append([make_hit(n)])
    spool.release()
    (file,) = tmp_path.glob("*.spool")
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    taken = Taken()
    assert spool.replay(taken) == 2
    assert [hit.pixel_id for hit in taken] == [1, 2]
