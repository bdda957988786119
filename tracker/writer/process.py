"""The one writer that a process keeps for the ordinary Django view, and for who writes by hand."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.hits import Hit
from tracker.writer.auto import open_writer
from tracker.writer.base import Writer

_writer: Writer | None = None


def write_hits(hits: Sequence[Hit]) -> int:
    """As ``Writer.write``; the writer is opened at the first call."""
    global _writer
    if _writer is None:
        _writer = open_writer()
    return _writer.write(hits)


def close_writer() -> None:
    """The next call opens another."""
    global _writer
    if _writer is not None:
        _writer.close()
        _writer = None
