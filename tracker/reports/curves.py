"""How fast campaigns were opened: the share of delivered mail that people opened, by the hour
since each was sent. Who may not be tracked is in neither, so that a curve ends at the rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from django.utils.translation import gettext_lazy

from tracker.exports import harmless
from tracker.quarters import quarter_of
from tracker.reports.comparison import Row
from tracker.reports.since_sent import steps_since_sent

HOUR = timedelta(hours=1)
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
    """``shares[n]`` is what had been opened when n + 1 hours had passed; the last may lie in an
    hour that is not over yet. None of them where nothing was sent, nothing arrived, or no open
    has come."""

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
    sums = steps_since_sent(
        [row.campaign for row in rows],
        counted="unique_human_opens",
        step=HOUR,
        until=HOUR * reach,
        with_earlier=True,
    )
    curves = []
    for number, row in enumerate(rows, start=1):
        by_hour = sums.get(row.campaign.pk, {})
        hours = min(reach, hours_so_far(row.campaign.sent_at, now))
        opened = list(accumulate(by_hour.get(hour, 0) for hour in range(hours)))
        whole = row.totals.trackable if row.totals.is_opened else 0
        # Whoever counts twice does not lift a curve above everybody.
        shares = [min(count / whole, 1.0) for count in opened] if whole > 0 else []
        curves.append(Curve(row, number, shares))
    return curves


def hours_so_far(sent_at: datetime | None, now: datetime) -> int:
    """Begun hours since the quarter in which it was sent."""
    if sent_at is None or sent_at > now:
        return 0
    return max(1, -(-(now - quarter_of(sent_at)) // HOUR))


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
