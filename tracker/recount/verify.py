"""Counts held against the opens they were added up from, as of one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from tracker.models import CampaignCounts, Pixel, PixelTracking, QuarterHourCounts
from tracker.verdicts import LEAST_HUMAN, Verdict

# Counts of unique opens: which best verdicts belong to each.
KINDS = {
    "unique_human_opens": f">= {LEAST_HUMAN}",
    "unique_unknown_opens": f"= {Verdict.UNKNOWN.number}",
    "unique_prefetch_opens": f"= {Verdict.PRIVACY_PREFETCH.number}",
}
VERDICT_COUNTS = {f"{verdict.value}_opens": verdict for verdict in Verdict}


# A stand-in whose recipient is off: its opens stay, and stand in no rate.
IS_SET_APART = f"(pixel.is_stand_in AND pixel.tracking = {PixelTracking.OFF.value})"
IS_DELIVERED_TO = "NOT pixel.is_stand_in AND pixel.sent_at IS NOT NULL AND pixel.bounced_at IS NULL"
IS_UNTRACKED = f"{IS_DELIVERED_TO} AND pixel.tracking = {PixelTracking.OFF.value}"
IS_ANONYMOUS = f"{IS_DELIVERED_TO} AND pixel.tracking = {PixelTracking.ANONYMOUS.value}"


def kinds(verdict: str) -> str:
    return ", ".join(
        f"count(CASE WHEN {verdict} {test} AND NOT {IS_SET_APART} THEN 1 END) AS {name}"
        for name, test in KINDS.items()
    )


def by_verdict(verdict: str) -> str:
    return ", ".join(
        f"count(CASE WHEN {verdict} = {one.number} THEN 1 END) AS {name}"
        for name, one in VERDICT_COUNTS.items()
    )


def differing(names: Iterable[str]) -> str:
    return " OR ".join(f"counts.{name} <> coalesce(recount.{name}, 0)" for name in names)


# What the opens of each pixel make of it.
STATES = f"""
SELECT pixel_id, count(*) AS opens, min(opened_at) AS first, max(opened_at) AS last,
       max(verdict) AS verdict,
       count(CASE WHEN verdict >= {LEAST_HUMAN} THEN 1 END) AS humans,
       min(CASE WHEN verdict >= {LEAST_HUMAN} THEN opened_at END) AS first_human
FROM tracker_open GROUP BY pixel_id
"""

# Where opens have been removed (tracker.retention), what remains is the least that the row says.
LEAST_SAID = """
stored.open_count < recount.opens OR stored.human_open_count < recount.humans
    OR stored.first_opened_at > recount.first
    OR stored.last_opened_at < recount.last OR stored.verdict < recount.verdict
    OR stored.last_opened_at > recount.last AND stored.last_opened_at >= {kept_from}
    OR coalesce(stored.first_human_opened_at > recount.first_human, false)
"""

# Pixels whose row of unique opens differs from what their opens say, or is missing, or too many.
DRIFTED_PIXELS = f"""
SELECT recount.pixel_id FROM ({STATES}) AS recount
LEFT JOIN tracker_uniqueopen AS stored ON stored.pixel_id = recount.pixel_id
WHERE CASE WHEN stored.first_opened_at < {{kept_from}} THEN {LEAST_SAID} ELSE
    stored.open_count {{differs}} recount.opens
    OR stored.human_open_count {{differs}} recount.humans
    OR stored.first_opened_at {{differs}} recount.first
    OR stored.last_opened_at {{differs}} recount.last
    OR stored.verdict {{differs}} recount.verdict
    OR stored.first_human_opened_at {{differs}} recount.first_human
END
UNION
SELECT pixel_id FROM tracker_uniqueopen AS stored
WHERE last_opened_at >= {{kept_from}}
    AND NOT EXISTS (SELECT 1 FROM tracker_open AS open WHERE open.pixel_id = stored.pixel_id)
