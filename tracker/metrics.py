"""What the flow counts about itself, for /metrics; in files that all worker processes share."""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.metrics_core import GaugeMetricFamily

from tracker.hits import Outcome
from tracker.spool import Waiting

_hits = Counter("glimpse_hits", "Requests for pixels, by what became of them.", ["outcome"])
# A dictionary look-up on the hot path instead of a lock and a tuple for each hit.
HITS = {outcome: _hits.labels(outcome.value) for outcome in Outcome}
GROUP_HITS = Histogram(
    "glimpse_group_hits",
    "Hits committed together.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
COMMIT_SECONDS = Histogram(
    "glimpse_commit_seconds",
    "Time to commit a group.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5),
)


# Of the processes that live: what one that died had waiting was not answered.
WAITING = Gauge(
    "glimpse_waiting_hits",
    "Hits that are in no group yet.",
    multiprocess_mode="livesum",
)

# By name: what it is, and its value now.
Gauges = dict[str, tuple[str, float]]


class LookedUp:
    """What is looked up when it is asked for, so that no process has to keep it."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (text, value) in self._gauges.items():
            yield GaugeMetricFamily(name, text, value)


def spool_gauges(waiting: Waiting, room: int) -> Gauges:
    return {
        "glimpse_spool_bytes": ("Size of the spool.", waiting.bytes),
        "glimpse_spool_files": ("Files in the spool.", waiting.files),
        "glimpse_spool_oldest_seconds": (
            "Age of the oldest file in the spool.",
            waiting.oldest_seconds,
        ),
        "glimpse_spool_room_bytes": ("Free space where the spool lies.", room),
        "glimpse_spool_refused_bytes": (
            "Size of the hits that the database refused, which are set aside.",
            waiting.refused_bytes,
        ),
    }


def exposition(gauges: Gauges) -> bytes:
    """The text format of Prometheus, summed over the processes of this server."""
    registry = CollectorRegistry()
    registry.register(LookedUp(gauges))
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest() + generate_latest(registry)
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
