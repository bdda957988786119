"""One address that fetches at a pace at which no office reads: a gateway inspecting its mail."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

# So many recipients, of one company or of several.
RECIPIENTS = 10


class Pace(NamedTuple):
    """``agents``: so many alone reach the recipients; ``recipients_each``: or so many recipients
    for each agent, which therefore take turns."""

    within: timedelta
    agents: int | None = None
    recipients_each: int = 1


# Ten people of one office, who sit at the same kind of computer, open no mailing within half a
# minute. A carrier's customers may, but hardly two of ten have the same phone; and whoever they
# are, they do not within five seconds.
PACES = (
    Pace(timedelta(seconds=30), agents=2),
    Pace(timedelta(seconds=20), recipients_each=2),
    Pace(timedelta(seconds=5)),
)
WIDEST = max(pace.within for pace in PACES)


class Look(NamedTuple):
    """One open from one address; a person who reads ten mails is one recipient."""

    opened_at: datetime
    recipient_id: int
    user_agent_id: int | None


class Run(NamedTuple):
    """From the first to the last look that belong to it, both included."""

    starts_at: datetime
    ends_at: datetime
    recipients: int


def runs(looks: Iterable[Look]) -> list[Run]:
    """The stretches in which these, in order of time, came at such a pace; apart and in order.

    Each look is taken up and let go once, whatever the address does: a flood costs no more a look
    than a trickle does.
    """
    windows = [_Window(pace) for pace in PACES]
    recent: deque[Look] = deque()
    forgotten = 0
    found: list[_Stretch] = []
    for look in looks:
        recent.append(look)
        while recent[0].opened_at < look.opened_at - WIDEST:
            recent.popleft()
            forgotten += 1
        for start in (start for window in windows if (start := window.add(look)) is not None):
            stretch = _Stretch(start, start, forgotten + len(recent))
            # The paces' windows begin at different moments.
            while found and found[-1].ends_at >= start:
                stretch = found.pop().joined(stretch)
            stretch.grow(recent, forgotten, start)
            found.append(stretch)
    return [Run(one.starts_at, one.ends_at, len(one.recipients)) for one in found]


class _Stretch:
    """A run while it grows: it knows which looks it has counted, by their place among all."""

    def __init__(self, starts_at: datetime, ends_at: datetime, place: int) -> None:
        self.starts_at = starts_at
        self.ends_at = ends_at
        self.recipients: set[int] = set()
        self._first = self._until = place

    def joined(self, later: _Stretch) -> _Stretch:
        """With what follows it; what lies between the two is counted by ``grow``."""
        if len(later.recipients) > len(self.recipients):
            self.recipients, later.recipients = later.recipients, self.recipients
        self.recipients |= later.recipients
        self.starts_at = min(self.starts_at, later.starts_at)
        return self

    def grow(self, recent: deque[Look], forgotten: int, start: datetime) -> None:
        """Up to the last of the looks, and back to those of ``start``."""
        for place in range(len(recent) - 1, self._until - forgotten - 1, -1):
            if recent[place].opened_at < start:
                break
            self.recipients.add(recent[place].recipient_id)
        before = min(self._first, forgotten + len(recent)) - forgotten - 1
        for place in range(before, -1, -1):
            if recent[place].opened_at < start:
                break
            self.recipients.add(recent[place].recipient_id)
            self._first = forgotten + place
        self._until = forgotten + len(recent)
        self.ends_at = recent[-1].opened_at


class _Window:
    """The last looks, as far back as a pace goes."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._looks: deque[Look] = deque()
        self._all: Counter[int] = Counter()
        self._by_agent: dict[int | None, Counter[int]] = defaultdict(Counter)
        # Agents by how many recipients each has reached, up to as many as are enough.
        self._with: list[dict[int | None, None]] = [{} for _ in range(RECIPIENTS + 1)]

    def add(self, look: Look) -> datetime | None:
        """When the window begins, if it is full now."""
        self._looks.append(look)
        self._count(look, 1)
        while self._looks[0].opened_at < look.opened_at - self._pace.within:
            self._count(self._looks.popleft(), -1)
        return self._looks[0].opened_at if self._is_full() else None

    def _count(self, look: Look, change: int) -> None:
        of_agent = self._by_agent[look.user_agent_id]
        before = min(len(of_agent), RECIPIENTS)
        for counter in (self._all, of_agent):
            counter[look.recipient_id] += change
            if not counter[look.recipient_id]:
                del counter[look.recipient_id]
        now = min(len(of_agent), RECIPIENTS)
        if now != before:
            self._with[before].pop(look.user_agent_id, None)
            self._with[now][look.user_agent_id] = None
        if not of_agent:
            del self._by_agent[look.user_agent_id], self._with[0][look.user_agent_id]

    def _is_full(self) -> bool:
        if len(self._all) < RECIPIENTS:
            return False
        if self._pace.agents is None:
            return len(self._all) >= self._pace.recipients_each * len(self._by_agent)
        if self._with[RECIPIENTS]:
            return True
        ordered = (agent for agents in reversed(self._with) for agent in agents)
        busiest = [self._by_agent[agent] for agent in islice(ordered, self._pace.agents)]
        return len(set().union(*busiest)) >= RECIPIENTS
