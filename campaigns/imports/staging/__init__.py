"""Where judged rows wait until all are there; PostgreSQL and SQLite each have their own way."""

from __future__ import annotations

from django.db import connection

from campaigns.imports.staging.base import Enrol, Staging, Stored
from campaigns.imports.staging.postgresql import PostgresqlStaging, wait_for_others
from campaigns.imports.staging.sqlite import SqliteStaging
from campaigns.models import Import

__all__ = ["Enrol", "Staging", "Stored", "staging_of", "wait_for_imports"]


def wait_for_imports() -> None:
    """Inside a transaction: nothing is stored by an import until it ends. SQLite lets nobody else
    write anyway."""
    if connection.vendor == "postgresql":
        wait_for_others()


def staging_of(one: Import) -> Staging:
    return PostgresqlStaging(one) if connection.vendor == "postgresql" else SqliteStaging(one)