ORDER BY 1
"""

# A campaign's totals beside the sums over its pixels, over its opens and the removed ones, and
# over its quarters.
DRIFTED_CAMPAIGNS = f"""
SELECT recount.campaign_id FROM (
    SELECT pixel.campaign_id, count(CASE WHEN NOT pixel.is_stand_in THEN 1 END) AS recipients,
           count(CASE WHEN {IS_UNTRACKED} THEN 1 END) AS untracked,
           count(CASE WHEN {IS_ANONYMOUS} THEN 1 END) AS anonymous,
           count(CASE WHEN {IS_SET_APART} THEN stored.pixel_id END) AS unique_untracked_opens,
           count(pixel.sent_at) AS sent,
           count(pixel.bounced_at) AS bounces, count(stored.pixel_id) AS unique_opens,
           coalesce(sum(stored.open_count), 0) AS opens, max(stored.last_opened_at) AS last,
           {kinds("stored.verdict")}
    FROM tracker_pixel AS pixel
    LEFT JOIN tracker_uniqueopen AS stored ON stored.pixel_id = pixel.id
    WHERE NOT pixel.is_test GROUP BY pixel.campaign_id
) AS recount
LEFT JOIN tracker_campaigncounts AS counts ON counts.campaign_id = recount.campaign_id
WHERE counts.recipients {{differs}} recount.recipients OR counts.sent {{differs}} recount.sent
    OR counts.bounces {{differs}} recount.bounces OR counts.opens {{differs}} recount.opens
    OR counts.unique_opens {{differs}} recount.unique_opens
    OR counts.untracked {{differs}} recount.untracked
    OR counts.anonymous {{differs}} recount.anonymous
    OR counts.unique_untracked_opens {{differs}} recount.unique_untracked_opens
    OR counts.last_opened_at {{differs}} recount.last
    OR {differing(KINDS)}
UNION
SELECT counts.campaign_id FROM tracker_campaigncounts AS counts
LEFT JOIN (
    SELECT campaign_id, {", ".join(f"sum({name}) AS {name}" for name in VERDICT_COUNTS)}
    FROM (
        SELECT pixel.campaign_id, {by_verdict("open.verdict")}
        FROM tracker_open AS open JOIN tracker_pixel AS pixel ON pixel.id = open.pixel_id
        WHERE NOT pixel.is_test GROUP BY pixel.campaign_id
        UNION ALL
        SELECT campaign_id, {", ".join(VERDICT_COUNTS)} FROM tracker_removedopens
    ) AS each GROUP BY campaign_id
) AS recount ON recount.campaign_id = counts.campaign_id
WHERE {differing(VERDICT_COUNTS)}
UNION
SELECT counts.campaign_id FROM tracker_campaigncounts AS counts
LEFT JOIN (
    SELECT campaign_id, sum(opens) AS opens FROM tracker_quarterhourcounts GROUP BY campaign_id
) AS recount ON recount.campaign_id = counts.campaign_id
WHERE counts.opens <> coalesce(recount.opens, 0)
UNION
SELECT campaign_id FROM tracker_campaigncounts AS counts
WHERE recipients + sent + bounces + opens + unique_opens + untracked + anonymous > 0
    AND NOT EXISTS (SELECT 1 FROM tracker_pixel AS pixel
                    WHERE pixel.campaign_id = counts.campaign_id AND NOT pixel.is_test)
