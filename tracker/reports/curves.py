"""How fast campaigns were opened: the share of delivered mail that people opened, by the hour
since each was sent. Who may not be tracked is in neither, so that a curve ends at the rate.

Opens are counted by quarters of an hour of the clock, and mails are sent at any minute: as for the
time to open, those of a quarter are taken to come evenly within it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy

from tracker.exports import harmless
from tracker.quarters import QUARTER, quarter_of
from tracker.reports.comparison import Row
from tracker.reports.since_sent import HOUR, Hour, hours_since_sent

# How far a chart goes, in hours, and what the reader calls it.
REACHES = {
    24: gettext_lazy("One day"),
    72: gettext_lazy("Three days"),
    168: gettext_lazy("One week"),
    720: gettext_lazy("Thirty days"),
}
DEFAULT_REACH = 72
TABLE_HOURS = (1, 2, 3, 6, 12, 24, 36, 48, 72, 96, 120, 168, 240, 336, 480, 720)


@dataclass(frozen=True, slots=True)
class Curve:
    """``shares[n]`` is what had been opened n + 1 hours after the sending; the last, in an hour
    that is not over yet, what has been opened so far. None of them where nothing was sent, nothing
    arrived, or no open has come."""

    row: Row
    number: int
    shares: list[float]

    def share_after(self, hours: int) -> float | None:
        return self.shares[hours - 1] if hours <= len(self.shares) else None


@dataclass(frozen=True, slots=True)
class TableRow:
    hours: int
    shares: list[float | None]


def reach_asked(text: str) -> int:
    return int(text) if text in {str(hours) for hours in REACHES} else DEFAULT_REACH


def curves_of(rows: Sequence[Row], *, reach: int, now: datetime) -> list[Curve]:
    """One query: the unique human opens of each campaign, hour by hour."""
    sums = hours_since_sent(
        [row.campaign for row in rows],
        counted="unique_human_opens",
        # The last hour ends within the quarter that follows.
        until=HOUR * reach + QUARTER,
    )
    curves = []
    for number, row in enumerate(rows, start=1):
        opened = opened_by_hour(row.campaign.sent_at, sums.get(row.campaign.pk, {}), reach, now)
        whole = row.totals.trackable if row.totals.is_opened else 0
        # Whoever counts twice does not lift a curve above everybody.
        shares = [min(count / whole, 1.0) for count in opened] if whole > 0 else []
        curves.append(Curve(row, number, shares))
    return curves


def opened_by_hour(
    sent_at: datetime | None, hours: Mapping[int, Hour], reach: int, now: datetime
) -> list[float]:
    """How many had opened when one, two, … hours had passed since the sending; at last, so far.

    Hours are numbered from the quarter in which it was sent, so each moment lies as far within
    the first quarter of an hour as the sending lies within its own.
    """
    if sent_at is None or sent_at > now:
        return []
    passed, offset = now - sent_at, sent_at - quarter_of(sent_at)
    opened: list[float] = []
    before = 0
    for number in range(1, reach + 1):
        before += hours.get(number - 1, Hour(0, 0)).whole
        here = hours.get(number, Hour(0, 0))
        if number * HOUR > passed:
            return [*opened, before + here.whole]
        # Nobody has opened in the part of a quarter that is to come.
        known = min(QUARTER, passed - number * HOUR + offset)
        opened.append(before + (here.first_quarter * (offset / known) if offset else 0))
    return opened


def table_of(curves: Sequence[Curve], *, reach: int) -> list[TableRow]:
    """Hours close together at the beginning, where most is opened, and further apart later."""
    longest = max((len(curve.shares) for curve in curves), default=0)
    return [
        TableRow(hours, [curve.share_after(hours) for curve in curves])
        for hours in TABLE_HOURS
        if hours <= min(reach, longest)
    ]


def curve_rows(curves: Sequence[Curve]) -> Iterator[Sequence[str]]:
    """The same for a spreadsheet, every hour of it; rates are fractions or empty."""
    yield ["hours_since_sent", *(harmless(curve.row.label) for curve in curves)]
    longest = max((len(curve.shares) for curve in curves), default=0)
    for hours in range(1, longest + 1):
        shares = [curve.share_after(hours) for curve in curves]
        yield [str(hours), *("" if share is None else f"{share:.6f}" for share in shares)]
