"""A shared report as a file: the same as on its page, one figure a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracker.exports import harmless
from tracker.sharing.hiding import Hidden, Shown
from tracker.sharing.report import SharedDays, SharedFigures, SharedProviders

CSV_HEADER = ("part", "name", "value")
# Of recipients by what happened, in the words of ``report --json``.
CSV_NAMES = {
    "sent": "sent",
    "bounces": "bounces",
    "delivered": "delivered",
    "human": "unique_human_opens",
    "prefetch": "unique_prefetch_opens",
    "unknown": "unique_unknown_opens",
    "machine": "unique_machine_opens",
    "no_trace": "no_trace",
}


def shared_rows(figures: SharedFigures) -> Iterator[Sequence[str]]:
    """Rates are fractions or empty."""
    yield CSV_HEADER
    yield ("campaign", "name", harmless(figures.name))
    yield ("campaign", "sent_at", figures.sent_at.isoformat() if figures.sent_at else "")
    yield ("campaign", "time_zone", figures.zone)
    yield ("campaign", "as_of", figures.at.isoformat(timespec="seconds"))
    if figures.is_simulation:
        yield ("campaign", "opens_are", "invented by a simulation")
    if figures.people is None or figures.rates is None:
        yield ("recipients", "delivered", "too few to show")
        return
    for row in figures.rows:
        yield ("recipients", CSV_NAMES[row.key], str(row.count))
    yield ("recipients", "left_out_untracked", str(figures.people.untracked))
    rates = figures.rates
    low, high = rates.estimated_open_rate_interval or (None, None)
    for name, value in (
        ("human_open_rate", rates.human_open_rate),
        ("estimated_open_rate", rates.estimated_open_rate),
        ("estimated_open_rate_low", low),
        ("estimated_open_rate_high", high),
        ("possible_open_rate", rates.possible_open_rate),
    ):
        yield ("rates", name, "" if value is None else str(value))
    if figures.providers:
        yield from _provider_rows(figures.providers)
    if figures.days is None:
        yield ("human_opens_by_day", "", str(Hidden.NOT_SHOWN))
    else:
        yield from _day_rows(figures.days)


def _provider_rows(providers: SharedProviders) -> Iterator[Sequence[str]]:
    if providers.as_of:
        yield ("by_provider", "as_of", providers.as_of.isoformat(timespec="seconds"))
    for label, group in providers.lines:
        yield ("delivered_by_provider", label, str(group.delivered))
        yield ("unique_human_opens_by_provider", label, str(group.human))
        yield ("human_open_rate_by_provider", label, str(group.rate))


def _day_rows(days: SharedDays) -> Iterator[Sequence[str]]:
    for day in days.days:
        yield ("human_opens_by_day", day.starts_at.date().isoformat(), _opens_cell(day.opens))
    if days.quiet_from and days.quiet_to:
        quiet = f"{days.quiet_from.date()}/{days.quiet_to.date()}"
        yield ("human_opens_by_day", quiet, _opens_cell(Hidden.FEW))


def _opens_cell(opens: Shown) -> str:
    """What is few on a hidden day are the people who opened for the first time."""
    return f"{Hidden.FEW} first opens" if isinstance(opens, Hidden) else str(opens)
