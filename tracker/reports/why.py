"""Why an open counts as it does: its verdict, the rule, and the evidence, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils.timesince import timesince

from campaigns.models import Campaign
from tracker.clients import client_name
from tracker.judging import process_judge
from tracker.judging.bursts import WITHIN, network_of
from tracker.judging.rulings import Rulings
from tracker.models import FanOut, Open, Pixel, Ruling
from tracker.verdicts import RULE_BY_NUMBER, RULES_VERSION, Judge, Verdict

# The newest of a pixel's opens; a loop may have left thousands.
SHOWN = 200


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
    """The newest first. Five queries, however many opens there are."""
    opens = list(
        Open.objects.filter(pixel=pixel)
        .select_related("user_agent")
        .order_by("-opened_at", "-pk")[: SHOWN + 1]
    )
    shown = opens[:SHOWN]
    judge, rulings = process_judge(), Rulings.of_now()
    fan_outs = list(FanOut.objects.filter(ip__in={one.ip for one in shown if one.ip}))
    return Explanation(
        [explained(one, pixel.campaign, shown, judge, rulings, fan_outs) for one in shown],
        len(opens) > SHOWN,
    )


def explained(
    one: Open,
    campaign: Campaign,
    all_opens: list[Open],
    judge: Judge,
    rulings: Rulings,
    fan_outs: list[FanOut],
) -> Explained:
    agent = one.user_agent.text if one.user_agent else ""
    alone = judge.judge(agent, one.ip)
    rule = RULE_BY_NUMBER.get(one.rule)
    verdict = Verdict.of_number(one.verdict)
    ruling = rulings.about(one.pk, one.ip, one.user_agent_id)
    confidence = rule.confidence if rule else "weak"
    evidence: list[str] = []
    if rule is None:
        sentence = "It was recorded before opens were judged. `manage.py rejudge` judges it."
    elif rule.id == alone.rule:
        # The judge's own sentence has the evidence of agent and address in it.
        sentence, confidence = alone.why, alone.confidence
    else:
        sentence = rule.sentence
        evidence.append(f"By agent and address alone: {alone.verdict.label}. {alone.why}")
    if rule is not None and rule.id == "burst":
        evidence += neighbours(one, all_opens)
    if rule is not None and rule.id == "fan-out":
        evidence += trails(one, fan_outs)
    if ruling is not None and (rule is None or rule.id != "by-hand"):
        evidence.append(f"A person has decided about it, which is not applied here yet: {ruling}.")
    evidence += timing(one, campaign)
    if one.rules_version != RULES_VERSION and rule:
        evidence.append("Judged by an older version of the rules; `manage.py rejudge` judges anew.")
    if one.is_at_ceiling:
        evidence.append("With it the pixel reached its ceiling: further ones are not recorded.")
    return Explained(
        one,
        verdict,
        rule.id if rule else "not-judged",
        sentence,
        evidence,
        confidence,
        agent,
        client_name(agent),
        ruling if rule and rule.id == "by-hand" else None,
    )


def neighbours(one: Open, all_opens: list[Open]) -> list[str]:
    near = [other for other in all_opens if abs(other.opened_at - one.opened_at) <= WITHIN]
    networks = {network_of(other.ip) for other in near if other.ip}
    return [f"{len(near)} fetches from {len(networks)} networks within {WITHIN.seconds} s of it."]


def trails(one: Open, fan_outs: list[FanOut]) -> list[str]:
    """Windows overlap, so the same may be found twice; it is said once."""
    said = [
        f"{fan_out.ip} fetched the pixels of {fan_out.recipients} recipients within ten minutes."
        for fan_out in fan_outs
        if fan_out.ip == one.ip and fan_out.starts_at <= one.opened_at < fan_out.ends_at
    ]
    return list(dict.fromkeys(said))


def timing(one: Open, campaign: Campaign) -> list[str]:
    """Corroboration only: scanners act on delivery, but so does a quick reader."""
    if campaign.sent_at is None:
        return []
    after = one.opened_at - campaign.sent_at
    if after < timedelta(0):
        return ["It came before the campaign was marked as sent."]
    if after < timedelta(minutes=2):
        return [f"It came {after.total_seconds():.0f} s after the campaign was marked as sent."]
    return [f"It came {timesince(campaign.sent_at, one.opened_at)} after the mail was sent."]
