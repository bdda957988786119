"""How each figure of a report is made: its formula, with this campaign's own numbers in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tracker.models import CampaignCounts
from tracker.rates import LEAST_FOR_ESTIMATE, rate


@dataclass(frozen=True, slots=True)
class Figure:
    """``id`` is the place on the page that a figure's link leads to."""

    id: str
    name: str
    formula: str
    part: int
    part_name: str
    whole: int
    whole_name: str
    value: float | None
    meaning: str
    why_none: str = "There is nothing to divide by yet."


DELIVERED = "recipients delivered to (sent − bounces)"


def figures_of(totals: CampaignCounts) -> Iterator[Figure]:
    rates = totals.rates
    yield Figure(
        "human-open-rate",
        "Human open rate",
        "H / D",
        rates.human,
        "recipients with at least one open by a person",
        rates.delivered,
        DELIVERED,
        rates.human_open_rate,
        "The least that can be said: each of them opened. Whoever reads behind a privacy proxy, or "
        "without loading images, is missing.",
    )
    yield Figure(
        "estimated-open-rate",
        "Estimated open rate",
        "H / (D − V)",
        rates.human,
        "recipients with at least one open by a person",
        rates.knowable,
        "recipients delivered to, without those that only a privacy proxy fetched for",
        rates.estimated_open_rate,
        "The likely rate, if those behind a privacy proxy open like the others. The range beside "
        "it is Wilson’s 95 % interval: it tells of chance alone, not of that assumption.",
        f"Fewer than {LEAST_FOR_ESTIMATE} recipients are left whose opens could be known, or more "
        "opened than count as delivered.",
    )
    yield Figure(
        "possible-open-rate",
        "Possible open rate",
        "(H + V + U) / D",
        rates.human + rates.prefetch + rates.unknown,
        "recipients whose pixel was fetched by a person, a privacy proxy or something unclear",
        rates.delivered,
        DELIVERED,
        rates.possible_open_rate,
        "The most that the opens allow: as if everyone behind a privacy proxy had read.",
    )
    yield Figure(
        "open-rate",
        "Raw open rate",
        "unique opens / D",
        totals.unique_opens,
        "recipients whose pixel was fetched at all, by machines too",
        rates.delivered,
        DELIVERED,
        totals.open_rate,
        "What tools show that do not tell people from machines. Good for comparing with them, and "
        "for nothing else.",
    )
    yield Figure(
        "machine-open-share",
        "Machine-open share",
        "(V + M) / (H + V + M + U)",
        rates.prefetch + rates.machine,
        "recipients that only privacy proxies, scanners or bots fetched for",
        totals.unique_opens,
        "recipients whose pixel was fetched at all",
        rates.machine_open_share,
        "How much of the raw rate says nothing about readers.",
    )
    yield Figure(
        "opens-per-opener",
        "Opens per opener",
        "opens / unique opens",
        totals.opens,
        "opens, repeated ones and machines’ included",
        totals.unique_opens,
        "recipients whose pixel was fetched at all",
        totals.opens_per_opener,
        "How often a pixel is fetched that is fetched at all.",
    )
    yield Figure(
        "bounce-rate",
        "Bounce rate",
        "bounces / sent",
        totals.bounces,
        "recipients whose server refused the mail",
        totals.sent,
        "recipients that the mail was sent to",
        rate(totals.bounces, totals.sent),
        "Whoever bounced cannot open; all open rates leave them out.",
    )