"""

# Quarters beside the opens in them, as far as these are kept; a unique open stands in the quarter
# of its pixel's first, and among those by people only if it is among the campaign's.
DRIFTED_QUARTERS = f"""
SELECT campaign_id, starts_at FROM (
    SELECT campaign_id, starts_at, sum(opens) AS opens, sum(unique_opens) AS unique_opens,
           sum(human) AS human, sum(unique_human) AS unique_human
    FROM (
        SELECT campaign_id, starts_at,
               CASE WHEN starts_at < {{kept_from}} THEN 0 ELSE -opens END AS opens,
               -unique_opens AS unique_opens,
               CASE WHEN starts_at < {{kept_from}} THEN 0 ELSE -human_opens END AS human,
               -unique_human_opens AS unique_human
        FROM tracker_quarterhourcounts
        UNION ALL
        SELECT pixel.campaign_id, {{quarter_of_open}}, 1, 0,
               CASE WHEN open.verdict >= {LEAST_HUMAN} THEN 1 ELSE 0 END, 0
        FROM tracker_open AS open JOIN tracker_pixel AS pixel ON pixel.id = open.pixel_id
        WHERE NOT pixel.is_test AND open.opened_at >= {{kept_from}}
        UNION ALL
        SELECT campaign_id, {{quarter_of_first}}, 0, 1, 0, 0
        FROM tracker_uniqueopen AS stored WHERE NOT is_test
        UNION ALL
        SELECT stored.campaign_id, {{quarter_of_first_human}}, 0, 0, 0, 1
        FROM tracker_uniqueopen AS stored JOIN tracker_pixel AS pixel ON pixel.id = stored.pixel_id
        WHERE NOT stored.is_test AND stored.first_human_opened_at IS NOT NULL
            AND NOT {IS_SET_APART}
    ) AS each GROUP BY campaign_id, starts_at
) AS difference WHERE opens <> 0 OR unique_opens <> 0 OR human <> 0 OR unique_human <> 0
"""

DIALECTS = {
    "postgresql": {
        "differs": "IS DISTINCT FROM",
        "quarter": "date_bin('15 minutes', {}, 'epoch')",
        "kept_from": "(SELECT coalesce(max(opens_kept_from), '-infinity') FROM tracker_horizon)",
    },
    "sqlite": {
        "differs": "IS NOT",
        "quarter": "datetime(strftime('%s', {0}) / 900 * 900, 'unixepoch')",
        "kept_from": "(SELECT coalesce(max(opens_kept_from), '') FROM tracker_horizon)",
    },
}


@dataclass(frozen=True, slots=True)
class Verification:
    """``checked`` pixels, campaigns and quarters; how many of them differ from a recount."""

    checked: int
    drifted_pixels: list[int]
    drifted_campaigns: list[int]
    drifted_quarters: list[int]  # ids of their campaigns, one entry a quarter

    @property
    def drift(self) -> int:
        return len(self.drifted_pixels) + len(self.drifted_campaigns) + len(self.drifted_quarters)


def verify(alias: str = DEFAULT_DB_ALIAS) -> Verification:
    """Recount everything, as of one moment: hits that are written meanwhile are no drift."""
    connection = connections[alias]
    with _snapshot(connection) as cursor:
        checked = 0
        for table in (Pixel, CampaignCounts, QuarterHourCounts):
            cursor.execute(f"SELECT count(*) FROM {table._meta.db_table}")  # our own
            checked += cursor.fetchone()[0]
        return Verification(
            checked,
            [row[0] for row in _rows(cursor, DRIFTED_PIXELS, connection.vendor)],
            [row[0] for row in _rows(cursor, DRIFTED_CAMPAIGNS, connection.vendor)],
            [row[0] for row in _rows(cursor, DRIFTED_QUARTERS, connection.vendor)],
        )


def _rows(cursor: CursorWrapper, statement: str, vendor: str) -> list[tuple[int, ...]]:
    dialect = DIALECTS[vendor]
    # Percent signs are parameters only where there are parameters, and there are none.
    cursor.execute(
        statement.format(
            differs=dialect["differs"],
            kept_from=dialect["kept_from"],
            quarter_of_open=dialect["quarter"].format("open.opened_at"),
            quarter_of_first=dialect["quarter"].format("stored.first_opened_at"),
            quarter_of_first_human=dialect["quarter"].format("stored.first_human_opened_at"),
        )
    )
    return list(cursor.fetchall())


@contextmanager
def _snapshot(connection: BaseDatabaseWrapper) -> Iterator[CursorWrapper]:
    """A transaction that sees one moment and blocks no writer, in either database."""
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            yield cursor
        return
    with connection.cursor() as cursor:
        begin = "BEGIN DEFERRED"
        if connection.vendor == "postgresql":
            begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        cursor.execute(begin)
        try:
            yield cursor
        finally:
            cursor.execute("ROLLBACK")
