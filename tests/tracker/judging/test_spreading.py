from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import counts_of, emails, make_campaign, make_hit, pixels_of
from tracker.judging import spreading
from tracker.judging.by_hand import take_back
from tracker.judging.spreading import spread_rulings
from tracker.models import Ruling, UserAgent
from tracker.recount import verify
from tracker.verdicts import Verdict
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")


@pytest.fixture
def campaign() -> Any:
    """Three people opened in one office's network, one elsewhere."""
    campaign = make_campaign(*emails(4))
    addresses = ("203.0.113.5", "203.0.113.77", "2001:db8::1", "198.51.100.9")
    for pixel, address in zip(pixels_of(campaign), addresses, strict=True):
        write_hits([make_hit(pixel.pk, ip=address, user_agent=f"curl/{pixel.pk % 2}")])
    assert counts_of(campaign).unique_human_opens == 0
    return campaign


def about_network(network: str) -> Ruling:
    return Ruling.objects.create(network=network, verdict=Verdict.HUMAN_CLIENT.number)


def test_a_ruling_about_a_network_reaches_every_earlier_open_in_it(campaign: Any) -> None:
    ruling = about_network("203.0.113.0/24")
    assert spread_rulings().changed == 2
    assert counts_of(campaign).unique_human_opens == 2
    assert verify().drift == 0
    ruling.refresh_from_db()
    assert ruling.spread_at is not None
    assert spread_rulings().judged == 0


def test_a_ruling_about_a_newer_kind_of_address_leaves_others_alone(campaign: Any) -> None:
    about_network("2001:db8::/48")
    assert spread_rulings().changed == 1


def test_a_ruling_about_an_agent_reaches_every_earlier_open_with_it(campaign: Any) -> None:
    agent = UserAgent.objects.get(text="curl/0")
    Ruling.objects.create(user_agent=agent, verdict=Verdict.HUMAN_CLIENT.number)
    assert spread_rulings().changed == 2
    assert counts_of(campaign).unique_human_opens == 2


def test_one_that_is_taken_back_is_undone_everywhere_and_then_gone(campaign: Any) -> None:
    ruling = about_network("203.0.113.0/24")
    spread_rulings()
    take_back(ruling, pixels_of(campaign)[0].pk)
    assert counts_of(campaign).unique_human_opens == 1  # the one that was looked at, at once
    spread_rulings()
    assert counts_of(campaign).unique_human_opens == 0
    assert not Ruling.objects.exists()
    assert verify().drift == 0


def test_one_that_is_taken_back_before_it_spread_holds_for_nobody(campaign: Any) -> None:
    ruling = about_network("0.0.0.0/0")
    take_back(ruling, pixels_of(campaign)[0].pk)
    assert spread_rulings().changed == 0
    assert not Ruling.objects.exists()


def test_a_run_that_is_out_of_time_goes_on_where_it_stood(campaign: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(spreading, "PIXELS", 1)
    about_network("0.0.0.0/0")
    judged = [spread_rulings(within=-1).judged for _ in range(4)]
    assert judged == [1, 1, 1, 0]
    assert counts_of(campaign).unique_human_opens == 3
    assert Ruling.objects.get().spread_at is not None
