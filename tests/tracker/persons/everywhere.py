"""A text is looked for in every column of every table, and in every file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import connection

COLUMNS = {
    "sqlite": """
        SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
        WHERE t.type = 'table' ORDER BY t.name, c.cid
    """,
    "postgresql": """
        SELECT t.relname, c.attname FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid
        WHERE t.relkind IN ('r', 'p') AND pg_table_is_visible(t.oid)
        AND t.relnamespace <> 'pg_catalog'::regnamespace AND c.attnum > 0 AND NOT c.attisdropped
        ORDER BY t.relname, c.attnum
    """,
}


def places_in_database(words: str) -> set[str]:
    """``table.column`` of whatever holds the words, whatever the column's type and the case."""
    found = set()
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        columns = _columns(cursor)
        assert len(columns) > 20
        for table, names in columns.items():
            # A table is read once, whatever it has of columns.
            holds = "max(CASE WHEN lower(CAST({} AS text)) LIKE %s THEN 1 ELSE 0 END)"
            asked = ", ".join(holds.format(quote(name)) for name in names)
            pattern = f"%{words.lower()}%"
            cursor.execute(f"SELECT {asked} FROM {quote(table)}", [pattern] * len(names))
            answer = zip(names, cursor.fetchone(), strict=True)
            found |= {f"{table}.{name}" for name, is_there in answer if is_there}
    return found


def _columns(cursor: Any) -> dict[str, list[str]]:
    """Of each table, also of every month's: asked of the database itself, as they are now.

    Django's introspection would parse the SQL of every table of SQLite anew.
    """
    cursor.execute(COLUMNS[connection.vendor])
    found: dict[str, list[str]] = {}
    for table, column in cursor.fetchall():
        found.setdefault(table, []).append(column)
    return found


def places_in_files(words: str, directory: Path) -> set[str]:
    return {
        path.name
        for path in directory.rglob("*")
        if path.is_file() and words.lower().encode() in path.read_bytes().lower()
    }
