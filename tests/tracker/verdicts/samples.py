"""Real user agents, each with what is known to have fetched the pixel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from tracker.verdicts import Verdict

FILE = Path(__file__).with_name("user_agents.jsonl")


class Sample(NamedTuple):
    ua: str
    ip: str | None
    verdict: Verdict
    invented: bool


def samples() -> list[Sample]:
    lines = map(json.loads, FILE.read_text("utf-8").splitlines())
    return [
        Sample(line["ua"], line["ip"], Verdict(line["verdict"]), line.get("invented", False))
        for line in lines
    ]
