"""Rows of a platform in use: campaigns, recipients, pixels, and opens recorded earlier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tracker.verdicts import Verdict

CAMPAIGNS = 10
UNKNOWN = Verdict.UNKNOWN.number
SENT_AT = datetime(2026, 1, 1, tzinfo=UTC)
# Fifty million opens fill four months.
BETWEEN_OPENS = timedelta(milliseconds=200)

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

    @property
    def until(self) -> datetime:
        return SENT_AT + self.opens * BETWEEN_OPENS

    def counting(self) -> list[str]:
        """Statements that count what was loaded."""
        return [COUNT_CAMPAIGNS, COUNT_QUARTERS] if self.opens else [COUNT_CAMPAIGNS]

    def tables(self) -> list[Table]:
        """For a database that takes rows: campaigns, recipients, pixels, without opens."""
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
            Table(
                "tracker_pixel",
                ("id", "campaign_id", "recipient_id", "is_test", "sent_at"),
                self._pixels(),
            ),
        ]

    def selections(self) -> list[tuple[str, str]]:
        """For PostgreSQL: (table and columns, a query that makes its rows); all by arithmetic."""
        sent = f"timestamptz '{moment_text(SENT_AT)}+00'"
        every = f"interval '{BETWEEN_OPENS / timedelta(milliseconds=1)} milliseconds'"
        pixels, opens, recipients = self.pixels, self.opens, self.recipients
        # Opens are numbered from 0 and spread evenly; a pixel's first is the next whole number.
        return [
            (
                "campaigns_campaign (id, name, subject, time_zone, created_at, sent_at)",
                f"SELECT n, 'Campaign ' || n, 'News', 'UTC', {sent}, {sent} "
                f"FROM generate_series(1, {CAMPAIGNS}) AS n",
            ),
            (
                "campaigns_recipient (id, email, email_key, name, created_at)",
                f"SELECT n, 'recipient' || n || '@example.com', "
                f"'recipient' || n || '@example.com', '', {sent} "
                f"FROM generate_series(1, {recipients}) AS n",
            ),
            (
                "tracker_pixel (id, campaign_id, recipient_id, is_test, sent_at)",
                f"SELECT n + 1, n / {recipients} + 1, n % {recipients} + 1, false, {sent} "
                f"FROM generate_series(0, {pixels - 1}) AS n",
            ),
            (
                "tracker_useragent (id, text)",
                "SELECT 1, 'Mozilla/5.0 (stock)'",
            ),
            (
                "tracker_uniqueopen (pixel_id, campaign_id, is_test, open_count, "
                "first_opened_at, last_opened_at, verdict, last_user_agent_id, last_ip)",
                f"SELECT n + 1, n / {recipients} + 1, false, until - first, "
                f"{sent} + first * {every}, {sent} + (until - 1) * {every}, {UNKNOWN}, 1, "
                f"inet '192.0.2.1' "
                f"FROM (SELECT n, (n * {opens}::bigint + {pixels - 1}) / {pixels} AS first, "
                f"((n + 1) * {opens}::bigint + {pixels - 1}) / {pixels} AS until "
                f"FROM generate_series(0, {pixels - 1}) AS n) AS each WHERE until > first",
            ),
            (
                "tracker_open (id, pixel_id, opened_at, verdict, rule, rules_version, "
                "is_at_ceiling, ip, user_agent_id)",
                f"SELECT (lpad(to_hex(({SENT_AT.timestamp() * 1000:.0f}"
                f" + n * {BETWEEN_OPENS / timedelta(milliseconds=1):.0f})), 12, '0')"
                f" || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid, "
                f"n * {pixels} / {max(opens, 1)} + 1, {sent} + n * {every}, "
                f"{UNKNOWN}, 0, 0, false, inet '192.0.2.1', 1 "
                f"FROM generate_series(0::bigint, {opens - 1}) AS n",
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


def moment_text(moment: datetime) -> str:
    """In UTC without saying so, which is how SQLite stores it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def hit_id(moment: datetime, number: int = 0) -> str:
    """The smallest id of that millisecond, plus ``number``: a version 7 UUID."""
    milliseconds = int(moment.timestamp() * 1000)
    return f"{milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | number:032x}"


# The counts of what was loaded: every open is unknown.
COUNT_CAMPAIGNS = """
    INSERT INTO tracker_campaigncounts
        (campaign_id, recipients, sent, bounces, opens, unique_opens,
         unknown_opens, unique_unknown_opens, human_client_opens, image_proxy_on_open_opens,
         privacy_prefetch_opens, security_scanner_opens, bot_opens,
         unique_human_opens, unique_prefetch_opens, last_opened_at)
    SELECT campaign_id, recipients, recipients, 0, opens, unique_opens, opens, unique_opens,
           0, 0, 0, 0, 0, 0, 0, last_opened_at
    FROM (
        SELECT pixel.campaign_id, count(*) AS recipients,
               coalesce(sum(stored.open_count), 0) AS opens, count(stored.pixel_id) AS unique_opens,
               max(stored.last_opened_at) AS last_opened_at
        FROM tracker_pixel AS pixel
        LEFT JOIN tracker_uniqueopen AS stored ON stored.pixel_id = pixel.id
        GROUP BY pixel.campaign_id
    ) AS counted
"""
# PostgreSQL only: nothing else is loaded with opens.
COUNT_QUARTERS = """
    INSERT INTO tracker_quarterhourcounts
        (campaign_id, starts_at, opens, unique_opens, human_opens, unique_human_opens)
    SELECT campaign_id, date_bin('15 minutes', at, timestamptz 'epoch'), sum(opens), sum(firsts),
           0, 0
    FROM (
        SELECT campaign_id, opened_at AS at, 1 AS opens, 0 AS firsts
        FROM tracker_open JOIN tracker_pixel ON tracker_pixel.id = pixel_id
        UNION ALL
        SELECT campaign_id, first_opened_at, 0, 1
        FROM tracker_uniqueopen
    ) AS counted
    GROUP BY 1, 2
"""
