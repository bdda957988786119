from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import counts_of, make_campaign, make_hit, pixels_of
from tests.tracker.judging.test_again import BROWSER
from tracker.judging.lately import Lately
from tracker.judging.recent import judge_recent
from tracker.models import Open, Ruling
from tracker.recount import verify
from tracker.verdicts import Verdict
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

NOON = 1_770_000_000_000_000 // 900_000_000 * 900_000_000
SECOND = 1_000_000
AT_NOON = datetime.fromtimestamp(NOON / 1e6, UTC)


def test_a_burst_that_began_before_the_last_look_is_seen_whole() -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    for second, ip in ((-20, "192.0.2.1"), (-10, "198.51.100.1"), (5, "203.0.113.1")):
        write_hits([make_hit(pixel.pk, at=NOON + second * SECOND, ip=ip, user_agent=BROWSER)])
    outcome = judge_recent(AT_NOON, AT_NOON + timedelta(minutes=1))
    assert outcome.changed == 3
    assert counts_of(campaign).security_scanner_opens == 3
    assert verify().drift == 0


def test_a_fan_out_is_seen_and_ordinary_opens_are_left_alone() -> None:
    campaign = make_campaign(*[f"a@d{n}.example" for n in range(14)])
    pixels = pixels_of(campaign)
    for place, pixel in enumerate(pixels[:12]):
        write_hits(
            [make_hit(pixel.pk, at=NOON + place * SECOND, ip="203.0.113.9", user_agent=BROWSER)]
        )
    write_hits([make_hit(pixels[12].pk, at=NOON, ip="192.0.2.1")])
    outcome = judge_recent(AT_NOON, AT_NOON + timedelta(minutes=1))
    assert (outcome.judged, outcome.changed) == (12, 12)
    assert counts_of(campaign).unique_human_opens == 1


def test_a_ruling_reaches_opens_that_came_after_it() -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    one, other = pixels_of(campaign)
    Ruling.objects.create(network="192.0.2.0/24", verdict=Verdict.BOT.number)
    write_hits([make_hit(one.pk, at=NOON, ip="192.0.2.1")])
    write_hits([make_hit(other.pk, at=NOON, ip="198.51.100.1")])
    assert judge_recent(AT_NOON, AT_NOON + timedelta(minutes=1)).changed == 1
    assert (counts_of(campaign).bot_opens, counts_of(campaign).human_client_opens) == (1, 1)


def test_a_look_that_failed_is_made_up_for_by_the_next(monkeypatch: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    lately = Lately()
    lately.judge()
    now = time.time_ns() // 1000
    for second, ip in ((-9, "192.0.2.1"), (-6, "198.51.100.1"), (-3, "203.0.113.1")):
        write_hits([make_hit(pixel.pk, at=now + second * SECOND, ip=ip, user_agent=BROWSER)])
    with monkeypatch.context() as broken:
        broken.setattr("tracker.judging.lately.recent_pixels", refuse)
        with pytest.raises(RuntimeError):
            lately.judge()
    lately.judge()
    assert set(Open.objects.values_list("verdict", flat=True)) == {Verdict.SECURITY_SCANNER.number}


def test_what_there_was_no_time_for_is_judged_at_the_next_look(monkeypatch: Any) -> None:
    monkeypatch.setattr("tracker.judging.recent.PIXELS", 1)
    monkeypatch.setattr("tracker.judging.lately.WITHIN", -1.0)
    campaign = make_campaign("a@example.com", "b@example.com", "c@example.com")
    now = time.time_ns() // 1000
    for pixel in pixels_of(campaign):
        for second, ip in ((-9, "192.0.2.1"), (-6, "198.51.100.1"), (-3, "203.0.113.1")):
            write_hits([make_hit(pixel.pk, at=now + second * SECOND, ip=ip, user_agent=BROWSER)])
    lately = Lately()
    for judged in (3, 6, 9, 9):
        lately.judge()
        assert counts_of(campaign).security_scanner_opens == judged
    assert verify().drift == 0


def test_a_failure_while_judging_is_made_up_for_by_the_next(monkeypatch: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    lately = Lately()
    now = time.time_ns() // 1000
    for second, ip in ((-9, "192.0.2.1"), (-6, "198.51.100.1"), (-3, "203.0.113.1")):
        write_hits([make_hit(pixel.pk, at=now + second * SECOND, ip=ip, user_agent=BROWSER)])
    with monkeypatch.context() as broken:
        broken.setattr("tracker.judging.lately.judge_pixels", refuse)
        with pytest.raises(RuntimeError):
            lately.judge()
    lately.judge()
    assert counts_of(campaign).security_scanner_opens == 3


def refuse(*moments: object, **options: object) -> None:
    raise RuntimeError("the database is away")
