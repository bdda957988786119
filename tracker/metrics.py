"""What the flow counts about itself, for /metrics; in files that all worker processes share."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

from tracker.hits import Outcome

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


def exposition() -> bytes:
    """The text format of Prometheus, summed over the processes of this server."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
