from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from campaigns.imports.errors import LostLeaseError
from campaigns.models import Campaign
from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.judging.test_again import BROWSER, NOON, SECOND, forget_verdicts
from tracker.judging import walk
from tracker.judging.changes import Outcome
from tracker.judging.long_walk import added, by_campaign
from tracker.models import FanOut, Open, Work
from tracker.recount import verify
from tracker.verdicts import Verdict
from tracker.work import lease, run
from tracker.work.begin import begin, cancel
from tracker.work.kinds import DOINGS
from tracker.work.run import Doing, InterruptedWorkError, work_on
from tracker.work.waiting import WorkOf, waiting
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PIXELS", 2)


def wanted(campaign: Campaign | None = None, *, is_trial: bool = False) -> Work:
    form_id = secrets.token_hex(16)
    return begin(Work.Kind.REJUDGE, form_id=form_id, campaign=campaign, is_trial=is_trial)[0]


def unjudged(count: int = 6) -> Campaign:
    campaign = make_campaign(*emails(count))
    write_hits([make_hit(pixel.pk, user_agent=BROWSER) for pixel in pixels_of(campaign)])
    forget_verdicts()
    return campaign


def stop_after(steps: int) -> Callable[[], bool]:
    """True from that question on: it is asked once a step, and once for the patterns."""
    asked = iter([False] * steps)
    return lambda: next(asked, True)


def result_of(work: Work) -> dict[str, tuple[int, int]]:
    work.refresh_from_db()
    (one,) = by_campaign(work.result)
    return {row.verdict.value: (row.before, row.after) for row in one.rows}


def test_opens_are_judged_again_and_the_result_says_what_changed() -> None:
    campaign = unjudged()
    work = work_on(wanted().pk, DOINGS)
    assert work is not None
    assert (work.state, work.done, work.total) == (Work.State.DONE, 6, 6)
    assert result_of(work) == {"unknown": (6, 0), "human_client": (0, 6)}
    assert (work.result["judged"], work.result["changed"], work.result["is_mixed"]) == (6, 6, False)
    assert counts_of(campaign).human_client_opens == 6
    assert verify().drift == 0
    assert work_on(work.pk, DOINGS) is None


def test_a_trial_tells_the_same_and_changes_nothing() -> None:
    campaign = unjudged()
    work = work_on(wanted(campaign, is_trial=True).pk, DOINGS)
    assert work is not None
    assert result_of(work) == {"unknown": (6, 0), "human_client": (0, 6)}
    assert counts_of(campaign).unknown_opens == 6


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("is_trial", [False, True])
def test_who_goes_on_begins_where_the_last_one_stood(is_trial: bool) -> None:
    campaign = unjudged()
    work = wanted(campaign, is_trial=is_trial)
    with pytest.raises(InterruptedWorkError):
        work_on(work.pk, DOINGS, must_stop=stop_after(2))
    work.refresh_from_db()
    assert (work.state, work.done, work.total) == (Work.State.WORKING, 4, 6)
    assert counts_of(campaign).human_client_opens == (0 if is_trial else 4)
    assert verify().drift == 0
    done = work_on(work.pk, DOINGS)
    assert done is not None
    assert (done.state, done.done, done.resumed_done) == (Work.State.DONE, 6, 4)
    # Nothing was judged twice, or the second time it would have stood as it was.
    assert result_of(done) == {"unknown": (6, 0), "human_client": (0, 6)}


@pytest.mark.usefixtures("small_steps")
def test_a_step_whose_progress_is_not_kept_is_not_kept_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = unjudged()
    work = wanted()
    real = lease.advance

    def refused(work: Work, **progress: Any) -> None:
        real(work, **progress)
        if progress.get("done") == 4:
            raise OperationalError("the database went away")

    monkeypatch.setattr("tracker.judging.long_walk.advance", refused)
    with pytest.raises(OperationalError):
        work_on(work.pk, DOINGS)
    assert counts_of(campaign).human_client_opens == 2
    monkeypatch.setattr("tracker.judging.long_walk.advance", real)
    work_on(work.pk, DOINGS)
    assert result_of(work) == {"unknown": (6, 0), "human_client": (0, 6)}


