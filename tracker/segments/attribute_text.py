"""An attribute's text, in SQL: whatever its name is made of, and absent where there is none.

Not Django's KeyTransform: that takes a name such as 2024 for a place in a list, and on SQLite
writes names into a path in which quotes and letters outside ASCII are not found again.
"""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, F, FloatField, Func, TextField, Value


class AttributeText(Func):
    """The name is a parameter of the statement, never a part of its text."""

    output_field = TextField()
    arity = 2

    def __init__(self, name: str) -> None:
        super().__init__(F("attributes"), Value(name, output_field=CharField()))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(
            compiler, connection, template="(%(expressions)s::text)", arg_joiner=" ->> "
        )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        column, name = self.source_expressions
        sql, parameters = compiler.compile(column)
        key, keys = compiler.compile(name)
        value = "SELECT CAST(said.value AS text) FROM json_each"
        template = f"({value}({sql}) AS said WHERE said.key = {key})"
        return template, [*parameters, *keys]


class AsNumber(Func):
    """Of a text that is one, such as -12.5; null for every other text, which is no error."""

    output_field = FloatField()
    arity = 1
    PATTERN = r"^ *[+-]?[0-9]{1,15}(\.[0-9]{1,15})? *$"

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._sql(compiler, "~", "::double precision")

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._sql(compiler, "REGEXP", "")

    def _sql(self, compiler: Any, matches: str, cast: str) -> Any:
        sql, parameters = compiler.compile(self.source_expressions[0])
        value = f"({sql}){cast}" if cast else f"CAST({sql} AS real)"
        template = f"(CASE WHEN {sql} {matches} %s THEN {value} END)"
        return template, [*parameters, self.PATTERN, *parameters]


class AsDay(Func):
    """The day, as 2026-03-31, of a text that begins with one; null for every other."""

    output_field = TextField()
    arity = 1
    PATTERN = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([ T]|$)"

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._sql(compiler, "~", ' COLLATE "C"')

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._sql(compiler, "REGEXP", "")

    def _sql(self, compiler: Any, matches: str, collation: str) -> Any:
        sql, parameters = compiler.compile(self.source_expressions[0])
        template = f"(CASE WHEN {sql} {matches} %s THEN substr({sql}, 1, 10){collation} END)"
        return template, [*parameters, self.PATTERN, *parameters]
