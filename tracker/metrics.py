"""What the flow counts about itself, for /metrics; in files that all worker processes share."""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
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


class SpoolCollector:
    """What waits in the spool, looked up when it is asked for: no process has to keep it."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, text, value in (
            ("bytes", "Size of the spool.", self._waiting.bytes),
            ("files", "Files in the spool.", self._waiting.files),
            (
                "oldest_seconds",
                "Age of the oldest file in the spool.",
                self._waiting.oldest_seconds,
            ),
        ):
            yield GaugeMetricFamily(f"glimpse_spool_{name}", text, value)


def exposition(waiting: Waiting) -> bytes:
    """The text format of Prometheus, summed over the processes of this server."""
    registry = CollectorRegistry()
    registry.register(SpoolCollector(waiting))
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest() + generate_latest(registry)
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
