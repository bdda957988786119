"""What came since the last look is judged again, time after time: a chore of the schedule."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

from django.utils import timezone

from tracker.judging.recent import Starts, judge_pixels, recent_pixels
from tracker.quarters import EPOCH

logger = logging.getLogger("tracker.judging")

# How far back the first look goes; what is replayed later says so itself.
LOOK_BACK = timedelta(minutes=15)
# It is done every minute, and all that the schedule does is to take a tenth of the time at most.
WITHIN = 4.0  # seconds


class Lately:
    """Remembers until when opens were judged; after a failure the next look goes as far back.

    What there was no time for is judged first at the next look.
    """

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._oldest_replayed: datetime | None = None
        self._left: Starts = {}
        self._lock = threading.Lock()

    def look_back_to(self, microseconds: int) -> None:
        """An open of that moment was recorded only now; from the thread that replays."""
        moment = EPOCH + timedelta(microseconds=microseconds)
        with self._lock:
            self._oldest_replayed = min(moment, self._oldest_replayed or moment)

    def judge(self) -> None:
        now = timezone.now()
        since = self._since or now - LOOK_BACK
        with self._lock:
            replayed, self._oldest_replayed = self._oldest_replayed, None
        if replayed is not None:
            since = min(since, replayed)
        # Until it has worked.
        self._since = since
        left = self._left
        for pixel_id, start in recent_pixels(since, now).items():
            left[pixel_id] = min(start, left.get(pixel_id, start))
        self._since = now
        outcome, self._left = judge_pixels(left, within=WITHIN)
        if outcome.changed:
            logger.info(
                "%d of %d recent opens got another verdict",
                outcome.changed,
                outcome.judged,
                extra={"changed": outcome.changed},
            )
