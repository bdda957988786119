"""Counts held against the opens they were added up from: verify, and repair."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Count, Max, Min, Q, QuerySet

from campaigns.models import Campaign
from tracker.models import CampaignCounts, Open, Pixel, QuarterHourCounts, UniqueOpen
from tracker.quarters import quarter_of
from tracker.verdicts import LEAST_HUMAN, Verdict

# Counts of unique opens: which best verdicts belong to each.
KINDS = {
    "unique_human_opens": f">= {LEAST_HUMAN}",
    "unique_unknown_opens": f"= {Verdict.UNKNOWN.number}",
    "unique_prefetch_opens": f"= {Verdict.PRIVACY_PREFETCH.number}",
}
VERDICT_COUNTS = {f"{verdict.value}_opens": verdict for verdict in Verdict}


def kinds(verdict: str) -> str:
    return ", ".join(
        f"count(CASE WHEN {verdict} {test} THEN 1 END) AS {name}" for name, test in KINDS.items()
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
       min(CASE WHEN verdict >= {LEAST_HUMAN} THEN opened_at END) AS first_human
FROM tracker_open GROUP BY pixel_id
"""

# Pixels whose row of unique opens differs from what their opens say, or is missing, or too many.
DRIFTED_PIXELS = f"""
SELECT recount.pixel_id FROM ({STATES}) AS recount
LEFT JOIN tracker_uniqueopen AS stored ON stored.pixel_id = recount.pixel_id
WHERE stored.open_count {{differs}} recount.opens
    OR stored.first_opened_at {{differs}} recount.first
    OR stored.last_opened_at {{differs}} recount.last
    OR stored.verdict {{differs}} recount.verdict
    OR stored.first_human_opened_at {{differs}} recount.first_human
UNION
SELECT pixel_id FROM tracker_uniqueopen AS stored
WHERE NOT EXISTS (SELECT 1 FROM tracker_open AS open WHERE open.pixel_id = stored.pixel_id)
ORDER BY 1
"""

# A campaign's totals beside the sums over its pixels, and over its opens.
DRIFTED_CAMPAIGNS = f"""
SELECT recount.campaign_id FROM (
    SELECT pixel.campaign_id, count(*) AS recipients, count(pixel.sent_at) AS sent,
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
    OR counts.last_opened_at {{differs}} recount.last
    OR {differing(KINDS)}
UNION
SELECT counts.campaign_id FROM tracker_campaigncounts AS counts
LEFT JOIN (
    SELECT pixel.campaign_id, {by_verdict("open.verdict")}
    FROM tracker_open AS open JOIN tracker_pixel AS pixel ON pixel.id = open.pixel_id
    WHERE NOT pixel.is_test GROUP BY pixel.campaign_id
) AS recount ON recount.campaign_id = counts.campaign_id
WHERE {differing(VERDICT_COUNTS)}
UNION
SELECT campaign_id FROM tracker_campaigncounts AS counts
WHERE recipients + sent + bounces + opens + unique_opens > 0
    AND NOT EXISTS (SELECT 1 FROM tracker_pixel AS pixel
                    WHERE pixel.campaign_id = counts.campaign_id AND NOT pixel.is_test)
"""

# Quarters beside the opens in them; a unique open stands in the quarter of its pixel's first.
DRIFTED_QUARTERS = f"""
SELECT campaign_id, starts_at FROM (
    SELECT campaign_id, starts_at, sum(opens) AS opens, sum(unique_opens) AS unique_opens,
           sum(human) AS human, sum(unique_human) AS unique_human
    FROM (
        SELECT campaign_id, starts_at, -opens AS opens, -unique_opens AS unique_opens,
               -human_opens AS human, -unique_human_opens AS unique_human
        FROM tracker_quarterhourcounts
        UNION ALL
        SELECT pixel.campaign_id, {{quarter_of_open}}, 1, 0,
               CASE WHEN open.verdict >= {LEAST_HUMAN} THEN 1 ELSE 0 END, 0
        FROM tracker_open AS open JOIN tracker_pixel AS pixel ON pixel.id = open.pixel_id
        WHERE NOT pixel.is_test
        UNION ALL
        SELECT campaign_id, {{quarter_of_first}}, 0, 1, 0, 0
        FROM tracker_uniqueopen AS stored WHERE NOT is_test
        UNION ALL
        SELECT campaign_id, {{quarter_of_first_human}}, 0, 0, 0, 1
        FROM tracker_uniqueopen AS stored WHERE NOT is_test AND first_human_opened_at IS NOT NULL
    ) AS each GROUP BY campaign_id, starts_at
) AS difference WHERE opens <> 0 OR unique_opens <> 0 OR human <> 0 OR unique_human <> 0
"""

