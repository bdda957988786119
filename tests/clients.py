"""Clients that write to the socket themselves: people who read mail, and those who do harm."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from tests.server import METRICS_TOKEN, Installation
from tests.test_flow import request
from tracker.endpoint import GIF

Answer = tuple[int, bytes]
IMAGE: Answer = (200, GIF)
WITHIN = 30.0


def asking(path: str, *lines: str, method: str = "GET") -> bytes:
    """The bytes of a whole request."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: Thunderbird", *lines]
    return "\r\n".join([*head, "", ""]).encode()


def connect(made: Installation) -> socket.socket:
    return socket.create_connection(("127.0.0.1", made.port), timeout=WITHIN)


@contextmanager
def crowd(made: Installation, number: int) -> Iterator[list[socket.socket]]:
    """So many connections, none of which is left open."""
    with ExitStack() as stack:
        yield [stack.enter_context(connect(made)) for _ in range(number)]


def read_answer(file: BinaryIO) -> Answer:
    """The next answer of a connection on which more may follow."""
    status = int(file.readline().split()[1])
    length = 0
    while (line := file.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, file.read(length)


def read_until_closed(connection: socket.socket) -> bytes:
    """What comes until the server closes; TimeoutError if it does not."""
    received = bytearray()
    try:
        while block := connection.recv(65536):
            received += block
    except (ConnectionResetError, BrokenPipeError):
        pass  # closed, with something of ours still unread
    return bytes(received)


def hang_up(connection: socket.socket, *, is_rude: bool) -> None:
    """Close; rudely, so that the other side gets a reset instead of an end."""
    if is_rude:
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()


def outcomes(made: Installation) -> Counter[str]:
    """What became of all requests for pixels so far, of all processes of the server."""
    found: Counter[str] = Counter()
    for name, value in metrics_of(made).items():
        if name.startswith("glimpse_hits_total"):
            found[name.split('"')[1]] += int(value)
    return found


def metrics_of(made: Installation) -> dict[str, float]:
    status, _, body = request(
        made, "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}
    )
    assert status == 200, body
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


class MailReaders:
    """People who read their mail meanwhile, each image on a connection of its own."""

    def __init__(self, made: Installation, paths: Sequence[str], clients: int = 4) -> None:
        self.answered = 0
        self.slowest = 0.0
        self.failures: list[str] = []
        self._made = made
        self._paths = itertools.cycle(paths)
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._read_mails) for _ in range(clients)]

    def __enter__(self) -> MailReaders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(2 * WITHIN)

    def wait_for(self, more: int) -> None:
        """Until so many more images have come."""
        target = self.answered + more
        until = time.monotonic() + WITHIN
        while self.answered < target and not self.failures:
            assert time.monotonic() < until, self._made.log
            time.sleep(0.005)

    def _read_mails(self) -> None:
        # Unhurried: they are not the flood.
        while not self._is_over.wait(0.02):
            with self._lock:
                path = next(self._paths)
            started = time.monotonic()
            try:
                status, _, body = request(self._made, path)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                continue
            with self._lock:
                self.slowest = max(self.slowest, time.monotonic() - started)
                if (status, body) == IMAGE:
                    self.answered += 1
                else:
                    self.failures.append(f"{status}: {body[:200]!r}")


def flood(made: Installation, requests: Iterator[bytes], connections: int) -> int:
    """All these requests as fast as they are answered; how many were answered with the image."""
    return asyncio.run(_flood(made, requests, connections))


async def _flood(made: Installation, requests: Iterator[bytes], connections: int) -> int:
    return sum(await asyncio.gather(*(_ask_in_turn(made, requests) for _ in range(connections))))


async def _ask_in_turn(made: Installation, requests: Iterator[bytes]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    images = 0
    try:
        for one in requests:
            writer.write(one)
            async with asyncio.timeout(WITHIN):
                head = await reader.readuntil(b"\r\n\r\n")
                # Nothing but images is asked for here, and they all have this length.
                body = await reader.readexactly(len(GIF))
            images += (int(head.split()[1]), body) == IMAGE
    finally:
        writer.close()
        await writer.wait_closed()
    return images
