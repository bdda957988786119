"""Drives wrk over a file of pixel URLs and reads its figures."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# What real mail clients call themselves.
USER_AGENTS = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0",
)

# The address that a trusted proxy tells of a client, or none, and its agent.
Client = tuple[str, str]
CLIENTS = [("", agent) for agent in USER_AGENTS]

# The requests are made before the first is sent, so that wrk itself costs little.
SCRIPT = """
local requests, at = {}, 0

function init(arguments)
  local clients = {}
  for line in io.lines(arguments[2]) do
    local address, agent = line:match("^(.-)\t(.*)$")
    clients[#clients + 1] = {
      ["Host"] = "127.0.0.1", ["User-Agent"] = agent, ["Accept"] = "image/*,*/*;q=0.8",
      ["Accept-Encoding"] = "gzip, deflate",
      ["X-Forwarded-For"] = address ~= "" and address or nil }
  end
  for path in io.lines(arguments[1]) do
    local client = clients[#requests % #clients + 1]
    requests[#requests + 1] = wrk.format("GET", arguments[4] .. path, client)
  end
  at = math.floor(tonumber(arguments[3]) * #requests)
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("figures %d %d %d %d %d\\n", summary.requests, summary.duration,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


class LoadError(Exception):
    """wrk itself did not run."""


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw."""

    answered: int
    seconds: float
    errors: int
    median: float  # seconds
    p99: float

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


class Generator:
    """One thread, since the servers need the other cores."""

    def __init__(
        self, folder: Path, paths: Iterable[str], clients: Iterable[Client] = CLIENTS
    ) -> None:
        self._script = folder / "pixels.lua"
        self._paths = folder / "paths.txt"
        self._clients = folder / "clients.txt"
        self._script.write_text(SCRIPT)
        self._paths.write_text("\n".join(paths) + "\n")
        self._clients.write_text("".join(f"{address}\t{agent}\n" for address, agent in clients))

    def run(
        self,
        port: int,
        connections: int,
        seconds: int,
        prefix: str = "",
        start: float | None = None,
    ) -> Load:
        """``start``: where in the file, as a fraction of it; elsewhere each time if none."""
        begin = str(random.random() if start is None else start % 1)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout=10s"]
        command += ["-s", str(self._script), f"http://127.0.0.1:{port}", "--"]
        command += [str(self._paths), str(self._clients), begin, prefix]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return read_figures(result.stdout, result.stderr)


def read_figures(output: str, errors: str) -> Load:
    for line in output.splitlines():
        if line.startswith("figures "):
            answered, microseconds, failed, median, p99 = (int(part) for part in line.split()[1:])
            return Load(answered, microseconds / 1e6, failed, median / 1e6, p99 / 1e6)
    raise LoadError(f"wrk gave no figures:\n{output}\n{errors}")
