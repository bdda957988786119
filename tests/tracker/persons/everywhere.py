"""A text is looked for in every column of every table, and in every file."""

from __future__ import annotations

from pathlib import Path

from django.db import connection


def places_in_database(words: str) -> set[str]:
    """``table.column`` of whatever holds the words, whatever the column's type and the case."""
    found = set()
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        tables = [
            table.name
            for table in connection.introspection.get_table_list(cursor)
            if table.type in ("t", "p")
        ]
        assert len(tables) > 20
        for table in tables:
            columns = connection.introspection.get_table_description(cursor, table)
            for column in columns:
                cursor.execute(
                    f"SELECT count(*) FROM {quote(table)} "
                    f"WHERE lower(CAST({quote(column.name)} AS text)) LIKE %s",
                    [f"%{words.lower()}%"],
                )
                if cursor.fetchone()[0]:
                    found.add(f"{table}.{column.name}")
    return found


def places_in_files(words: str, directory: Path) -> set[str]:
    return {
        path.name
        for path in directory.rglob("*")
        if path.is_file() and words.lower().encode() in path.read_bytes().lower()
    }
