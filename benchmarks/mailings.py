"""Rows of mailings that were read: opens by many clients over a month, and all that pages count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from benchmarks.clients import OFFICES, SERVICES, clients
from benchmarks.data import SENT_AT, moment_text
from tracker.verdicts import LEAST_HUMAN, RULES_VERSION, Judge, Networks, Verdict

MONTH = timedelta(days=30)
BETWEEN_CAMPAIGNS = timedelta(hours=1)
# Different agents and services; people's own addresses are made one by one.
CLIENTS = 200
# Of ten recipients.
OPENERS = 6
# Shares no divisor with a number of openers, so that every one of them gets opens.
STRIDE = 1_000_003


@dataclass(frozen=True)
class Mailings:
    """``opens`` of all campaigns together; all campaigns go to the same ``recipients``."""

    campaigns: int
    recipients: int
    opens: int
    is_judged: bool = True

    @property
    def until(self) -> datetime:
        return SENT_AT + self.campaigns * BETWEEN_CAMPAIGNS + MONTH

    @property
    def pixels(self) -> int:
        return self.campaigns * self.recipients

    @property
    def openers(self) -> int:
        return self.pixels // 10 * OPENERS

    def selections(self) -> list[tuple[str, str]]:
        """As Stock has them: (table and columns, a query that makes its rows)."""
        agents = [agent for _, agent in self._clients]
        sent = f"timestamptz '{moment_text(SENT_AT)}+00'"
        hours = f"interval '{BETWEEN_CAMPAIGNS / timedelta(seconds=1)} seconds'"
        recipients = self.recipients
        return [
            (
                "campaigns_campaign (id, name, subject, time_zone, created_at, sent_at)",
                f"SELECT n, 'Campaign ' || n, 'News', 'UTC', {sent} + n * {hours}, "
                f"{sent} + n * {hours} FROM generate_series(1, {self.campaigns}) AS n",
            ),
            (
                "campaigns_recipient (id, email, email_key, name, created_at)",
                f"SELECT n, address, address, 'Recipient ' || n, {sent} FROM ("
                f"SELECT n, 'recipient' || n || '@' || {DOMAIN} AS address "
                f"FROM generate_series(1, {recipients}) AS n) AS each",
            ),
            (
                "tracker_pixel (id, campaign_id, recipient_id, is_test, sent_at)",
                f"SELECT n + 1, n / {recipients} + 1, n % {recipients} + 1, false, "
                f"{sent} + (n / {recipients} + 1) * {hours} "
                f"FROM generate_series(0, {self.pixels - 1}) AS n",
            ),
            (
                "tracker_useragent (id, text)",
                values(list(enumerate(dict.fromkeys(agents), 1))),
            ),
            (
                "tracker_open (id, pixel_id, opened_at, verdict, rule, rules_version, "
                "is_at_ceiling, ip, user_agent_id)",
                self._opens(sent, hours),
            ),
        ]

    @cached_property
    def _clients(self) -> Sequence[tuple[str, str]]:
        return clients(CLIENTS)

    def _opens(self, sent: str, hours: str) -> str:
        """Most come soon, each opener's by one client, in the order of their moments."""
        month = f"interval '{MONTH / timedelta(seconds=1)} seconds'"
        return f"""
            SELECT (lpad(to_hex(floor(extract(epoch FROM opened_at) * 1000)::bigint), 12, '0')
                    || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid,
                pixel, opened_at, verdict, rule, version, false,
                CASE WHEN is_own THEN inet '198.18.0.0' + pixel % 131072 ELSE ip::inet END, agent
            FROM (
                SELECT n, pixel, {sent} + ((pixel - 1) / {self.recipients} + 1) * {hours}
                    + {month} * power(n::float8 / {self.opens}, 2) AS opened_at
                FROM (SELECT n, k / {OPENERS} * 10 + k % {OPENERS} + 1 AS pixel FROM (
                    SELECT n, n * {STRIDE} % {self.openers} AS k
                    FROM generate_series(0::bigint, {self.opens - 1}) AS n) AS numbered) AS placed
            ) AS timed
            JOIN ({values(self._judged_clients())})
                AS client (number, agent, ip, is_own, verdict, rule, version)
                ON number = pixel * 7 % {CLIENTS}
        """

    def _judged_clients(self) -> list[tuple[Any, ...]]:
        judge = Judge(Networks.load(None))
        agents = {agent: n for n, agent in enumerate(dict.fromkeys(a for _, a in self._clients), 1)}
        rows = []
        for number, (ip, agent) in enumerate(self._clients):
            verdict = Verdict.UNKNOWN.number, 0, 0
            if self.is_judged:
                verdict = *judge.verdict_and_rule(agent, ip), RULES_VERSION
            is_own = ip.startswith(OWN)
            rows.append((number, agents[agent], "192.0.2.1" if is_own else ip, is_own, *verdict))
        return rows

    def counting(self) -> list[str]:
        return [UNIQUE_OPENS, COUNTS, QUARTERS]


