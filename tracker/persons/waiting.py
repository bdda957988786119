"""Before a person is exported or erased: what waits in this machine's spool gets its chance."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from tracker.hits import Hit
from tracker.replay import write_apart
from tracker.spool import Spool
from tracker.writer import is_hits_fault, write_hits

logger = logging.getLogger("tracker.persons")

# A process that lives replays its own file within a second when the database answers.
PATIENCE = 5.0


def spool_here() -> Spool:
    return Spool(Path(settings.SPOOL_DIR))


def replay_waiting(*, within: float = PATIENCE) -> int:
    """Hand over what waits; returns how many files wait on, for the process whose they are."""
    spool = spool_here()

    def write(hits: Sequence[Hit]) -> int:
        return write_apart(hits, write_hits, is_hits_fault, spool)

    until = time.monotonic() + within
    while spool.waiting().files:
        try:
            spool.replay(write)
        except Exception as error:
            # A page would not come either: whoever asked hears how many files wait.
            logger.warning("the spool was not replayed: %s", error)
            break
        if not spool.waiting().files or time.monotonic() > until:
            break
        time.sleep(0.1)
    return spool.waiting().files
