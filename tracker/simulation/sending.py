"""The requests of a simulation: to a running server, over HTTP, as its trusted proxy."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

PATIENCE = 30.0  # seconds until the server has to be up
CONNECTIONS = 8


class SendingError(Exception):
    """The server did not take the requests; the message is for a person."""


class PixelRequest(NamedTuple):
    pixel_id: int
    path: str
    ip: str
    user_agent: str


@contextmanager
def running_server() -> Iterator[str]:
    """The production server on a free port of this machine, which believes our addresses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "TRUSTED_PROXIES": "127.0.0.1/32", "ALLOWED_HOSTS": "127.0.0.1"},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=10):  # noqa: S310  # http
                return
        except (OSError, http.client.HTTPException):
            # It is not there yet, or answers late: the socket listens before anybody accepts.
            time.sleep(0.05)
    raise SendingError("The server did not start; `manage.py serve` says why.")


def send(address: str, requests: Sequence[PixelRequest], *, rate: float) -> None:
    """All of them, at most ``rate`` a second; those of one pixel one after the other, in order."""
    pace = _Pace(rate)
    shares = [
        [one for one in requests if one.pixel_id % CONNECTIONS == number]
        for number in range(CONNECTIONS)
    ]
    failures: list[Exception] = []
    threads = [
        threading.Thread(target=_send_share, args=(address, share, pace, failures), daemon=True)
        for share in shares
        if share
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        # What is under way still arrives: whoever withdraws it comes after.
        failures.append(SendingError("interrupted"))
        for thread in threads:
            thread.join()
        raise
    if failures:
        raise SendingError(f"{address} does not take the requests: {failures[0]}")


class _Pace:
    def __init__(self, rate: float) -> None:
        self._pause = 1 / rate
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + self._pause
        time.sleep(max(0.0, turn - now))


def _send_share(
    address: str, share: Sequence[PixelRequest], pace: _Pace, failures: list[Exception]
) -> None:
    """Stops when any share has failed."""
    url = urlsplit(address)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=30)
    try:
        for one in share:
            pace.wait()
            if failures:
                return
            headers = {"User-Agent": one.user_agent, "X-Forwarded-For": one.ip}
            connection.request("GET", one.path, headers=headers)
            with connection.getresponse() as answer:
                answer.read()
                if answer.status != 200:
                    raise SendingError(f"it answers {answer.status} {answer.reason}")
    except (OSError, http.client.HTTPException, SendingError) as error:
        failures.append(error)
    finally:
        connection.close()
