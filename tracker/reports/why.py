"""Why an open counts as it does: its verdict, the rule, and the evidence, in words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_

from django.db.models import Q
from django.utils.timesince import timesince
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrPromise

from campaigns.models import Campaign
from tracker.clients import client_name
from tracker.judging import process_judge
from tracker.judging.again import is_suspect
from tracker.judging.bursts import WITHIN, network_of
from tracker.judging.fan_outs import WINDOW
from tracker.judging.rulings import Rulings
from tracker.judging.shared import is_shared_by_readers
from tracker.language import count, translated
from tracker.models import FanOut, Open, Pixel, Ruling
from tracker.sentences import Sentence
from tracker.verdicts import (
    RULE_BY_ID,
    RULE_BY_NUMBER,
    RULES_VERSION,
    Judge,
    Judgement,
    Rule,
    Verdict,
)
from tracker.verdicts.verdict import Confidence

# The newest of a pixel's opens; a loop may have left thousands.
SHOWN = 200
# Of the opens around those that belong to bursts: so many are looked at.
NEAR_READ = 2_000
BURST = RULE_BY_ID["burst"].number
CONFIDENCES: dict[Confidence, StrPromise] = {
    "certain": gettext_lazy("certain"),
    "probable": gettext_lazy("probable"),
    "weak": gettext_lazy("weak"),
}


@dataclass(frozen=True, slots=True)
class Explained:
    open: Open
    verdict: Verdict
    rule: str
    sentence: str
    evidence: list[str]
    confidence: str
    agent: str
    client: str
    ruling: Ruling | None


@dataclass(frozen=True, slots=True)
class Explanation:
    opens: list[Explained]
    is_more: bool


def explanation_of(pixel: Pixel) -> Explanation:
    """The newest first. At most six queries, however many opens there are."""
    opens = list(
        Open.objects.filter(pixel=pixel)
        .select_related("user_agent")
        .order_by("-opened_at", "-pk")[: SHOWN + 1]
    )
    shown = opens[:SHOWN]
    return Explanation(explained_all(shown, {pixel.pk: pixel.campaign}), len(opens) > SHOWN)


def explained_all(opens: Sequence[Open], campaigns: Mapping[int, Campaign]) -> list[Explained]:
    """These opens with their reasons; ``campaigns`` are those of their pixels, by pixel.

    Three queries at most: rulings, fan-outs, and what came near those that belong to bursts.
    """
    evidence = Evidence(
        process_judge(),
        Rulings.of_now(),
        list(FanOut.objects.filter(ip__in={one.ip for one in opens if one.ip})),
        opens_near([one for one in opens if one.rule == BURST]),
    )
    return [explained(one, campaigns[one.pixel_id], evidence) for one in opens]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is read once for all opens of a page; ``near`` is by pixel."""

    judge: Judge
    rulings: Rulings
    fan_outs: Sequence[FanOut]
    near: Mapping[int, Sequence[Open]]


def opens_near(bursts: Sequence[Open]) -> Mapping[int, Sequence[Open]]:
    """By pixel: all opens so near one of these that the rule about bursts saw them together."""
    near: dict[int, list[Open]] = defaultdict(list)
    if not bursts:
        return near
    windows = [
        Q(pixel=one.pixel_id, opened_at__range=(one.opened_at - WITHIN, one.opened_at + WITHIN))
        for one in bursts
    ]
    for other in Open.objects.filter(reduce(or_, windows)).select_related("user_agent")[:NEAR_READ]:
        near[other.pixel_id].append(other)
    return near


def explained(one: Open, campaign: Campaign, evidence: Evidence) -> Explained:
    agent = _agent(one)
    rule = RULE_BY_NUMBER.get(one.rule)
    rule_id = rule.id if rule else "not-judged"
    ruling = evidence.rulings.about(one.pk, one.ip, one.user_agent_id)
    sentence, confidence, lines = _by_rule(rule, evidence.judge.judge(agent, one.ip), agent)
    lines += _pattern(one, rule_id, evidence)
    if ruling is not None and rule_id != "by-hand":
        lines.append(
            gettext("A person has decided about it, which is not applied here yet: %(ruling)s.")
            % {"ruling": ruling.shown}
        )
    lines += timing(one, campaign)
    lines += _reservations(one, is_judged=rule is not None)
    return Explained(
        one,
        Verdict.of_number(one.verdict),
        rule_id,
        sentence,
        lines,
        str(CONFIDENCES[confidence]),
        agent,
        client_name(agent),
        ruling if rule_id == "by-hand" else None,
    )


