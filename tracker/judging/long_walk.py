"""Opens judged again from the browser: the same steps as ``rejudge``, each with what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet, Sum

from campaigns.models import Campaign
from tracker.judging.again import JudgeAgain
from tracker.judging.changes import Outcome
from tracker.judging.walk import basis, fan_outs_in, keep_fan_outs, opened_pixels, steps
from tracker.models import FanOut, Horizon, UniqueOpen, Work
from tracker.verdicts import RULES_VERSION, Verdict
from tracker.work.lease import advance, finish
from tracker.work.run import Pause


def walk(work: Work, pause: Pause) -> None:
    """Judge what is left of its campaign, or of all; its result is the sum over all steps.

    A trial writes nothing but that result.
    """
    campaign, is_trial = work.campaign, bool(work.parameters["is_trial"])
    fan_outs = _looked_for(work, campaign, pause, is_trial=is_trial)
    if not work.total:
        _count_what_there_is(work, campaign)
    judge = JudgeAgain(is_dry_run=is_trial, fan_outs=fan_outs if is_trial else ())
    for pixel_ids in steps(campaign, work.position.get("pixel", 0)):
        with transaction.atomic():
            outcome = judge.pixels(pixel_ids)
            done = work.done + outcome.judged
            advance(
                work,
                position={**work.position, "pixel": pixel_ids[-1]},
                done=done,
                # Opens go on coming while this runs.
                total=max(work.total, done),
                result=added(work.result, outcome),
            )
        pause()
    finish(
        work,
        Work.State.DONE,
        total=work.done,
        result={
            **added(work.result, Outcome()),
            "rules_version": RULES_VERSION,
            # Who made a ruling meanwhile hears that what was judged before does not know it.
            "is_mixed": basis() != work.position["basis"],
        },
    )


def _looked_for(
    work: Work, campaign: Campaign | None, pause: Pause, *, is_trial: bool
) -> Sequence[FanOut]:
    """Fan-outs show only in many recipients' opens at once, so they are looked for first.

    A trial stores none, so whoever goes on with one has to look again.
    """
    if "basis" in work.position and not is_trial:
        return ()

    def looked() -> None:
        advance(work)
        pause()

    fan_outs = fan_outs_in(campaign, looked)
    with transaction.atomic():
        if not is_trial:
            keep_fan_outs(campaign, fan_outs)
        advance(work, position={"basis": basis(), **work.position})
    return fan_outs


def _count_what_there_is(work: Work, campaign: Campaign | None) -> None:
    pixels: QuerySet[UniqueOpen] = opened_pixels(campaign)
    kept_from = Horizon.now().opens_kept_from
    if kept_from is not None:
        pixels = pixels.filter(first_opened_at__gte=kept_from)
    advance(work, total=pixels.order_by().aggregate(opens=Sum("open_count"))["opens"] or 0)


def added(result: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """The result so far and one step more: by campaign and verdict, opens before and after."""
    campaigns = dict(result.get("campaigns", {}))
    for campaign_id, verdict in outcome.before | outcome.after:
        of_campaign = dict(campaigns.get(str(campaign_id), {}))
        before, after = of_campaign.get(str(verdict), (0, 0))
        key = campaign_id, verdict
        of_campaign[str(verdict)] = before + outcome.before[key], after + outcome.after[key]
        campaigns[str(campaign_id)] = of_campaign
    return {
        "judged": result.get("judged", 0) + outcome.judged,
        "changed": result.get("changed", 0) + outcome.changed,
        "campaigns": campaigns,
    }


class Row(NamedTuple):
    verdict: Verdict
    before: int
    after: int

    @property
    def difference(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class OfCampaign:
    """What became of one campaign's opens."""

    campaign: Campaign
    rows: Sequence[Row]

    @property
    def is_changed(self) -> bool:
        return any(row.difference for row in self.rows)


def by_campaign(result: dict[str, Any]) -> list[OfCampaign]:
    """Newest campaign first; verdicts that it has no opens of are left out."""
    stored = result.get("campaigns", {})
    found = Campaign.objects.in_bulk([int(key) for key in stored])
    return [
        OfCampaign(
            found[pk],
            [
                Row(verdict, *stored[str(pk)][str(verdict.number)])
                for verdict in Verdict
                if str(verdict.number) in stored[str(pk)]
            ],
        )
        for pk in sorted(found, reverse=True)
    ]
