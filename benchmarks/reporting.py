"""What a form of this command hands back: a section of docs/performance.md, and whether it held."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    section: str
    content: str
    # Nothing was lost or miscounted, and no target missed.
    is_good: bool
    # What stands behind the facts about the machine.
    about: str = ""


def is_reached(title: str, value: float, most: float, unit: str = "") -> bool:
    """Said on the terminal, too: who reads the table later has no target beside it."""
    verdict = "reached" if value <= most else "MISSED"
    print(f"target at most {most:g}{unit} {title}: {value:.2f}, {verdict}", flush=True)
    return value <= most
