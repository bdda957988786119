from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tracker.judging.process import ProcessJudge, load
from tracker.verdicts import Judge, Verdict

PREFETCH, UNKNOWN = Verdict.PRIVACY_PREFETCH.number, Verdict.UNKNOWN.number


def verdict_on(judge: ProcessJudge, ip: str) -> int:
    return judge().verdict_and_rule("Mozilla/5.0", ip)[0]


def test_a_list_that_is_replaced_counts_from_the_next_look(settings: Any, tmp_path: Path) -> None:
    settings.NETWORKS_DIR = str(tmp_path)
    judge = ProcessJudge()
    assert verdict_on(judge, "203.0.113.7") == UNKNOWN
    (tmp_path / "apple.txt").write_text("203.0.113.0/24\n")
    assert verdict_on(judge, "203.0.113.7") == UNKNOWN
    judge.look_again()
    assert verdict_on(judge, "203.0.113.7") == PREFETCH
    same = judge()
    assert judge.look_again() is same


def test_a_wrong_list_is_said_and_the_former_networks_stay(
    settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NETWORKS_DIR = str(tmp_path)
    (tmp_path / "apple.txt").write_text("203.0.113.0/24\n")
    judge = ProcessJudge()
    assert verdict_on(judge, "203.0.113.7") == PREFETCH
    (tmp_path / "apple.txt").write_text("no network\n")
    os.utime(tmp_path / "apple.txt", ns=(1, 1))
    with caplog.at_level(logging.ERROR, "tracker.judging"):
        judge.look_again()
    assert "apple.txt, line 1" in caplog.text
    assert verdict_on(judge, "203.0.113.7") == PREFETCH
    assert verdict_on(ProcessJudge(), "172.224.226.10") == PREFETCH, "the built-in ranges"


def test_nobody_waits_while_a_refreshed_list_is_loaded(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NETWORKS_DIR = str(tmp_path)
    judge = ProcessJudge()
    former = judge()
    entered, go_on = threading.Event(), threading.Event()

    def slowly(directory: Path, before: Judge | None) -> Judge:
        entered.set()
        assert go_on.wait(10)
        return load(directory, before)

    monkeypatch.setattr("tracker.judging.process.load", slowly)
    (tmp_path / "apple.txt").write_text("203.0.113.0/24\n")
    looking = threading.Thread(target=judge.look_again)
    looking.start()
    assert entered.wait(10)
    assert judge() is former
    go_on.set()
    looking.join(10)
    assert verdict_on(judge, "203.0.113.7") == PREFETCH
