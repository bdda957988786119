"""One address that fetches at a pace at which no office reads: a gateway inspecting its mail."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
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
    """The stretches in which these, in order of time, came at such a pace; apart and in order."""
    windows = [_Window(pace) for pace in PACES]
    found: list[tuple[datetime, datetime, set[int]]] = []
    for look in looks:
        for start in (start for window in windows if (start := window.add(look)) is not None):
            recipients = {look.recipient_id}
            # The two paces' windows begin at different moments.
            while found and found[-1][1] >= start:
                before, _, others = found.pop()
                start, recipients = min(start, before), recipients | others
            found.append((start, look.opened_at, recipients | _recipients(windows, start)))
    return [Run(start, end, len(recipients)) for start, end, recipients in found]


def _recipients(windows: list[_Window], start: datetime) -> set[int]:
    return {
        look.recipient_id for window in windows for look in window.looks if look.opened_at >= start
    }


class _Window:
    """The last looks, as far back as a pace goes."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.looks: deque[Look] = deque()
        self._all: Counter[int] = Counter()
        self._by_agent: dict[int | None, Counter[int]] = defaultdict(Counter)

    def add(self, look: Look) -> datetime | None:
        """When the window begins, if it is full now."""
        self.looks.append(look)
        self._all[look.recipient_id] += 1
        self._by_agent[look.user_agent_id][look.recipient_id] += 1
        while self.looks[0].opened_at < look.opened_at - self._pace.within:
            self._forget(self.looks.popleft())
        return self.looks[0].opened_at if self._is_full() else None

    def _forget(self, look: Look) -> None:
        for counter in (self._all, self._by_agent[look.user_agent_id]):
            counter[look.recipient_id] -= 1
            if not counter[look.recipient_id]:
                del counter[look.recipient_id]
        if not self._by_agent[look.user_agent_id]:
            del self._by_agent[look.user_agent_id]

    def _is_full(self) -> bool:
        if len(self._all) < RECIPIENTS:
            return False
        if self._pace.agents is None:
            return len(self._all) >= self._pace.recipients_each * len(self._by_agent)
        busiest = sorted(self._by_agent.values(), key=len)[-self._pace.agents :]
        return len({one for agent in busiest for one in agent}) >= RECIPIENTS
