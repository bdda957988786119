"""Rows of a platform in use: campaigns, recipients, pixels, and opens recorded earlier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

CAMPAIGNS = 10
SENT_AT = datetime(2026, 1, 1, tzinfo=UTC)
# Fifty million opens fill four months.
BETWEEN_OPENS = timedelta(milliseconds=200)

UNIQUE_OPEN_COLUMNS = (
    "pixel_id",
    "campaign_id",
    "is_test",
    "open_count",
    "first_opened_at",
    "last_opened_at",
    "last_user_agent_id",
    "last_ip",
)

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    name: str
    columns: Sequence[str]
    rows: Iterator[Row]


@dataclass(frozen=True)
class Stock:
    """``opens`` are spread evenly over ``pixels``, pixel by pixel, one every BETWEEN_OPENS."""

    pixels: int
    opens: int = 0

    @property
    def recipients(self) -> int:
        """Of each campaign; all campaigns go to the same."""
        return -(-self.pixels // CAMPAIGNS)

    def first_open(self, pixel: int) -> int:
        """The number of the pixel's first open, both counted from 0."""
        return -(-pixel * self.opens // self.pixels)

    def tables(self) -> list[Table]:
        return [
            Table(
                "campaigns_campaign",
                ("id", "name", "subject", "time_zone", "created_at", "sent_at"),
                self._campaigns(),
            ),
            Table(
                "campaigns_recipient",
                ("id", "email", "email_key", "name", "created_at"),
                self._recipients(),
            ),
            Table("tracker_useragent", ("id", "text"), iter([(1, "Mozilla/5.0 (stock)")])),
            Table(
                "tracker_pixel",
                ("id", "campaign_id", "recipient_id", "is_test", "sent_at"),
                self._pixels(),
            ),
            Table("tracker_uniqueopen", UNIQUE_OPEN_COLUMNS, self._unique_opens()),
            Table(
                "tracker_open",
                ("id", "pixel_id", "opened_at", "ip", "user_agent_id"),
                self._opens(),
            ),
        ]

    def _campaigns(self) -> Iterator[Row]:
        sent = moment_text(SENT_AT)
        for number in range(1, CAMPAIGNS + 1):
            yield number, f"Campaign {number}", "News", "UTC", sent, sent

    def _recipients(self) -> Iterator[Row]:
        created = moment_text(SENT_AT)
        for number in range(1, self.recipients + 1):
            address = f"recipient{number}@example.com"
            yield number, address, address, "", created

    def _pixels(self) -> Iterator[Row]:
        sent = moment_text(SENT_AT)
        for pixel in range(self.pixels):
            campaign, recipient = divmod(pixel, self.recipients)
            yield pixel + 1, campaign + 1, recipient + 1, False, sent

    def _unique_opens(self) -> Iterator[Row]:
        for pixel in range(self.pixels):
            first, end = self.first_open(pixel), self.first_open(pixel + 1)
            if end > first:
                campaign = pixel // self.recipients + 1
                opened = open_text(first), open_text(end - 1)
                yield pixel + 1, campaign, False, end - first, *opened, 1, "192.0.2.1"

    def _opens(self) -> Iterator[Row]:
        for number in range(self.opens):
            pixel = number * self.pixels // self.opens
            opened_at = SENT_AT + number * BETWEEN_OPENS
            yield hit_id(opened_at, number), pixel + 1, open_text(number), "192.0.2.1", 1


def moment_text(moment: datetime) -> str:
    """In UTC without saying so, which is how SQLite stores it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def open_text(number: int) -> str:
    return moment_text(SENT_AT + number * BETWEEN_OPENS)


def hit_id(moment: datetime, number: int = 0) -> str:
    """The smallest id of that millisecond, plus ``number``: a version 7 UUID."""
    milliseconds = int(moment.timestamp() * 1000)
    return f"{milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | number:032x}"


# The counts of what was loaded.
COUNT_CAMPAIGNS = """
    INSERT INTO tracker_campaigncounts
        (campaign_id, recipients, sent, bounces, opens, unique_opens)
    SELECT pixel.campaign_id, count(*), count(*), 0,
           coalesce(sum(stored.open_count), 0), count(stored.pixel_id)
    FROM tracker_pixel AS pixel
    LEFT JOIN tracker_uniqueopen AS stored ON stored.pixel_id = pixel.id
    GROUP BY pixel.campaign_id
"""
# PostgreSQL only: nothing else is loaded with opens.
COUNT_QUARTERS = """
    INSERT INTO tracker_quarterhourcounts (campaign_id, starts_at, opens, unique_opens)
    SELECT campaign_id, date_bin('15 minutes', at, timestamptz 'epoch'), sum(opens), sum(firsts)
    FROM (
        SELECT campaign_id, opened_at AS at, 1 AS opens, 0 AS firsts
        FROM tracker_open JOIN tracker_pixel ON tracker_pixel.id = pixel_id
        UNION ALL
        SELECT campaign_id, first_opened_at, 0, 1
        FROM tracker_uniqueopen
    ) AS counted
    GROUP BY 1, 2
"""
