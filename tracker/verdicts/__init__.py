"""Who fetched the pixel: a person's client, a proxy on opening, or a machine.

Plain Python without Django and without a database, since every hit passes through it.
"""

from __future__ import annotations

from tracker.verdicts.judge import Judge
from tracker.verdicts.networks import PUBLISHERS, Networks, parse_networks
from tracker.verdicts.rules import RULE_BY_ID, RULE_BY_NUMBER, RULES, RULES_VERSION, Rule
from tracker.verdicts.verdict import LEAST_HUMAN, Confidence, Judgement, Verdict

__all__ = [
    "LEAST_HUMAN",
    "PUBLISHERS",
    "RULES",
    "RULES_VERSION",
    "RULE_BY_ID",
    "RULE_BY_NUMBER",
    "Confidence",
    "Judge",
    "Judgement",
    "Networks",
    "Rule",
    "Verdict",
    "parse_networks",
]
