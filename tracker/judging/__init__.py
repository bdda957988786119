"""Opens are judged: when they are recorded, and again when more is known or the rules improve."""

from __future__ import annotations

from tracker.judging.process import process_judge

__all__ = ["process_judge"]
