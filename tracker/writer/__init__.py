"""A group of hits becomes opens and counts, in one transaction; idempotent by hit id.

Every writer keeps one order of locks: end loads and then unique opens, each by pixel, then campaign
counts, then quarters. So two
writers never wait for each other in a circle, and whoever holds a campaign's counts row knows
that no writer stands between its opens and its counts (``tracker.recount`` relies on it).
"""

from __future__ import annotations

from tracker.writer.auto import open_committer, open_writer
from tracker.writer.base import Writer, is_hits_fault
from tracker.writer.process import write_hits

__all__ = ["Writer", "is_hits_fault", "open_committer", "open_writer", "write_hits"]
