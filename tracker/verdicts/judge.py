"""One hit judged: by its agent first, by its address where the agent leaves it open."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.sentences import Sentence, in_a_row, said
from tracker.verdicts.agents import Agent, AgentKind, read_agent
from tracker.verdicts.networks import PUBLISHERS, Networks, Owners
from tracker.verdicts.rules import RULE_BY_ID, RULES, Rule
from tracker.verdicts.verdict import Confidence, Judgement

# What names a program stands in front; the rest of a long agent is not looked at.
LENGTH_LOOKED_AT = 512
# Agents remembered in each of two generations: at most some megabytes, whatever is invented.
REMEMBERED = 4096
SHOWN_LENGTH = 100

_PURPOSES = frozenset({"sec-purpose", "purpose", "x-purpose", "x-moz"})
_AHEAD_OF_TIME = "prefetch"
# Safari's word about the pages that it shows small.
_SHOWN_SMALL = ("x-purpose", "preview")

_Numbers = tuple[int, int]  # of the verdict and of the rule
# The answer for every owner of an address, or the same one wherever it comes from.
_Answers = Mapping[Owners, _Numbers] | _Numbers


class Judge:
    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._answers = {kind: _answers(kind, networks) for kind in AgentKind}
        # Two generations: a flood of invented agents drives out the older one only, and what is
        # asked again moves back into the younger.
        self._young: dict[str, _Answers] = {}
        self._old: dict[str, _Answers] = {}

    @property
    def networks(self) -> Networks:
        return self._networks

    def verdict_and_rule(self, user_agent: str, ip: str | None) -> tuple[int, int]:
        """The numbers of both, for each hit as it is written."""
        answers = self._young.get(user_agent)
        if answers is None:
            answers = self._learn(user_agent)
        if isinstance(answers, tuple):
            return answers
        return answers[self._networks.owners(ip)]

    def judge(
        self,
        user_agent: str,
        ip: str | None,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Judgement:
        """With the reason, for a person who asks."""
        if method.upper() != "GET":
            return _judgement(
                RULE_BY_ID["not-a-get"], said("The method was %(method)s.", method=_shown(method))
            )
        purpose = _purpose(headers or {})
        if purpose:
            return _judgement(
                RULE_BY_ID["says-prefetch"], said("It sent “%(header)s”.", header=_shown(purpose))
            )
        agent = read_agent(user_agent[:LENGTH_LOOKED_AT])
        owners = self._networks.owners(ip)
        rule = first_match(agent.kind, owners)
        confidence = rule.confidence
        if rule.id == "apple-privacy" and "apple" in self._networks.coarse:
            confidence = "probable"
        return _judgement(rule, self._evidence(agent, ip, owners), confidence)

    def _learn(self, user_agent: str) -> _Answers:
        answers = self._old.get(user_agent)
        if answers is None:
            answers = self._answers[read_agent(user_agent[:LENGTH_LOOKED_AT]).kind]
            if len(user_agent) > LENGTH_LOOKED_AT:
                return answers
        if len(self._young) >= REMEMBERED:
            self._old, self._young = self._young, {}
        self._young[user_agent] = answers
        return answers

    def _evidence(self, agent: Agent, ip: str | None, owners: Owners) -> Sentence:
        if agent.mark:
            told = said("The agent says “%(agent)s”.", agent=_shown(agent.mark))
        else:
            told = said("There is no agent.")
        return in_a_row(told, self._about_address(ip, owners))

    def _about_address(self, ip: str | None, owners: Owners) -> Sentence:
        if owners is None or ip is None:
            return said("The address says nothing.")
        if not owners:
            return said("The address %(ip)s is in no range that is known.", ip=ip)
        words = {"ip": ip, "range": self._networks.range_around(ip), "owner": _names(owners)}
        if owners & self._networks.coarse:
            return said(
                "The address %(ip)s lies in %(range)s of %(owner)s (a list wider than the truth).",
                **words,
            )
        return said("The address %(ip)s lies in %(range)s of %(owner)s.", **words)


def _names(owners: frozenset[str]) -> str:
    first, *others = [PUBLISHERS.get(owner, owner) for owner in sorted(owners)]
    for other in others:
        first = said("%(one)s and %(other)s", one=first, other=other)
    return first


def first_match(kind: AgentKind, owners: Owners) -> Rule:
    return next(rule for rule in RULES if rule.matches(kind, owners))


def _answers(kind: AgentKind, networks: Networks) -> _Answers:
    by_owners = {owners: _numbers(first_match(kind, owners)) for owners in networks.owner_sets()}
    different = set(by_owners.values())
    return different.pop() if len(different) == 1 else by_owners


def _numbers(rule: Rule) -> _Numbers:
    assert rule.verdict is not None, "only a person's own rule has none"
    return rule.verdict.number, rule.number


def _judgement(rule: Rule, evidence: Sentence, confidence: Confidence | None = None) -> Judgement:
    assert rule.verdict is not None, "only a person's own rule has none"
    return Judgement(
        rule.verdict, rule.id, in_a_row(rule.sentence, evidence), confidence or rule.confidence
    )


def _purpose(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        small, said_of_it = name.lower(), value.lower()
        if small in _PURPOSES and (
            _AHEAD_OF_TIME in said_of_it
            or (small == _SHOWN_SMALL[0] and _SHOWN_SMALL[1] in said_of_it)
        ):
            return f"{name}: {value}"
    return ""


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"
