"""From one database to another, whole: all rows copied, compared, and counted again."""

from __future__ import annotations

from tracker.moving.move import Moved, move

__all__ = ["Moved", "move"]
