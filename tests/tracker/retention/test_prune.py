from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tracker.judging.walk import rejudge
from tracker.models import (
    CampaignCounts,
    Horizon,
    Open,
    Pixel,
    QuarterHourCounts,
    RemovedOpens,
    UniqueOpen,
)
from tracker.quarters import EPOCH
from tracker.recount import repair, verify
from tracker.retention.evidence import remove_evidence
from tracker.retention.months import month_of, months_later
from tracker.retention.removal import remove_opens
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
SCANNER = "Mozilla/5.0 (Windows NT 10.0) Barracuda/5.0 link scanner"


TABLES: tuple[Any, ...] = (
    Open,
    UniqueOpen,
    QuarterHourCounts,
    RemovedOpens,
    CampaignCounts,
    Pixel,
    Horizon,
)


def at(moment: datetime) -> int:
    return int((moment - EPOCH) / timedelta(microseconds=1))


def figures(campaign: Any) -> list[Any]:
    """All that a report reads."""
    counts = {key: value for key, value in vars(counts_of(campaign)).items() if key[0] != "_"}
    quarters = QuarterHourCounts.objects.filter(campaign=campaign).order_by("starts_at")
    states = UniqueOpen.objects.filter(campaign=campaign).order_by("pk")
    return [
        counts,
        list(quarters.values()),
        list(states.values("pk", "open_count", "first_opened_at", "verdict")),
    ]


@pytest.fixture
def campaign() -> Any:
    campaign = make_campaign(*emails(4))
    one, other, third, _ = pixels_of(campaign)
    write_hits(
        [
            make_hit(one.pk, at=at(JUNE - timedelta(days=40))),
            make_hit(one.pk, at=at(JUNE - timedelta(seconds=1)), user_agent=SCANNER),
            make_hit(one.pk, at=at(JUNE)),
            make_hit(other.pk, at=at(JUNE - timedelta(days=20))),
            make_hit(third.pk, at=at(JUNE + timedelta(days=3)), ip="198.51.100.7"),
        ]
    )
    return campaign


def test_opens_before_the_month_go_and_every_figure_stays(campaign: Any) -> None:
    before = figures(campaign)
    assert remove_opens(JUNE) == 3
    assert min(Open.objects.values_list("opened_at", flat=True)) == JUNE
    assert figures(campaign) == before
    assert verify().drift == 0
    removed = RemovedOpens.objects.get(campaign=campaign)
    assert removed.human_client_opens + removed.bot_opens + removed.security_scanner_opens == 3


def test_a_hit_that_the_spool_brings_after_its_month_was_removed_is_counted(campaign: Any) -> None:
    remove_opens(JUNE)
    write_hits([make_hit(pixels_of(campaign)[3].pk, at=at(JUNE - timedelta(days=5)))])
    assert counts_of(campaign).opens == 6
    assert verify().drift == 0
    assert remove_opens(JUNE) == 1
    assert counts_of(campaign).opens == 6
    assert verify().drift == 0


def test_judging_again_leaves_alone_what_it_no_longer_sees_whole(campaign: Any) -> None:
    remove_opens(JUNE)
    before = figures(campaign)
    rejudge(None)
    assert figures(campaign) == before
    assert verify().drift == 0


def test_evidence_goes_and_verdicts_stay_when_judged_again(campaign: Any) -> None:
    verdicts = list(Open.objects.order_by("pk").values_list("pk", "verdict", "rule"))
    before = figures(campaign)
    assert remove_evidence(JUNE) == 3
    thin = Open.objects.filter(opened_at__lt=JUNE)
    assert not thin.exclude(ip=None, user_agent=None).exists()
    assert Open.objects.exclude(ip=None).count() == 2
    rejudge(None)
    assert list(Open.objects.order_by("pk").values_list("pk", "verdict", "rule")) == verdicts
    assert figures(campaign) == before
    assert verify().drift == 0


def test_what_unique_opens_repeat_of_old_evidence_goes_with_it(campaign: Any) -> None:
    one, other, *_ = pixels_of(campaign)
    remove_evidence(JUNE)
    old, new = UniqueOpen.objects.get(pixel=other), UniqueOpen.objects.get(pixel=one)
    assert (old.last_ip, old.last_user_agent_id) == (None, None)
    assert new.last_ip == "192.0.2.1"


