"""How each figure of a report is made: its formula, with this campaign's own numbers in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from django.utils.translation import gettext, gettext_lazy

from tracker.models import CampaignCounts
from tracker.rates import LEAST_FOR_CLIPPING, LEAST_FOR_ESTIMATE, rate
from tracker.reports.clipping import Clipping


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
    why_none: str = field(default_factory=lambda: gettext("There is nothing to divide by yet."))


DELIVERED = gettext_lazy("recipients delivered to (sent − bounces) who may be tracked")


# What can be told without any open.
OF_SENDING = ("bounce-rate",)


def figures_of(totals: CampaignCounts, clipping: Clipping | None = None) -> Iterator[Figure]:
    """Without any open there is no open rate: nobody knows whether the pixel is in the mail.

    ``clipping``: of a campaign with end marks, once its opens are added up by provider.
    """
    for figure in chain(_range(totals), _raw(totals), _of_sending(totals)):
        if totals.is_opened or figure.value is None or figure.id in OF_SENDING:
            yield figure
        else:
            why = gettext("No open has come yet, so nothing can be said.")
            yield replace(figure, value=None, why_none=why)
    if clipping is not None:
        yield _clip_rate(clipping)


def _clip_rate(clipping: Clipping) -> Figure:
    return Figure(
        "clip-rate",
        gettext("Clip rate"),
        gettext("(opened by a person − end loads) / opened by a person"),
        clipping.clipped,
        gettext("copies that a person opened and whose end mark was never loaded"),
        clipping.opened,
        gettext("recipients with an open by a person that is linked to them"),
        clipping.rate,
        gettext(
            "The most that clipping can explain. A mail that is closed early, or whose images load "
            "only when somebody scrolls to them, looks the same. Nothing is known of copies that "
            "nobody opened."
        ),
        gettext("Fewer than %(least)s people have opened.") % {"least": LEAST_FOR_CLIPPING},
    )


def _range(totals: CampaignCounts) -> Iterator[Figure]:
    """At least, probably, at most."""
    rates = totals.rates
    yield Figure(
        "human-open-rate",
        gettext("Human open rate"),
        "H / D",
        rates.human,
        gettext("recipients with at least one open by a person"),
        rates.delivered,
        str(DELIVERED),
        rates.human_open_rate,
        gettext(
            "The least that can be said: each of them opened. Whoever reads behind a privacy "
            "proxy, or without loading images, is missing."
        ),
    )
    yield Figure(
        "estimated-open-rate",
        gettext("Estimated open rate"),
        "H / (D − V)",
        rates.human,
        gettext("recipients with at least one open by a person"),
        rates.knowable,
        gettext("recipients delivered to, without those that only a privacy proxy fetched for"),
        rates.estimated_open_rate,
        gettext(
            "The likely rate, if those behind a privacy proxy open like the others. The range "
            "beside it is Wilson’s %(confidence)s interval: it tells of chance alone, not of that "
            "assumption."
        )
        % {"confidence": "95 %"},
        gettext(
            "Fewer than %(least)s recipients are left whose opens could be known, or more opened "
            "than count as delivered."
        )
        % {"least": LEAST_FOR_ESTIMATE},
    )
    yield Figure(
        "possible-open-rate",
        gettext("Possible open rate"),
        "(H + V + U) / D",
        rates.human + rates.prefetch + rates.unknown,
        gettext(
            "recipients whose pixel was fetched by a person, a privacy proxy or something unclear"
        ),
        rates.delivered,
        str(DELIVERED),
        rates.possible_open_rate,
        gettext("The most that the opens allow: as if everyone behind a privacy proxy had read."),
    )


def _raw(totals: CampaignCounts) -> Iterator[Figure]:
    """Machines' opens included."""
    rates = totals.rates
    yield Figure(
        "open-rate",
        gettext("Raw open rate"),
        gettext("unique opens / D"),
        rates.opened,
        gettext("recipients whose pixel was fetched at all, by machines too"),
        rates.delivered,
        str(DELIVERED),
        totals.open_rate,
        gettext(
            "What tools show that do not tell people from machines. Good for comparing with them, "
            "and for nothing else."
        ),
    )
    yield Figure(
        "machine-open-share",
        gettext("Machine-open share"),
        "(V + M) / (H + V + M + U)",
        rates.prefetch + rates.machine,
        gettext("recipients that only privacy proxies, scanners or bots fetched for"),
        rates.opened,
        gettext("recipients whose pixel was fetched at all"),
        rates.machine_open_share,
        gettext("How much of the raw rate says nothing about readers."),
    )
    yield Figure(
        "opens-per-opener",
        gettext("Opens per opener"),
        gettext("opens / unique opens"),
        totals.opens,
        gettext("opens, repeated ones and machines’ included"),
        totals.unique_opens,
        gettext("recipients whose pixel was fetched at all"),
        totals.opens_per_opener,
        gettext(
            "How often a pixel is fetched that is fetched at all. Both are totals: opens from "
            "before a recipient asked that nothing be recorded are among them."
        ),
    )


def _of_sending(totals: CampaignCounts) -> Iterator[Figure]:
    yield Figure(
        "bounce-rate",
        gettext("Bounce rate"),
        gettext("bounces / sent"),
        totals.bounces,
        gettext("recipients whose server refused the mail"),
        totals.sent,
        gettext("recipients that the mail was sent to"),
        rate(totals.bounces, totals.sent),
        gettext("Whoever bounced cannot open; all open rates leave them out."),
    )
