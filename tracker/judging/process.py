"""The judge of this process, with the networks that are configured; follows when these change."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from django.conf import settings

from tracker.verdicts import PUBLISHERS, Judge, Networks

logger = logging.getLogger("tracker.judging")

Stamp = tuple[int, ...]


class ProcessJudge:
    """Call it for the judge of now; a judge that was handed out stays as it is.

    Loading takes longer than a group may wait. Only the first call does it; later lists are loaded
    by whoever looks again, and calls are answered with the former judge meanwhile.
    """

    def __init__(self) -> None:
        self._judge: Judge | None = None
        self._stamp: Stamp = ()
        self._lock = threading.Lock()

    def __call__(self) -> Judge:
        return self._judge or self.look_again()

    def look_again(self) -> Judge:
        """A new judge if a list of networks was replaced since the last look."""
        directory = Path(settings.NETWORKS_DIR)
        with self._lock:
            stamp = stamp_of(directory)
            if self._judge is None or stamp != self._stamp:
                self._judge, self._stamp = load(directory, self._judge), stamp
            return self._judge


def load(directory: Path, former: Judge | None) -> Judge:
    """With the former judge's networks, or the built-in ones, if a list cannot be read: no open
    waits for a good list."""
    try:
        return Judge(Networks.load(directory))
    except (OSError, ValueError) as error:
        logger.error(
            "a list of networks is wrong and is not used: %s Refresh it with "
            "`manage.py refresh_networks`.",
            error,
            extra={"incident": "networks_wrong"},
        )
        return former or Judge(Networks.load(None))


def stamp_of(directory: Path) -> Stamp:
    """Changes when a list is added, replaced or removed."""
    stamps = []
    for publisher in PUBLISHERS:
        try:
            stamps.append((directory / f"{publisher}.txt").stat().st_mtime_ns)
        except OSError:
            stamps.append(0)
    return tuple(stamps)


process_judge = ProcessJudge()
