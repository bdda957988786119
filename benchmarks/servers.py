"""Starts the servers that are measured, each in a process group of its own, and stops them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 30.0
STOPS_WITHIN = 10.0


class ServerError(Exception):
    """Says which server, and the end of what it wrote."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(
    name: str, command: Sequence[str], environment: Mapping[str, str], port: int, folder: Path
) -> Iterator[int]:
    """The process id of a server that answers on the port; it is stopped whatever happens."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**inherited(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_it_answers(name, process, port, log)
        yield process.pid
    finally:
        stop(process)


def inherited() -> dict[str, str]:
    """All that a server takes from the outside: nothing there may change what is measured."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def wait_until_it_answers(
    name: str, process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        if answers(port):
            return
        time.sleep(0.05)
    end = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
    raise ServerError(f"{name} does not answer (exit status {process.poll()}):\n{end}")


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPS_WITHIN)
    # Workers that outlived their parent, too.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