def test_removing_evidence_twice_changes_nothing_more(campaign: Any) -> None:
    remove_evidence(JUNE)
    assert remove_evidence(JUNE) == 0


def test_repair_knows_of_removed_opens(campaign: Any) -> None:
    before = figures(campaign)
    remove_opens(JUNE)
    counts = counts_of(campaign)
    counts.opens += 3
    counts.human_client_opens += 7
    counts.unique_opens = 0
    counts.save()
    QuarterHourCounts.objects.filter(starts_at__gte=JUNE).update(opens=9)
    found = verify()
    assert found.drift > 0
    repair(found)
    assert verify().drift == 0
    assert figures(campaign)[0] == before[0]


def test_drift_among_what_remains_is_found(campaign: Any) -> None:
    remove_opens(JUNE)
    one = pixels_of(campaign)[0]
    UniqueOpen.objects.filter(pixel=one).update(open_count=0 + 1, last_opened_at=JUNE)
    write_hits([make_hit(one.pk, at=at(JUNE + timedelta(days=9)))])
    assert verify().drifted_campaigns == [campaign.pk]
    UniqueOpen.objects.filter(pixel=one).update(last_opened_at=JUNE)
    assert verify().drifted_pixels == [one.pk]


MOMENTS = st.integers(0, 90 * 86_400).map(lambda seconds: JUNE + timedelta(seconds=seconds - 5e6))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), MOMENTS, st.sampled_from(["", SCANNER])), max_size=25),
    st.lists(st.sampled_from(["opens", "evidence", "judge", "hits"]), max_size=6),
    st.randoms(use_true_random=False),
)
def test_whatever_is_removed_and_recorded_in_any_order_there_is_no_drift(
    hits: list[tuple[int, datetime, str]], steps: list[str], random: Any
) -> None:
    for model in (
        Open,
        UniqueOpen,
        QuarterHourCounts,
        RemovedOpens,
        CampaignCounts,
        Pixel,
        Horizon,
    ):
        model.objects.all().delete()
    campaign = make_campaign(*emails(4))
    pixels = pixels_of(campaign)
    made = [make_hit(pixels[n].pk, at=at(when), user_agent=agent) for n, when, agent in hits]
    first, later = made[: len(made) // 2], made[len(made) // 2 :]
    write_hits(first)
    for step in [*steps, "hits"]:
        quarter = JUNE + timedelta(minutes=15 * random.randrange(-3000, 3000))
        if step == "opens":
            remove_opens(month_of(quarter))
        elif step == "evidence":
            remove_evidence(quarter)
        elif step == "judge":
            rejudge(None)
        else:
            # Each comes once: a hit whose open was removed is not recognised any more.
            write_hits(later)
            later = []
        assert verify().drift == 0, step
    assert counts_of(campaign).opens == len(made)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("prune", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_tells_first_and_does_the_same_then(campaign: Any) -> None:
    this_month = month_of(datetime.now(UTC))
    ago = (this_month.year - 2026) * 12 + this_month.month - 6
    told = run("--opens-months", str(ago), "--evidence-months", str(ago), "--dry-run")
    assert "3 opens would be removed" in told
    assert Open.objects.count() == 5
    done = run("--opens-months", str(ago), "--evidence-months", str(ago))
    assert "3 opens were removed" in done
    assert Open.objects.count() == 2


def test_without_a_limit_the_command_says_how_to_give_one() -> None:
    assert "KEEP_OPENS_MONTHS" in run()


def test_negative_months_are_refused() -> None:
    with pytest.raises(CommandError, match="whole numbers"):
        run("--opens-months", "-1")


@pytest.mark.parametrize("which", ["--evidence-months", "--opens-months"])
def test_more_months_than_there_were_keep_everything(campaign: Any, which: str) -> None:
    assert run(which, "99999999").splitlines() == [
        "0 opens lost address and user agent.",
        "0 opens were removed. Counts and rates stay.",
    ]


def test_opens_go_in_steps_as_long_as_quarters(campaign: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("tracker.retention.removal.STEP", 1)
    before = figures(campaign)
    assert remove_opens(months_later(JUNE, 1)) == 5
    assert verify().drift == 0
    assert figures(campaign) == before