def _by_rule(rule: Rule | None, alone: Judgement, agent: str) -> tuple[str, Confidence, list[str]]:
    """The stored rule's sentence, how sure it is, and what agent and address alone would say."""
    if rule is None:
        sentence = gettext(
            "It was recorded before opens were judged. `manage.py rejudge` judges it."
        )
        return sentence, "weak", []
    if rule.id == alone.rule:
        # The judge's own sentence has the evidence of agent and address in it.
        return translated(as_sent(alone, agent)), alone.confidence, []
    words = {
        "verdict": translated(alone.verdict.label),
        "why": translated(as_sent(alone, agent)),
    }
    by_themselves = gettext("By agent and address alone: %(verdict)s. %(why)s") % words
    return translated(rule.sentence), rule.confidence, [by_themselves]


def _reservations(one: Open, *, is_judged: bool) -> Iterator[str]:
    if is_judged and one.rules_version != RULES_VERSION:
        yield gettext("Judged by an older version of the rules; `manage.py rejudge` judges anew.")
    if one.is_at_ceiling:
        yield gettext(
            "With it the pixel reached its ceiling; more may have followed that were not recorded."
        )


def as_sent(judgement: Judgement, agent: str) -> Sentence:
    """The judge's reason, with the part of the agent that it quotes in the agent's own letters.

    Rules compare in small letters, and quote what they compared.
    """

    def as_it_stands(mark: str) -> str:
        cut = "…" if mark.endswith("…") else ""
        found = re.search(re.escape(mark.removesuffix(cut)), agent, re.IGNORECASE)
        return f"{found.group()}{cut}" if found else mark

    return judgement.why.replacing("agent", as_it_stands)


def _agent(one: Open) -> str:
    return one.user_agent.text if one.user_agent else ""


def _pattern(one: Open, rule_id: str, evidence: Evidence) -> list[str]:
    if rule_id == "burst":
        return neighbours(one, evidence)
    return trails(one, evidence.fan_outs) if rule_id == "fan-out" else []


def neighbours(one: Open, evidence: Evidence) -> list[str]:
    """What the rule about bursts counts: browsers, and what is unclear."""
    networks = [
        network_of(other.ip)
        for other in evidence.near.get(one.pixel_id, ())
        if other.ip
        and abs(other.opened_at - one.opened_at) <= WITHIN
        and is_suspect(evidence.judge.verdict_and_rule(_agent(other), other.ip))
        and not is_shared_by_readers(other.ip)
    ]
    return [
        gettext(
            "Within %(seconds)s s of it this pixel was fetched %(fetches)s times, itself included, "
            "from %(networks)s networks. Mail programs and mail services that name themselves are "
            "not counted, and no fetch that is a machine’s by its own agent or address."
        )
        % {
            "seconds": WITHIN.seconds,
            "fetches": count(len(networks)),
            "networks": count(len(set(networks))),
        }
    ]


def trails(one: Open, fan_outs: Sequence[FanOut]) -> list[str]:
    """Windows overlap, so the same may be found twice; it is said once."""
    said = [
        trail(fan_out)
        for fan_out in fan_outs
        if fan_out.ip == one.ip and fan_out.starts_at <= one.opened_at < fan_out.ends_at
    ]
    return list(dict.fromkeys(said))


def trail(fan_out: FanOut) -> str:
    words = {"ip": fan_out.ip, "recipients": count(fan_out.recipients)}
    took = fan_out.ends_at - fan_out.starts_at
    if took >= WINDOW:
        pattern = gettext(
            "%(ip)s fetched the pixels of %(recipients)s recipients within ten minutes."
        )
        return pattern % words
    pattern = gettext(
        "%(ip)s fetched the pixels of %(recipients)s recipients within %(seconds)s s."
    )
    return pattern % (words | {"seconds": f"{max(1, round(took.total_seconds()))}"})


def timing(one: Open, campaign: Campaign) -> list[str]:
    """Corroboration only: scanners act on delivery, but so does a quick reader."""
    if campaign.sent_at is None:
        return []
    after = one.opened_at - campaign.sent_at
    if after < timedelta(0):
        return [gettext("It came before the campaign was marked as sent.")]
    if after < timedelta(minutes=2):
        pattern = gettext("It came %(seconds)s s after the campaign was marked as sent.")
        return [pattern % {"seconds": f"{after.total_seconds():.0f}"}]
    pattern = gettext("It came %(time)s after the mail was sent.")
    return [pattern % {"time": timesince(campaign.sent_at, one.opened_at)}]