# People's own addresses in the simulation.
OWN = ("198.18.", "2001:db8:")
DOMAIN = (
    "CASE n % 10 "
    + " ".join(f"WHEN {place} THEN '{service}'" for place, service in enumerate(SERVICES))
    + f" ELSE 'office' || n / 10 % {OFFICES} || '.example' END"
)


def values(rows: Sequence[tuple[Any, ...]]) -> str:
    """Addresses are typed, so that the rows are what the table takes."""
    return "VALUES " + ", ".join(f"({', '.join(map(literal, row))})" for row in rows)


def literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("'", "''")
    return f"'{text}'"


UNIQUE_OPENS = f"""
    INSERT INTO tracker_uniqueopen
        (pixel_id, campaign_id, is_test, open_count, human_open_count, first_opened_at,
         last_opened_at, verdict, first_human_opened_at, last_user_agent_id, last_ip)
    SELECT pixel_id, campaign_id, false, opens, humans, first, last, best, first_human, agent, ip
    FROM (
        SELECT pixel_id, count(*) AS opens,
            count(*) FILTER (WHERE verdict >= {LEAST_HUMAN}) AS humans,
            min(opened_at) AS first, max(opened_at) AS last,
            max(verdict) AS best, min(opened_at) FILTER (WHERE verdict >= {LEAST_HUMAN})
            AS first_human, min(user_agent_id) AS agent, min(ip) AS ip
        FROM tracker_open GROUP BY pixel_id
    ) AS opened JOIN tracker_pixel ON tracker_pixel.id = pixel_id
"""
_KINDS = [f"{verdict.value}_opens" for verdict in Verdict]
_BY_KIND = [
    f"count(*) FILTER (WHERE verdict = {verdict.number}) AS {verdict.value}_opens"
    for verdict in Verdict
]
COUNTS = f"""
    INSERT INTO tracker_campaigncounts
        (campaign_id, recipients, sent, bounces, opens, unique_opens, last_opened_at,
         unique_human_opens, unique_unknown_opens, unique_prefetch_opens, {", ".join(_KINDS)})
    SELECT campaign_id, recipients, recipients, 0, opens, unique_opens, last_opened_at,
        humans, unknown, prefetched, {", ".join(_KINDS)}
    FROM (SELECT campaign_id, count(*) AS recipients FROM tracker_pixel GROUP BY 1) AS pixels
    JOIN (
        SELECT campaign_id, count(*) AS unique_opens, max(last_opened_at) AS last_opened_at,
            count(*) FILTER (WHERE verdict >= {LEAST_HUMAN}) AS humans,
            count(*) FILTER (WHERE verdict = {Verdict.UNKNOWN.number}) AS unknown,
            count(*) FILTER (WHERE verdict = {Verdict.PRIVACY_PREFETCH.number}) AS prefetched
        FROM tracker_uniqueopen GROUP BY 1
    ) AS people USING (campaign_id)
    JOIN (
        SELECT campaign_id, count(*) AS opens, {", ".join(_BY_KIND)}
        FROM tracker_open JOIN tracker_pixel ON tracker_pixel.id = pixel_id GROUP BY 1
    ) AS opens USING (campaign_id)
"""
QUARTERS = f"""
    INSERT INTO tracker_quarterhourcounts
        (campaign_id, starts_at, opens, unique_opens, human_opens, unique_human_opens)
    SELECT campaign_id, date_bin('15 minutes', at, timestamptz 'epoch'), sum(opens), sum(firsts),
        sum(human), sum(first_humans)
    FROM (
        SELECT campaign_id, opened_at AS at, 1 AS opens, 0 AS firsts,
            (verdict >= {LEAST_HUMAN})::int AS human, 0 AS first_humans
        FROM tracker_open JOIN tracker_pixel ON tracker_pixel.id = pixel_id
        UNION ALL
        SELECT campaign_id, first_opened_at, 0, 1, 0, 0 FROM tracker_uniqueopen
        UNION ALL
        SELECT campaign_id, first_human_opened_at, 0, 0, 0, 1 FROM tracker_uniqueopen
        WHERE first_human_opened_at IS NOT NULL
    ) AS counted
    GROUP BY 1, 2
"""
