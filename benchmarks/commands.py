"""Our commands as a person runs them: what they say, how long they take, their largest memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter

from benchmarks.servers import ROOT, inherited

LOOKS_EVERY = 0.02


@dataclass(frozen=True)
class Ran:
    """The start is part of the seconds; the memory is the whole process's, at its largest."""

    seconds: float
    memory_mb: float
    output: str


def manage(environment: Mapping[str, str], *arguments: str, is_checked: bool = True) -> Ran:
    """``manage.py`` with these arguments, until it ends."""
    began = perf_counter()
    with TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**inherited(), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        largest = 0
        try:
            while process.poll() is None:
                largest = max(largest, most_memory(process.pid))
                time.sleep(LOOKS_EVERY)
        finally:
            process.kill()
            process.wait()
        seconds = perf_counter() - began
        output.seek(0)
        said = output.read()
    if is_checked and process.returncode:
        raise SystemExit(f"{arguments[0]} ended with {process.returncode}: {said}")
    return Ran(seconds, largest / 1024, said)


def most_memory(pid: int) -> int:
    """Kilobytes; the kernel's own mark, so nothing between two looks is missed but the last."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next(
        (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0
    )
