"""How much of a hit is stored, and what a client's own signal makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.conftest import counts_of, make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_choices import SECRET_ADDRESS, SECRET_AGENT, rows_with, secret_hit
from tests.tracker.test_writer import AGENTS
from tracker.addresses import may_be_truncated, truncated
from tracker.ceiling import Ceiling
from tracker.hits import Hit, HitReader, Outcome, Signals
from tracker.judging.walk import rejudge
from tracker.models import Open, UniqueOpen, UserAgent
from tracker.proxies import TrustedProxies
from tracker.recount import verify
from tracker.snippets import pixel_url
from tracker.tokens import Tokens
from tracker.verdicts import RULES_VERSION
from tracker.writer import write_hits

TOKENS = Tokens("k" * 32)


def read(signals: str, **headers: str) -> Hit | Outcome:
    reader = HitReader(TOKENS, TrustedProxies(), Ceiling(0), Signals(signals))
    lowered = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return reader.read("GET", TOKENS.make(7), lowered, peer="192.0.2.1")


@pytest.mark.parametrize("headers", [{"sec_gpc": "1"}, {"dnt": "1"}, {"sec_gpc": "1", "dnt": "0"}])
def test_a_signal_is_honoured_as_the_setting_says(headers: dict[str, str]) -> None:
    ignored, hidden = read("ignore", **headers), read("anonymous", **headers)
    assert isinstance(ignored, Hit)
    assert isinstance(hidden, Hit)
    assert (ignored.is_anonymous, hidden.is_anonymous) == (False, True)
    assert read("off", **headers) is Outcome.OBJECTED


@pytest.mark.parametrize("headers", [{}, {"sec_gpc": "0"}, {"dnt": "0"}, {"dnt": "null"}])
def test_without_a_signal_a_hit_is_as_ever(headers: dict[str, str]) -> None:
    for signals in Signals:
        hit = read(signals, **headers)
        assert isinstance(hit, Hit)
        assert not hit.is_anonymous


@pytest.mark.usefixtures("real_db")
def test_the_signal_of_a_request_reaches_the_database(settings: Any) -> None:
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    path = pixel_url(pixel.pk).removeprefix(settings.PUBLIC_URL)
    headers = {"sec-gpc": "1", "user-agent": SECRET_AGENT}
    settings.PRIVACY_SIGNALS = "off"
    assert Client().get(path, headers=headers).status_code == 200
    assert not Open.objects.exists()
    settings.PRIVACY_SIGNALS = "anonymous"
    Client().get(path, headers=headers, REMOTE_ADDR=SECRET_ADDRESS)
    assert rows_with(SECRET_ADDRESS, SECRET_AGENT) == []
    assert (counts_of(campaign).opens, counts_of(campaign).unique_human_opens) == (1, 1)
    assert verify().drift == 0


@pytest.mark.parametrize(
    ("address", "short"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1234:5678::9", "2001:db8:1234::"),
        ("::ffff:203.0.113.77", "::"),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_addresses_are_cut_to_24_and_48_bits(address: str, short: str) -> None:
    assert truncated(address) == short
    assert may_be_truncated(short)
    assert not may_be_truncated(address)
    assert truncated(None) is None


@pytest.mark.usefixtures("real_db")
def test_what_is_not_to_be_kept_is_judged_by_and_then_not_stored(settings: Any) -> None:
    settings.KEEP_ADDRESS, settings.KEEP_AGENT = "truncated", "none"
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    write_hits([secret_hit(pixel.pk)])
    (stored,) = Open.objects.all()
    assert (stored.ip, stored.user_agent) == ("203.0.113.0", None)
    assert UniqueOpen.objects.get().last_ip == "203.0.113.0"
    assert not UserAgent.objects.exists()
    assert counts_of(campaign).unique_human_opens == 1
    assert rows_with(SECRET_ADDRESS, SECRET_AGENT) == []


@pytest.mark.usefixtures("real_db")
@pytest.mark.parametrize("kept", ["truncated", "none"])
def test_judging_again_changes_no_verdict_whose_evidence_is_gone(settings: Any, kept: str) -> None:
    settings.KEEP_ADDRESS = kept
    campaign = make_campaign("a@example.com")
    (pixel,) = pixels_of(campaign)
    # Apple's own address decides: without it nobody could tell.
    write_hits([make_hit(pixel.pk, ip="17.58.101.179", user_agent="Mozilla/5.0")])
    (before,) = Open.objects.values_list("verdict", "rule", "ip")
    write_hits([make_hit(pixel.pk, ip="203.0.113.9", user_agent=AGENTS["unknown"])])
    totals = counts_of(campaign).by_verdict
    Open.objects.update(rules_version=RULES_VERSION - 1)
    outcome, _ = rejudge()
    assert outcome.changed == 0
    assert Open.objects.order_by("pk").values_list("verdict", "rule", "ip")[0] == before
    assert before[2] == ("17.58.101.0" if kept == "truncated" else None)
    assert counts_of(campaign).by_verdict == totals
