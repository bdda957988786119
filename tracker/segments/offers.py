"""Values to choose from for a condition: the most frequent ones, as breakdowns have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tracker.breakdowns.by_attribute import VALUE
from tracker.breakdowns.providers import LABELS
from tracker.language import translated
from tracker.models import Breakdowns
from tracker.segments.how import Kind

# Of everybody's attributes: what the newest campaigns say of them.
NEWEST = 5


class Offer(NamedTuple):
    """``recipients`` who have the value, in one campaign; none where nobody has counted."""

    value: str
    recipients: int | None = None


def offers_for(what: Sequence[str], campaign_id: int | None) -> dict[str, list[Offer]]:
    """Of each thing that a condition may be about; one query, and nobody is counted for it."""
    offers = {Kind.PROVIDER.value: [Offer(translated(label)) for label in LABELS.values()]}
    prefix = f"{Kind.ATTRIBUTE}:"
    names = {one.removeprefix(prefix) for one in what if one.startswith(prefix)}
    if not names:
        return offers
    stored = Breakdowns.objects.exclude(attributes=None).order_by("-campaign_id")
    if campaign_id is not None:
        stored = stored.filter(campaign=campaign_id)
    for attributes in stored.values_list("attributes", flat=True)[:NEWEST]:
        for one in attributes or ():
            if one["name"] in names:
                _add(offers.setdefault(f"{prefix}{one['name']}", []), one, campaign_id is not None)
    return offers


def _add(known: list[Offer], attribute: dict[str, Any], is_counted: bool) -> None:
    written = {offer.value for offer in known}
    known.extend(
        Offer(line["value"], line["recipients"] if is_counted else None)
        for line in attribute["lines"]
        if line["kind"] == VALUE and line["value"] not in written
    )
