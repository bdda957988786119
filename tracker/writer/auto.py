"""Chooses the writer that speaks the configured database's SQL."""

from __future__ import annotations

from django.conf import settings
from django.db import connections

from tracker.judging import process_judge
from tracker.recorder import Committer
from tracker.stand_ins import configured_stand_ins
from tracker.writer.base import Writer
from tracker.writer.in_thread import InThread
from tracker.writer.keeping import Keeping
from tracker.writer.pipeline import Pipeline
from tracker.writer.postgresql import PostgresqlWriter
from tracker.writer.sqlite import SqliteWriter


def open_writer(alias: str = "default") -> Writer:
    """A writer with a connection of its own, which opens at the first group or ``prepare``."""
    writer = PostgresqlWriter if connections[alias].vendor == "postgresql" else SqliteWriter
    return writer(
        alias,
        process_judge,
        stand_ins=configured_stand_ins(),
        keeping=Keeping(settings.KEEP_ADDRESS, settings.KEEP_AGENT),
    )


def open_committer() -> Committer:
    """What a recorder commits through, with a writer of its own behind it."""
    writer = open_writer()
    if isinstance(writer, PostgresqlWriter):
        return Pipeline(writer)
    return InThread(writer.write, writer.prepare, writer.close)
