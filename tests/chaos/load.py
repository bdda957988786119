"""Clients whose every request can be told apart afterwards, by the agent that it names."""

from __future__ import annotations

import http.client
import itertools
import threading

from tests.server import Installation
from tracker.endpoint import GIF


class TracedLoad:
    """Opens mails until told to stop; ``asked`` and ``answered`` hold the requests' own names."""

    def __init__(self, made: Installation, paths: list[str], round_name: str, clients: int) -> None:
        self.asked: set[str] = set()
        self.answered: set[str] = set()
        self._made = made
        self._paths = itertools.cycle(paths)
        self._round = round_name
        self._numbers = itertools.count()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._open) for _ in range(clients)]

    def __enter__(self) -> TracedLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)

    def _open(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._made.port, timeout=20)
        while not self._is_over.is_set():
            name = f"{self._round}-{next(self._numbers)}"
            self.asked.add(name)
            try:
                connection.request("GET", next(self._paths), headers={"User-Agent": name})
                if connection.getresponse().read() == GIF:
                    self.answered.add(name)
            except (OSError, http.client.HTTPException):
                # Nobody answered: nothing was promised. A moment later somebody may.
                connection.close()
                self._is_over.wait(0.02)
