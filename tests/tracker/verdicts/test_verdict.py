from __future__ import annotations

import pytest

from tracker.verdicts import RULE_BY_ID, RULE_BY_NUMBER, RULES, Verdict
from tracker.verdicts.verdict import LEAST_HUMAN, NUMBERS


def test_the_numbers_in_the_database_stay_what_they_are() -> None:
    assert {verdict.value: verdict.number for verdict in Verdict} == {
        "bot": 1,
        "security_scanner": 2,
        "privacy_prefetch": 3,
        "unknown": 4,
        "image_proxy_on_open": 5,
        "human_client": 6,
    }
    assert [Verdict.of_number(verdict.number) for verdict in Verdict] == list(Verdict)


def test_the_rules_numbers_in_the_database_stay_what_they_are() -> None:
    assert {rule.number: rule.id for rule in RULES} == {
        1: "not-a-get",
        2: "says-prefetch",
        3: "gmail-proxy",
        4: "gmail-proxy-elsewhere",
        5: "mail-proxy",
        6: "rare-mail-proxy",
        7: "gmail-prefetch",
        8: "gmail-prefetch-agent",
        9: "apple-privacy",
        10: "scanner-agent",
        11: "scanner-network",
        12: "bare-mozilla",
        13: "impossible-agent",
        14: "unfurler",
        15: "crawler",
        16: "monitor",
        17: "automated-browser",
        18: "library",
        19: "mail-client",
        20: "like-a-bot",
        21: "frozen-browser",
        22: "mail-view",
        23: "browser",
        24: "no-agent",
        25: "nothing-known",
        26: "burst",
        27: "fan-out",
        28: "by-hand",
        29: "mail-ru-proxy",
        30: "content-network",
        31: "unlisted-mail-client",
        32: "old-browser",
    }
    assert all(RULE_BY_NUMBER[rule.number] is RULE_BY_ID[rule.id] is rule for rule in RULES)


@pytest.mark.parametrize("verdict", Verdict)
def test_an_open_is_human_or_machine_or_unknown(verdict: Verdict) -> None:
    assert verdict.is_human + verdict.is_machine + (verdict is Verdict.UNKNOWN) == 1


@pytest.mark.parametrize("verdict", Verdict)
def test_the_human_verdicts_are_the_largest_numbers(verdict: Verdict) -> None:
    assert verdict.is_human == (NUMBERS[verdict] >= LEAST_HUMAN)


def test_a_rule_says_a_sentence_and_where_it_was_learnt() -> None:
    for rule in RULES:
        assert rule.sentence[0].isupper(), rule.id
        assert rule.sentence.endswith("."), rule.id
        assert rule.source, rule.id
        assert rule.id == rule.id.lower().replace("_", "-").replace(" ", "-")


def test_only_a_persons_own_rule_leaves_the_verdict_open() -> None:
    assert [rule.id for rule in RULES if rule.verdict is None] == ["by-hand"]
