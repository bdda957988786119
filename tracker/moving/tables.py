"""Which tables move, in which order, and how their rows are read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from ipaddress import ip_address
from typing import Any

from django.apps import apps
from django.db import DataError, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Collate

from tracker.models import Open
from tracker.moving.faults import MoveError
from tracker.moving.room import make_room

# Log-ins and what was tried at the log-in belong to the server that they happened on, and to
# these minutes: people log in again.
LEFT_BEHIND = ("sessions", "axes", "django_tasks_database")
CHUNK = 2_000
BATCH = 5_000

Row = tuple[Any, ...]
# These the drivers of both databases take as they are; AutoField is an integer too.
PLAIN = (
    models.BooleanField,
    models.CharField,
    models.GenericIPAddressField,
    models.IntegerField,
    models.TextField,
)
# And these PostgreSQL's alone.
NATIVE = (models.DateTimeField, models.UUIDField)


@dataclass(frozen=True)
class Table:
    """Rows of a table as tuples of Python's values, the key first, in the order of the key."""

    model: type[models.Model]

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @cached_property
    def fields(self) -> list[models.Field[Any, Any]]:
        key = self._key
        others = [
            field
            for field in self.model._meta.concrete_fields
            if field is not key and not getattr(field, "generated", False)
        ]
        return [key, *others]

    @property
    def _key(self) -> models.Field[Any, Any]:
        key = self.model._meta.pk
        assert key is not None
        return key

    def rows(self, alias: str, after: Any = None, only: Sequence[Any] | None = None) -> Any:
        """A stream; ``after`` a key, or ``only`` those with these keys."""
        key = self._key.attname
        query = self.model._base_manager.using(alias).order_by(self._order(alias))
        if after is not None:
            query = query.filter(**{f"{key}__gt": after})
        if only is not None:
            query = query.filter(**{f"{key}__in": only})
        names = [field.attname for field in self.fields]
        return query.values_list(*names).iterator(chunk_size=CHUNK)

    def keys(self, alias: str) -> Iterator[Any]:
        return (
            self.model._base_manager.using(alias)
            .values_list(self._key.attname, flat=True)
            .iterator(chunk_size=CHUNK)
        )

    def count(self, alias: str) -> int:
        return self.model._base_manager.using(alias).count()

    def greatest(self, alias: str) -> Any:
        query = self.model._base_manager.using(alias).order_by(self._order(alias))
        return query.values_list(self._key.attname, flat=True).last()

    def _order(self, alias: str) -> Any:
        """Texts by their code points, which is how Python orders them too."""
        key = self._key
        if isinstance(key, models.CharField | models.TextField):
            collation = "C" if connections[alias].vendor == "postgresql" else "BINARY"
            return Collate(models.F(key.attname), collation)
        return key.attname

    def add(self, alias: str, rows: Sequence[Row]) -> None:
        """In one statement; the caller has the transaction."""
        if not rows:
            return
        connection = connections[alias]
        if self.model is Open:
            make_room(alias, rows[0][0], rows[-1][0])
        try:
            if connection.vendor == "postgresql":
                self._copy(connection, rows)
            else:
                self._insert(connection, rows)
        except (DataError, OverflowError) as error:
            raise MoveError(
                f"The new database refuses a row of {self.name} with keys from {rows[0][0]} to "
                f"{rows[-1][0]}: {str(error).strip()} Mend that row in the old database, then "
                f"run the command again; it goes on from here."
            ) from error

    def delete(self, alias: str, keys: Sequence[Any]) -> None:
        query = self.model._base_manager.using(alias).filter(
            **{f"{self._key.attname}__in": list(keys)}
        )
        # Row by row as they are: what belongs to them is compared as its own table.
        query._raw_delete(alias)

    def clear(self, alias: str) -> None:
        self.model._base_manager.using(alias).all()._raw_delete(alias)

    def are_equal(self, one: Row, other: Row) -> bool:
        """Field by field; one address may be spelled in two ways, and PostgreSQL knows one."""
        return one == other or all(
            a == b or (isinstance(field, models.GenericIPAddressField) and _address(a, b))
            for field, a, b in zip(self.fields, one, other, strict=True)
        )

    def _copy(self, connection: BaseDatabaseWrapper, rows: Iterable[Row]) -> None:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in self.fields)
        statement = f"COPY {quote(self.name)} ({columns}) FROM STDIN"
        # Django does not know this way of writing: its errors would be the driver's own.
        errors = connection.wrap_database_errors
        with errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in self._adapted(connection, rows):
                copy.write_row(row)

    def _insert(self, connection: BaseDatabaseWrapper, rows: Iterable[Row]) -> None:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in self.fields)
        marks = ", ".join(["%s"] * len(self.fields))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {quote(self.name)} ({columns}) VALUES ({marks})",
                list(self._adapted(connection, rows)),
            )

    def _adapted(self, connection: BaseDatabaseWrapper, rows: Iterable[Row]) -> Iterable[Row]:
        """As the database's driver wants them."""
        adapters = [
            (place, adapter)
            for place, field in enumerate(self.fields)
            if (adapter := _adapter(field, connection)) is not None
        ]
        if not adapters:
            return rows
        return self._each_adapted(rows, adapters)

    def _each_adapted(
        self, rows: Iterable[Row], adapters: Sequence[tuple[int, Callable[[Any], Any]]]
    ) -> Iterator[Row]:
        for row in rows:
            adapted = list(row)
            for place, adapter in adapters:
                adapted[place] = adapter(adapted[place])
            yield tuple(adapted)

    def last_key_given(self, alias: str) -> int | None:
        """The greatest key that the database ever gave, deleted rows included."""
        connection = connections[alias]
        if not isinstance(self._key, models.AutoField):
            return None
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [self.name])
            else:
                sequence = self._sequence(connection)
                cursor.execute(f"SELECT last_value FROM {sequence} WHERE is_called")
            row = cursor.fetchone()
        # SQLite says 0 for a table that was altered before it had a row.
        return int(row[0]) or None if row else None

    def give_keys_after(self, alias: str, last: int | None) -> None:
        """A key is never given twice: a pixel's stands in mailboxes for ever.

        Nor one that a row has, though the database it came from may have forgotten that it gave it.
        """
        if not isinstance(self._key, models.AutoField):
            return
        last = max(last or 0, self.last_key_given(alias) or 0, self.greatest(alias) or 0)
        if last < 1:
            return
        connection = connections[alias]
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [self.name])
                cursor.execute("INSERT INTO sqlite_sequence VALUES (%s, %s)", [self.name, last])
            else:
                cursor.execute("SELECT setval(%s, %s)", [self._sequence(connection), last])

    def _sequence(self, connection: BaseDatabaseWrapper) -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_get_serial_sequence(%s, %s)",
                [connection.ops.quote_name(self.name), self._key.column],
            )
            return str(cursor.fetchone()[0])


