from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tracker.schedule import Chore, Schedule


class Counted:
    """Something to do that says when it was done ``enough`` times."""

    def __init__(self, enough: int = 1) -> None:
        self.times = 0
        self.is_enough = threading.Event()
        self._enough = enough

    def __call__(self) -> None:
        self.times += 1
        if self.times >= self._enough:
            self.is_enough.set()


def fail() -> None:
    raise RuntimeError("the database is away")


def test_chores_are_done_again_and_again(tmp_path: Path) -> None:
    chore = Counted(3)
    schedule = Schedule(tmp_path, [Chore("counting", chore)], every=0.01)
    schedule.start()
    assert chore.is_enough.wait(20)
    schedule.stop()


def test_a_chore_that_fails_is_told_and_keeps_no_other_from_being_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chore = Counted(2)
    schedule = Schedule(tmp_path, [Chore("failing", fail), Chore("counting", chore)], every=0.01)
    schedule.start()
    assert chore.is_enough.wait(20)
    schedule.stop()
    assert "failing failed: the database is away" in caplog.text


def test_a_chore_for_every_hour_is_not_done_every_minute(tmp_path: Path) -> None:
    often, seldom = Counted(4), Counted()
    chores = [Chore("seldom", seldom, every=3_600), Chore("often", often)]
    schedule = Schedule(tmp_path, chores, every=0.01)
    schedule.start()
    assert often.is_enough.wait(20)
    schedule.stop()
    assert seldom.times == 1


def test_only_one_of_two_processes_does_them_and_both_do_what_is_for_each(tmp_path: Path) -> None:
    chore, own = Counted(), Counted(3)
    first = Schedule(tmp_path, [])
    second = Schedule(tmp_path, [Chore("counting", chore)], in_every_process=own, every=0.01)
    with first._alone() as is_alone:
        assert is_alone
        second.start()
        assert own.is_enough.wait(20)
        second.stop()
    assert chore.times == 0


def test_without_a_directory_for_the_lock_they_are_done_all_the_same(tmp_path: Path) -> None:
    chore = Counted()
    schedule = Schedule(tmp_path / "missing", [Chore("counting", chore)], every=0.01)
    schedule.start()
    assert chore.is_enough.wait(20)
    schedule.stop()


class Clock:
    """Time that passes when told, in the place of the schedule's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("tracker.schedule.monotonic", lambda: self.now)

    def taking(self, seconds: float) -> Callable[[], None]:
        def do() -> None:
            self.now += seconds

        return do


@pytest.mark.parametrize(("quick", "long"), [(0.0, 20.0), (1.0, 20.0), (4.0, 20.0), (4.0, 0.5)])
def test_long_work_rests_and_what_cannot_wait_keeps_its_minute(
    quick: float, long: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    began: list[float] = []
    worked: list[float] = []

    def cannot_wait() -> None:
        began.append(clock.now)
        clock.taking(quick)()

    def can_wait() -> None:
        worked.append(clock.now)
        clock.taking(long)()

    chores = [
        Chore("judging recent opens", cannot_wait, can_wait=False),
        Chore("spreading rulings", can_wait),
    ]
    schedule = Schedule(tmp_path, chores)
    rounds = 2_000
    for _ in range(rounds):
        clock.now += 60
        schedule._round()
    assert len(began) == rounds
    assert max(after - before for before, after in pairwise(began)) <= 60 + quick + long
    assert len(worked) > 20
    assert quick * rounds + long * len(worked) <= clock.now / 10 + long