@pytest.mark.usefixtures("small_steps")
def test_cancelled_while_it_runs_it_ends_with_the_step_at_hand_and_keeps_what_it_told() -> None:
    campaign = unjudged()
    work = wanted()
    asked: list[bool] = []

    def cancelled_after_a_step() -> bool:
        asked.append(True)
        if len(asked) == 2:
            assert cancel(work)
        return False

    done = work_on(work.pk, DOINGS, must_stop=cancelled_after_a_step)
    assert done is not None
    assert done.state == Work.State.CANCELLED
    assert result_of(work)["human_client"] == (0, 2)
    assert counts_of(campaign).human_client_opens == 2
    assert verify().drift == 0
    assert not cancel(work)


def test_cancelled_before_anybody_came_for_it_it_is_over_at_once() -> None:
    unjudged()
    work = wanted()
    assert cancel(work)
    work.refresh_from_db()
    assert work.state == Work.State.CANCELLED
    assert work_on(work.pk, DOINGS) is None


@pytest.mark.usefixtures("small_steps")
def test_a_process_that_was_frozen_commits_nothing_after_another_has_taken_over() -> None:
    campaign = unjudged()
    work = wanted()

    def taken_over() -> bool:
        Work.objects.filter(pk=work.pk).update(lease_owner="another")
        return False

    with pytest.raises(LostLeaseError):
        work_on(work.pk, DOINGS, must_stop=taken_over)
    assert counts_of(campaign).human_client_opens in (0, 2)
    work.refresh_from_db()
    assert (work.lease_owner, work.state) == ("another", Work.State.WORKING)


def test_two_processes_do_not_do_the_same_work() -> None:
    unjudged()
    work = wanted()
    with lease.claimed(work.pk) as mine:
        assert mine is not None
        assert lease.is_worked_on(work)
        assert work_on(work.pk, DOINGS) is None
        assert waiting([Work.Kind.REJUDGE]) == []
        assert not WorkOf(Work.Kind.REJUDGE).command()
    assert not lease.is_worked_on(work)
    assert list(WorkOf(Work.Kind.REJUDGE).command()) == ["work", "rejudge"]


def test_fan_outs_are_found_before_anything_is_judged_and_once() -> None:
    campaign = make_campaign(*(f"r{n}@firm{n}.example" for n in range(12)))
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/149.0.0.0 Safari/537.36"
    write_hits(
        [
            make_hit(pixel.pk, at=NOON + n * SECOND, ip="198.51.100.9", user_agent=agent)
            for n, pixel in enumerate(pixels_of(campaign))
        ]
    )
    work_on(wanted(is_trial=True).pk, DOINGS)
    assert not FanOut.objects.exists()
    trial = Work.objects.latest("pk")
    work_on(wanted().pk, DOINGS)
    assert FanOut.objects.exists()
    real = Work.objects.latest("pk")
    assert result_of(trial) == result_of(real)
    assert set(Open.objects.values_list("verdict", flat=True)) == {Verdict.SECURITY_SCANNER.number}


def test_a_fault_is_told_and_a_process_that_dies_again_and_again_is_not_started_for_ever() -> None:
    def broken(work: Work, pause: Any) -> None:
        raise ZeroDivisionError

    work = wanted()
    done = work_on(work.pk, {Work.Kind.REJUDGE: Doing(broken)})
    assert done is not None
    assert (done.state, done.fault) == (Work.State.FAILED, Work.Fault.UNEXPECTED)
    again = wanted()
    Work.objects.filter(pk=again.pk).update(attempts=run.MOST_ATTEMPTS)
    done = work_on(again.pk, {Work.Kind.REJUDGE: Doing(broken)})
    assert done is not None
    assert (done.state, done.fault) == (Work.State.FAILED, Work.Fault.DIED)


def test_the_sum_over_steps_is_the_sum_of_what_they_told() -> None:
    one = Outcome(3, 1, Counter({(1, 4): 2, (2, 4): 1}), Counter({(1, 4): 1, (1, 6): 1, (2, 4): 1}))
    result: dict[str, Any] = {}
    for _ in range(3):
        result = added(result, one)
    assert result == {
        "judged": 9,
        "changed": 3,
        "campaigns": {"1": {"4": (6, 3), "6": (0, 3)}, "2": {"4": (3, 3)}},
    }
