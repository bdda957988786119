"""The spool's way back: a thread that hands what waits to the database when that answers again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from tracker import metrics
from tracker.hits import Hit, Outcome
from tracker.spool import Spool

logger = logging.getLogger("tracker.replay")

EVERY = 1.0  # seconds


class Replayer:
    """Replays the spool through a writer of its own, so that new hits never wait for old ones.

    Also finds what processes that no longer exist have left. ``is_away`` says whether the recorder
    believes the database to be away, ``resume`` tells it that the database takes hits again;
    ``is_hits_fault`` tells errors that a hit itself causes from all others; ``tell_oldest`` hears
    the moment (microseconds) of the oldest hit of each group that was replayed.
    """

    def __init__(
        self,
        spool: Spool,
        write: Callable[[Sequence[Hit]], int],
        *,
        is_hits_fault: Callable[[Exception], bool],
        tell_oldest: Callable[[int], None] = lambda moment: None,
        is_away: Callable[[], bool],
        resume: Callable[[], None],
        every: float = EVERY,
    ) -> None:
        self._spool = spool
        self._write = write
        self._is_hits_fault = is_hits_fault
        self._tell_oldest = tell_oldest
        self._is_away = is_away
        self._resume = resume
        self._every = every
        self._is_over = threading.Event()
        # A daemon: a database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the group that is being written, if the database lets it."""
        self._is_over.set()
        self._thread.join(2)

    def _run(self) -> None:
        while not self._is_over.wait(self._every):
            if self._is_away() or self._spool.waiting().files:
                self._try()

    def _try(self) -> None:
        try:
            # Writes nothing, but only if the database answers.
            self._write([])
            self._spool.release()
            replayed = self._spool.replay(self._write_and_resume)
            self._resume()
        except Exception as error:
            # The recorder has said that the database is away; once is enough.
            logger.debug("not replayed: %s", error)
            return
        if replayed:
            logger.warning(
                "%d hits were replayed from the spool",
                replayed,
                extra={"incident": "spool_replayed", "hits": replayed},
            )

    def _write_and_resume(self, hits: Sequence[Hit]) -> int:
        """Only a group that was really taken proves that new ones will be: a database whose disk
        is full answers too."""
        written = self._write_apart(hits)
        self._tell_oldest(min(hit.opened_at for hit in hits))
        self._resume()
        return written

    def _write_apart(self, hits: Sequence[Hit]) -> int:
        return write_apart(hits, self._write, self._is_hits_fault, self._spool)


def write_apart(
    hits: Sequence[Hit],
    write: Callable[[Sequence[Hit]], int],
    is_hits_fault: Callable[[Exception], bool],
    spool: Spool,
) -> int:
    """Write them; if the database refuses one for its own sake, find that one.

    It is set aside for a person to look at: the others must not wait for it for ever. Whatever
    else the database says (it is away, full, read-only, not migrated) is no hit's fault.
    """
    try:
        return write(hits)
    except Exception as error:
        if not is_hits_fault(error):
            raise
        if len(hits) > 1:
            middle = len(hits) // 2
            return sum(
                write_apart(some, write, is_hits_fault, spool)
                for some in (hits[:middle], hits[middle:])
            )
        logger.error(
            "a hit was refused and set aside: %s", error, extra={"incident": "hit_refused"}
        )
        spool.set_aside(hits)
        metrics.HITS[Outcome.LOST].inc(len(hits))
        return 0
