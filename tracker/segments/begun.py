"""A saved segment begun with what was chosen among a campaign's own segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext

from campaigns.models import Campaign
from tracker.models import Segment
from tracker.segments.choice import Choice
from tracker.segments.conditions import MOST_CONDITIONS, WHO, Condition, conditions_of
from tracker.segments.how import How, Kind

HOW = {who: how for how, who in WHO.items() if how is not How.TIMES}


def begun_from(campaign: Campaign, choice: Choice) -> tuple[Segment, Sequence[str]]:
    """Not stored; and what of the choice no condition can ask for, in the reader's words."""
    conditions = [_what_came_back(campaign, choice)]
    left_out = list(_left_out(choice))
    if choice.segment:
        other = Segment.objects.filter(pk=choice.segment).first()
        added = _joinable(other, campaign) if other else None
        if added is None or len(added) >= MOST_CONDITIONS:
            name = other.name if other else str(choice.segment)
            left_out.append(gettext("in the saved segment “%(name)s”") % {"name": name})
        else:
            conditions += added
    stored = [condition.as_json() for condition in conditions]
    return Segment(campaign=campaign, conditions=stored), left_out


def _what_came_back(campaign: Campaign, choice: Choice) -> Condition:
    if choice.at_least:
        return Condition(Kind.CAMPAIGN, How.TIMES, str(campaign.pk), str(choice.at_least))
    return Condition(Kind.CAMPAIGN, HOW[choice.who], str(campaign.pk))


def _left_out(choice: Choice) -> Iterator[str]:
    if choice.opened_from or choice.opened_before:
        yield gettext("when it was first opened")
    if choice.words:
        yield gettext("address or name contains “%(words)s”") % {"words": choice.words}


def _joinable(segment: Segment, campaign: Campaign) -> list[Condition] | None:
    """Its conditions, where they mean the same among others that all have to hold."""
    conditions = conditions_of(segment.conditions)
    is_any = segment.joined_by == Segment.JoinedBy.ANY and len(conditions) > 1
    is_of_another = segment.campaign_id not in (None, campaign.pk)
    return None if is_any or is_of_another else conditions
