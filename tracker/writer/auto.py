"""Chooses the writer that speaks the configured database's SQL."""

from __future__ import annotations

from django.db import connections

from tracker.judging import process_judge
from tracker.writer.base import Writer
from tracker.writer.postgresql import PostgresqlWriter
from tracker.writer.sqlite import SqliteWriter


def open_writer(alias: str = "default") -> Writer:
    """A writer with a connection of its own, which opens at the first group."""
    writer = PostgresqlWriter if connections[alias].vendor == "postgresql" else SqliteWriter
    return writer(alias, process_judge)
