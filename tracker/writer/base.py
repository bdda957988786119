"""What the writers for both databases share: their own connection, agents' ids, a second try."""

from __future__ import annotations

import copy
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tracker import metrics
from tracker.hits import Hit, Outcome
from tracker.misses import MISSES
from tracker.stand_ins import StandInIds
from tracker.verdicts import Judge
from tracker.writer.end_marks import EndMark, apart
from tracker.writer.keeping import NONE, Keeping
from tracker.writer.named import with_pixels

logger = logging.getLogger("tracker.writer")

# A verdict and the rule that gave it, as tracker.verdicts numbers them.
Numbers = tuple[int, int]
# None: not stored.
AgentIds = Sequence[int | None]

# Agents seen lately; one entry is some 200 bytes. When it is full it starts anew.
AGENTS_REMEMBERED = 50_000
TRIES = 3

# A network that loses everything says nothing, and without these libpq waits for a quarter
# of an hour. Milliseconds until what was sent has to have been received; seconds until a peer that
# says nothing is asked whether it is there, and asked again. What DATABASE_URL says comes first.
SILENCE = {"tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5}

ADD_USER_AGENTS = "INSERT INTO tracker_useragent (text) VALUES {} ON CONFLICT DO NOTHING"
FIND_USER_AGENTS = "SELECT text, id FROM tracker_useragent WHERE text IN ({})"
# Whose agents may be stored at all.
FIND_IDENTIFIED = "SELECT id FROM tracker_pixel WHERE id IN ({}) AND tracking = 0"


class Writer(ABC):
    """Writes groups of hits through a connection of its own, one group at a time.

    Apart from the connections of the pages: no page's transaction, time limit or pool is in the
    way of a hit. May be called from any thread.
    """

    def __init__(
        self,
        alias: str,
        judge: Callable[[], Judge],
        *,
        stand_ins: StandInIds,
        keeping: Keeping,
    ) -> None:
        self._connection = private_connection(alias)
        self._judge = judge
        self._stand_ins = stand_ins
        self._keeping = keeping
        self._agent_ids: dict[str, int] = {}
        self._connections = 0  # closed so far
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Load, connect and plan what the first group would otherwise have to wait for."""
        self._judge()
        self.write([])

    def write(self, hits: Sequence[Hit]) -> int:
        """Commit the hits that are not recorded yet; how many these were.

        Hits of pixels that no longer exist are left out, and those of list snippets that name
        nobody. End marks are kept with the others and not counted. When this returns, the
        group is on the database's disk; when it raises, the database would not take it. A conflict
        with another writer or a lost connection is tried again, which is safe: what was committed
        already is recognised by its hit id.
        """
        return self._try_to(partial(self._resolve_and_write, hits), len(hits))

    def _try_to(self, write: Callable[[], int], hits: int) -> int:
        with self._lock:
            for left in reversed(range(TRIES)):
                try:
                    self._open()
                    return write()
                except (OperationalError, InterfaceError) as error:
                    self.close()
                    if not left:
                        raise
                    logger.info("group of %d hits is tried again: %s", hits, error)
                except BaseException:
                    self.close()
                    raise
        raise AssertionError("unreachable")

    def _resolve_and_write(self, hits: Sequence[Hit]) -> int:
        hits, missed = with_pixels(hits, self._connection)
        hits, end_marks = apart(hits, self._judge)
        # Judged by all the evidence, also by what is not stored.
        verdicts = self._verdicts(hits)
        agent_ids = self._user_agent_ids(hits)
        new = self._write(self._keeping.of(hits), agent_ids, verdicts, end_marks)
        # Not before: what is tried again would count twice.
        for (campaign_id, why), number in missed.items():
            MISSES.add(campaign_id, why, number)
            metrics.HITS[Outcome(why)].inc(number)
        return new

    def _open(self) -> None:  # noqa: B027  # SQLite's needs nothing
        """Before anything is asked of a connection: the database's own way to set one up."""

    def close(self) -> None:
        self._connections += 1
        self._agent_ids.clear()
        self._connection.close()

    @abstractmethod
    def _write(
        self,
        hits: Sequence[Hit],
        agent_ids: AgentIds,
        verdicts: Sequence[Numbers],
        end_marks: Sequence[EndMark],
    ) -> int:
        """Write one group; agents and verdicts in the order of the hits.

        Hits of pixels that are off are left out. Those of anonymous ones, and those that ask for
        it, are written for the pixel's stand-in, without address and agent. End marks of either
        leave nothing, nor do those of campaigns that have none.
        """

    def _verdicts(self, hits: Sequence[Hit]) -> list[Numbers]:
        judge = self._judge().verdict_and_rule
        return [judge(hit.user_agent, hit.ip) for hit in hits]

    def _user_agent_ids(self, hits: Sequence[Hit]) -> AgentIds:
        if self._keeping.agent == NONE:
            return [None] * len(hits)
        known = self._agent_ids
        if any(hit.user_agent not in known for hit in hits):
            if len(known) + len(hits) > AGENTS_REMEMBERED:
                known.clear()
            identified = self._identified(hits)
            new = {hit.user_agent for hit in hits if hit.pixel_id in identified}.difference(known)
            self._learn_user_agents(sorted(new))
        return [known.get(hit.user_agent) for hit in hits]

    def _identified(self, hits: Sequence[Hit]) -> set[int]:
        """Pixels of those whose hits bring agents that may have to be stored."""
        ids = list(
            {
                hit.pixel_id
                for hit in hits
                if hit.user_agent not in self._agent_ids and not hit.is_anonymous
            }
        )
        found: set[int] = set()
        with self._connection.cursor() as cursor:
            for start in range(0, len(ids), 500):
                some = ids[start : start + 500]
                cursor.execute(FIND_IDENTIFIED.format(", ".join(["%s"] * len(some))), some)
                found.update(pixel_id for (pixel_id,) in cursor.fetchall())
        return found

    def _learn_user_agents(self, texts: Sequence[str]) -> None:
        """Sorted, so that two writers that meet the same agents lock them in the same order."""
        with self._connection.cursor() as cursor:
            for start in range(0, len(texts), 500):
                some = texts[start : start + 500]
                cursor.execute(ADD_USER_AGENTS.format(", ".join(["(%s)"] * len(some))), some)
                cursor.execute(FIND_USER_AGENTS.format(", ".join(["%s"] * len(some))), some)
                self._agent_ids.update(cursor.fetchall())


def is_hits_fault(error: Exception) -> bool:
    """Whether the database refuses a hit for what is in it, and would take others."""
    return isinstance(error, DataError | IntegrityError | OverflowError | ValueError)


def private_connection(alias: str) -> BaseDatabaseWrapper:
    """A connection to the same database that no other part of the process uses or closes."""
    shared = connections[alias]
    settings = copy.deepcopy(shared.settings_dict)
    settings["OPTIONS"].pop("pool", None)
    if shared.vendor == "postgresql":
        settings["OPTIONS"] = SILENCE | settings["OPTIONS"]
    private = type(shared)(settings, alias=alias)
    # The writer's lock lets one thread in at a time.
    private.inc_thread_sharing()
    return private