DIALECTS = {
    "postgresql": {"differs": "IS DISTINCT FROM", "quarter": "date_bin('15 minutes', {}, 'epoch')"},
    "sqlite": {
        "differs": "IS NOT",
        "quarter": "datetime(strftime('%s', {0}) / 900 * 900, 'unixepoch')",
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


def verify() -> Verification:
    """Recount everything, as of one moment: hits that are written meanwhile are no drift."""
    with _snapshot() as cursor:
        checked = 0
        for table in (Pixel, CampaignCounts, QuarterHourCounts):
            cursor.execute(f"SELECT count(*) FROM {table._meta.db_table}")  # our own
            checked += cursor.fetchone()[0]
        return Verification(
            checked,
            [row[0] for row in _rows(cursor, DRIFTED_PIXELS)],
            [row[0] for row in _rows(cursor, DRIFTED_CAMPAIGNS)],
            [row[0] for row in _rows(cursor, DRIFTED_QUARTERS)],
        )


def repair(verification: Verification) -> None:
    """Set what drifted to what the opens say, while hits go on being recorded."""
    campaign_ids = {*verification.drifted_campaigns, *verification.drifted_quarters}
    for pixel_id in verification.drifted_pixels:
        pixel = Pixel.objects.get(pk=pixel_id)
        _recount_pixel(pixel)
        campaign_ids.add(pixel.campaign_id)
    for campaign_id in sorted(campaign_ids):
        _recount_campaign(Campaign.objects.get(pk=campaign_id))


@transaction.atomic
def _recount_pixel(pixel: Pixel) -> None:
    """With its unique open locked, no hit on the pixel is between its open and its count."""
    opens = Open.objects.filter(pixel=pixel)
    # Locked before the opens are looked at: no hit comes between.
    held = UniqueOpen.objects.select_for_update().filter(pixel=pixel).first()
    last = opens.order_by("opened_at", "pk").last()
    if last is None:
        if held is not None:
            held.delete()
        return
    UniqueOpen.objects.get_or_create(
        pixel=pixel,
        defaults={
            "campaign_id": pixel.campaign_id,
            "is_test": pixel.is_test,
            "open_count": 1,
            "first_opened_at": last.opened_at,
            "last_opened_at": last.opened_at,
            "verdict": last.verdict,
            "last_user_agent_id": last.user_agent_id,
            "last_ip": last.ip,
        },
    )
    stored = UniqueOpen.objects.select_for_update().get(pixel=pixel)
    recount = opens.aggregate(
        open_count=Count("pk"),
        first_opened_at=Min("opened_at"),
        last_opened_at=Max("opened_at"),
        first_human_opened_at=Min("opened_at", filter=Q(verdict__gte=LEAST_HUMAN)),
        verdict=Max("verdict"),
    )
    for name, value in recount.items():
        setattr(stored, name, value)
    stored.save(update_fields=list(recount))


@transaction.atomic
def _recount_campaign(campaign: Campaign) -> None:
    """With the counts row locked, no writer is between its opens and its counts here."""
    CampaignCounts.objects.get_or_create(campaign=campaign)
    counts = CampaignCounts.objects.select_for_update().get(campaign=campaign)
    all_pixels = Pixel.objects.of_recipients().filter(campaign=campaign)
    recount = all_pixels.aggregate(
        recipients=Count("pk"),
        sent=Count("sent_at"),
        bounces=Count("bounced_at"),
        unique_opens=Count("unique_open"),
        last_opened_at=Max("unique_open__last_opened_at"),
    )
    for name, value in recount.items():
        setattr(counts, name, value)
    opens = Open.objects.filter(pixel__campaign=campaign, pixel__is_test=False)
    stored = UniqueOpen.objects.filter(campaign=campaign, is_test=False)
    verdicts = opens.aggregate(
        **{name: Count("pk", filter=Q(verdict=one.number)) for name, one in VERDICT_COUNTS.items()}
    )
    unique = stored.aggregate(
        unique_human_opens=Count("pk", filter=Q(verdict__gte=LEAST_HUMAN)),
        unique_unknown_opens=Count("pk", filter=Q(verdict=Verdict.UNKNOWN.number)),
        unique_prefetch_opens=Count("pk", filter=Q(verdict=Verdict.PRIVACY_PREFETCH.number)),
    )
    for name, value in (verdicts | unique).items():
        setattr(counts, name, value)
    counts.opens = sum(verdicts.values())
    counts.save()
    QuarterHourCounts.objects.filter(campaign=campaign).delete()
    QuarterHourCounts.objects.bulk_create(
        QuarterHourCounts(campaign=campaign, starts_at=starts_at, **quarter)
        for starts_at, quarter in _quarters(opens, stored).items()
    )


def _quarters(opens: QuerySet[Open], stored: QuerySet[UniqueOpen]) -> dict[datetime, Counter[str]]:
    quarters: dict[datetime, Counter[str]] = defaultdict(Counter)
    for opened_at, verdict in opens.values_list("opened_at", "verdict").iterator():
        quarter = quarters[quarter_of(opened_at)]
        quarter["opens"] += 1
        quarter["human_opens"] += verdict >= LEAST_HUMAN
    firsts = stored.values_list("first_opened_at", "first_human_opened_at")
    for first, first_human in firsts.iterator():
        quarters[quarter_of(first)]["unique_opens"] += 1
        if first_human is not None:
            quarters[quarter_of(first_human)]["unique_human_opens"] += 1
    return quarters


def _rows(cursor: CursorWrapper, statement: str) -> list[tuple[int, ...]]:
    dialect = DIALECTS[connection.vendor]
    # Percent signs are parameters only where there are parameters, and there are none.
    cursor.execute(
        statement.format(
            differs=dialect["differs"],
            quarter_of_open=dialect["quarter"].format("open.opened_at"),
            quarter_of_first=dialect["quarter"].format("stored.first_opened_at"),
            quarter_of_first_human=dialect["quarter"].format("stored.first_human_opened_at"),
        )
    )
    return list(cursor.fetchall())


@contextmanager
def _snapshot() -> Iterator[CursorWrapper]:
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