def tables() -> list[Table]:
    """All that move; each after those that it refers to."""
    moving = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        and not model._meta.proxy
        and model._meta.app_label not in LEFT_BEHIND
    ]
    # In a fixed order, whatever the order of a set is today.
    graph = {model: _referred_by(model, moving) for model in moving}
    return [Table(model) for model in TopologicalSorter(graph).static_order()]


def _referred_by(
    model: type[models.Model], moving: Sequence[type[models.Model]]
) -> list[type[models.Model]]:
    fields = model._meta.concrete_fields
    referred = [field.related_model for field in fields if field.remote_field is not None]
    return [one for one in moving if one in referred and one is not model]


def _adapter(
    field: models.Field[Any, Any], connection: BaseDatabaseWrapper
) -> Callable[[Any], Any] | None:
    while field.remote_field is not None:
        field = field.target_field  # type: ignore[attr-defined]  # of a foreign key
    if isinstance(field, PLAIN):
        return None
    if isinstance(field, NATIVE) and connection.vendor == "postgresql":
        return None
    if isinstance(field, models.JSONField) and not field.null:
        # JSON's own null is a value.
        return lambda value: field.get_db_prep_value(value, connection)
    return lambda value: field.get_db_prep_save(value, connection)


def _address(one: str | None, other: str | None) -> bool:
    return bool(one and other) and ip_address(str(one)) == ip_address(str(other))
