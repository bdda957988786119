"""A pixel with very many opens: the same verdicts and counts, window by window."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import emails, make_campaign, make_hit, pixels_of
from tests.tracker.judging.test_again import BROWSER, forget_verdicts
from tests.tracker.test_writer import AGENTS
from tracker.judging import again, windows
from tracker.judging.again import JudgeAgain
from tracker.judging.recent import judge_recent
from tracker.models import (
    CampaignCounts,
    FanOut,
    Open,
    Pixel,
    QuarterHourCounts,
    Ruling,
    UniqueOpen,
)
from tracker.recount import verify
from tracker.verdicts import Verdict
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

NOON = 1_770_000_000_000_000 // 900_000_000 * 900_000_000
SECOND = 1_000_000
AT_NOON = datetime.fromtimestamp(NOON / 1e6, UTC)
NETWORKS = [f"192.0.{n}.1" for n in range(4)]

# (of which pixel, at which second, with which agent, from where)
Came = tuple[int, int, str, str]
came = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1]),
        st.integers(0, 240),
        st.sampled_from([BROWSER, BROWSER, *AGENTS.values()]),
        st.sampled_from(NETWORKS),
    ),
    min_size=1,
    max_size=25,
)
ruled = st.one_of(st.none(), st.tuples(st.sampled_from(NETWORKS), st.sampled_from(list(Verdict))))
hardly_ever = settings(max_examples=40, deadline=None)


def begin_anew() -> list[Pixel]:
    for table in (Ruling, FanOut, Open, UniqueOpen, QuarterHourCounts, CampaignCounts, Pixel):
        table.objects.all().delete()
    return pixels_of(make_campaign(*emails(2)))


def write(pixels: list[Pixel], opens: list[Came]) -> None:
    hits = [
        make_hit(pixels[pixel].pk, at=NOON + second * SECOND, ip=ip, user_agent=agent)
        for pixel, second, agent, ip in opens
    ]
    if hits:
        write_hits(hits)


def everything(pixels: list[Pixel]) -> list[Any]:
    """All that judging may change; pixels by their place."""
    places = {pixel.pk: place for place, pixel in enumerate(pixels)}
    assert verify().drift == 0
    opens = Open.objects.values_list("pixel", "opened_at", "ip", "user_agent__text")
    unique = UniqueOpen.objects.order_by("pk").values_list(
        "verdict", "first_human_opened_at", "human_open_count"
    )
    counts = CampaignCounts.objects.get()
    quarters = QuarterHourCounts.objects.order_by("starts_at")
    return [
        sorted((places[pixel], *rest) for pixel, *rest in opens.values_list(*OF_AN_OPEN)),
        list(unique),
        counts.by_verdict,
        (counts.unique_human_opens, counts.unique_unknown_opens, counts.unique_prefetch_opens),
        list(quarters.values_list("starts_at", "human_opens", "unique_human_opens")),
    ]


OF_AN_OPEN = ("pixel", "opened_at", "ip", "user_agent__text", "verdict", "rule", "rules_version")


@given(opens=came, ruling=ruled, many=st.integers(1, 4))
@hardly_ever
def test_windows_judge_as_if_all_opens_were_read_at_once(
    opens: list[Came], ruling: tuple[str, Verdict] | None, many: int
) -> None:
    pixels = begin_anew()
    write(pixels, opens)
    if ruling:
        Ruling.objects.create(network=f"{ruling[0]}/32", verdict=ruling[1].number)
    results = []
    for bound in (1_000, many):
        forget_verdicts()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(windows, "MANY", bound)
            JudgeAgain().pixels([pixel.pk for pixel in pixels])
        results.append(everything(pixels))
    assert results[0] == results[1]


@given(
    opens=came, looks=st.lists(st.integers(0, 300), min_size=1, max_size=4), many=st.integers(1, 4)
)
@hardly_ever
def test_looking_at_what_is_new_only_ends_as_looking_at_all_of_it(
    opens: list[Came], looks: list[int], many: int
) -> None:
    results = []
    for bound in (1_000, many):
        pixels = begin_anew()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(windows, "MANY", bound)
            before = 0
            for now in [*sorted(looks), 301]:
                write(pixels, [one for one in opens if before <= one[1] < now])
                judge_recent(AT_NOON + timedelta(seconds=before), AT_NOON + timedelta(seconds=now))
                assert verify().drift == 0
                before = now
        results.append(everything(pixels))
    assert results[0] == results[1]


def looped(pixel: Pixel, opens: int, *, begin: int = 0) -> None:
    """A loop over three networks, ten fetches a second."""
    write_hits(
        [
            make_hit(
                pixel.pk,
                at=NOON + (begin * 10 + number) * SECOND // 10,
                ip=NETWORKS[number % 3],
                user_agent=BROWSER,
            )
            for number in range(opens)
        ]
    )


def test_a_loop_is_judged_each_minute_without_what_was_judged_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "MANY", 100)
    pixel = begin_anew()[0]
    looped(pixel, 2_000)
    then = AT_NOON + timedelta(seconds=200)
    assert judge_recent(AT_NOON, then).judged == 2_000
    looped(pixel, 600, begin=200)
    outcome = judge_recent(then, then + timedelta(minutes=1))
    # The new minute, and what the rule and a slow commit may reach back to.
    assert (outcome.judged, outcome.changed) == (600 + 900, 600)
    assert set(Open.objects.values_list("verdict", flat=True)) == {Verdict.SECURITY_SCANNER.number}
    assert verify().drift == 0


def test_memory_does_not_grow_with_the_opens_of_a_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MANY", 200)
    monkeypatch.setattr(windows, "READ_AT_ONCE", 100)
    peaks = []
    # The first time warms up.
    for opens in (800, 800, 3_200):
        pixel = begin_anew()[0]
        looped(pixel, opens)
        forget_verdicts()
        judge = JudgeAgain()
        tracemalloc.start()
        try:
            assert judge.pixels([pixel.pk]).changed == opens
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # All at once would take four times as much.
    assert peaks[2] < 2 * peaks[1]


def test_opens_of_one_moment_are_never_torn_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MANY", 2)
    pixels = begin_anew()
    write(pixels, [(0, 7, BROWSER, NETWORKS[number % 2]) for number in range(9)])
    write(pixels, [(0, 8, BROWSER, NETWORKS[2])])
    assert JudgeAgain().pixels([pixels[0].pk]).judged == 10
    assert set(Open.objects.values_list("verdict", flat=True)) == {Verdict.SECURITY_SCANNER.number}
    assert verify().drift == 0


def test_agents_that_are_driven_out_are_learnt_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "AGENTS_REMEMBERED", 1)
    pixels = begin_anew()
    judge = JudgeAgain()
    for second in range(3):
        write(pixels, [(0, second, f"{BROWSER} {n}", NETWORKS[0]) for n in range(second + 2)])
        judge.pixels([pixels[0].pk])
    assert set(Open.objects.values_list("verdict", flat=True)) == {Verdict.HUMAN_CLIENT.number}


def test_between_two_windows_the_first_person_is_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "MANY", 3)
    pixels = begin_anew()
    write(pixels, [(0, second, BROWSER, NETWORKS[second]) for second in range(3)])
    write(pixels, [(0, 100, AGENTS["bot"], NETWORKS[0]), (0, 200, BROWSER, NETWORKS[0])])
    outcome, end = JudgeAgain()._window(pixels[0].pk, AT_NOON)
    assert (outcome.changed, end) == (3, AT_NOON + timedelta(seconds=100))
    unique = UniqueOpen.objects.get(pk=pixels[0].pk)
    assert unique.first_human_opened_at == AT_NOON + timedelta(seconds=200)
    assert verify().drift == 0


def test_the_best_that_is_left_is_looked_for_in_all_other_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "MANY", 3)
    pixels = begin_anew()
    write(pixels, [(0, 0, AGENTS["image_proxy_on_open"], NETWORKS[0])])
    write(pixels, [(0, 100 + second, BROWSER, NETWORKS[second]) for second in range(3)])
    since = AT_NOON + timedelta(seconds=100)
    JudgeAgain().pixels([pixels[0].pk], since={pixels[0].pk: since})
    unique = UniqueOpen.objects.get(pk=pixels[0].pk)
    assert unique.verdict == Verdict.IMAGE_PROXY_ON_OPEN.number
    assert unique.first_human_opened_at == AT_NOON
    assert verify().drift == 0


def test_a_fetch_that_goes_on_a_burst_seen_before_belongs_to_it() -> None:
    pixels = begin_anew()
    write(pixels, [(0, second, BROWSER, NETWORKS[second]) for second in range(3)])
    seen = AT_NOON + timedelta(seconds=5)
    assert judge_recent(AT_NOON, seen).changed == 3
    write(pixels, [(0, 10, BROWSER, NETWORKS[3])])
    assert judge_recent(seen, seen + timedelta(minutes=1)).changed == 1
    assert set(Open.objects.values_list("verdict", flat=True)) == {Verdict.SECURITY_SCANNER.number}
