"""What is older than it may become loses its evidence or goes; what comes next has its place."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from tracker.models import Open
from tracker.retention.evidence import remove_evidence
from tracker.retention.months import first_id
from tracker.retention.partitions import ensure_partitions, oldest_kept
from tracker.retention.removal import remove_opens

logger = logging.getLogger("tracker.retention")


@dataclass(frozen=True, slots=True)
class Rules:
    """How many whole months before this one keep their evidence and their opens; 0: for ever."""

    evidence_months: int
    opens_months: int

    @classmethod
    def of_settings(cls) -> Rules:
        return cls(settings.KEEP_EVIDENCE_MONTHS, settings.KEEP_OPENS_MONTHS)

    def evidence_from(self, now: datetime) -> datetime | None:
        return oldest_kept(now, self.evidence_months) if self.evidence_months else None

    def opens_from(self, now: datetime) -> datetime | None:
        return oldest_kept(now, self.opens_months) if self.opens_months else None


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many opens lost their evidence, and how many went."""

    thinned: int
    removed: int


def prune(rules: Rules) -> Pruned:
    now = timezone.now()
    removed = thinned = 0
    if (before := rules.opens_from(now)) is not None:
        removed = remove_opens(before)
    if (before := rules.evidence_from(now)) is not None:
        thinned = remove_evidence(before)
    return Pruned(thinned, removed)


def would_prune(rules: Rules) -> Pruned:
    now = timezone.now()
    opens_from, evidence_from = rules.opens_from(now), rules.evidence_from(now)
    old = Open.objects.filter(pk__lt=first_id(opens_from)) if opens_from else Open.objects.none()
    thin = Open.objects.none()
    if evidence_from:
        thin = Open.objects.filter(pk__lt=first_id(evidence_from))
        thin = thin.exclude(ip=None, user_agent=None)
        if opens_from:
            thin = thin.filter(pk__gte=first_id(opens_from))
    return Pruned(thin.count(), old.count())


def keep_house() -> None:
    """From the schedule: the months ahead, then what the settings say."""
    if made := ensure_partitions():
        logger.info("partitions were made: %s", ", ".join(made))
    pruned = prune(Rules.of_settings())
    if pruned.removed or pruned.thinned:
        logger.info(
            "retention: %d opens lost address and user agent, %d were removed",
            pruned.thinned,
            pruned.removed,
        )
