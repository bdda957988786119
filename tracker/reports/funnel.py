"""From recipients to readers: how many are left at each step, and of which kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from tracker.models import CampaignCounts
from tracker.rates import rate


@dataclass(frozen=True, slots=True)
class Step:
    """``begins`` and ``width`` are places on a scale from 0 to 100, the recipients being 100.

    A step with a ``kind`` is a part of the last one without; the parts stand side by side.
    """

    name: str  # in the words of ``report --json``
    label: str
    people: int
    share: float | None  # of the step before
    of_delivered: float | None  # who may be tracked
    begins: float
    width: float
    kind: str = ""
    # Where these people are listed, if they are.
    url: str = ""


# The list of the people in a part.
SHOWS = {
    "human": "opened",
    "unclear": "unclear",
    "prefetched": "prefetched",
    "machine": "scanned",
}

NAMES = {
    "human": "unique_human_opens",
    "unclear": "unique_unknown_opens",
    "prefetched": "unique_prefetch_opens",
    "machine": "unique_machine_opens",
}


def funnel_rows(steps: Sequence[Step]) -> Iterator[Sequence[str]]:
    """For a file; shares are fractions or empty."""
    yield ("step", "people", "share_of_step_before", "share_of_trackable")
    for step in steps:
        shares = (step.share, step.of_delivered)
        yield (step.name, str(step.people), *("" if one is None else str(one) for one in shares))


def funnel_of(totals: CampaignCounts, urls: Mapping[str, str]) -> list[Step]:
    """Each recipient once in each step; the parts of the last add up to it. ``urls`` are those of
    the lists of people."""
    # More may have opened than count as recipients only where nothing is marked as sent.
    most = max(totals.recipients, totals.delivered, totals.rates.opened, 1)
    return [*_steps(totals, urls, 100 / most), *_parts(totals, urls, 100 / most)]


def _steps(totals: CampaignCounts, urls: Mapping[str, str], unit: float) -> Iterator[Step]:
    """One inside the other."""

    def step(
        name: str, label: str, people: int, share: float | None, of_whole: float | None = None
    ) -> Step:
        url = urls.get("all", "") if name == "recipients" else ""
        return Step(name, label, people, share, of_whole, 0, people * unit, url=url)

    delivered, whole, fetched = totals.delivered, totals.trackable, totals.rates.opened
    yield step("recipients", gettext("Recipients"), totals.recipients, None)
    yield step("delivered", gettext("Delivered"), delivered, rate(delivered, totals.recipients))
    if totals.untracked:
        # What all rates are over, and the shares below.
        yield step("trackable", gettext("May be tracked"), whole, rate(whole, delivered))
    share = rate(fetched, whole)
    yield step("unique_tracked_opens", gettext("Pixel fetched"), fetched, share, share)


def _parts(totals: CampaignCounts, urls: Mapping[str, str], unit: float) -> Iterator[Step]:
    """Side by side."""
    rates, before = totals.rates, 0
    for label, kind, people in (
        (gettext("by people"), "human", rates.human),
        (gettext("unclear by whom"), "unclear", rates.unknown),
        (gettext("in advance, by privacy proxies"), "prefetched", rates.prefetch),
        (gettext("by scanners and bots only"), "machine", rates.machine),
    ):
        shares = rate(people, rates.opened), rate(people, totals.trackable)
        url = urls.get(SHOWS[kind], "") if people else ""
        yield Step(NAMES[kind], label, people, *shares, before * unit, people * unit, kind, url)
        before += people
