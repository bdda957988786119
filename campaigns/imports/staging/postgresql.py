"""Staging on PostgreSQL: COPY into a table of the import's own, then one statement for all rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db import connection

from campaigns.imports.rows import Row
from campaigns.imports.staging.base import Among, Enrol, Stored
from campaigns.models import CorrectedAddress, Import, Recipient, SuppressedAddress

WRITTEN_AT_ONCE = 256 << 10  # characters
RECIPIENTS = Recipient._meta.db_table
SUPPRESSED = SuppressedAddress._meta.db_table
CORRECTED = CorrectedAddress._meta.db_table
# Two imports that store at the same moment would wait for each other's addresses; and whoever is
# erased at that moment would be brought back.
ONE_AT_A_TIME = 0x676C696D
READ_AT_ONCE = 10_000
# In the letters' plain order: sorting by a language's rules takes several times as long.
ORDER = 'COLLATE "C"'


class PostgresqlStaging:
    def __init__(self, one: Import) -> None:
        self._campaign = one.campaign
        self._rows = f"campaigns_import_{one.pk}_rows"
        self._chosen = f"campaigns_import_{one.pk}_chosen"

    def resume(self, last_line: int, rows: int) -> bool:
        # Unlogged: a database that crashes forgets the rows, and they are read again.
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)", [self._rows])
            if cursor.fetchone()[0] is not None and self._count(cursor) == rows:
                return True
            self._drop(cursor)
            cursor.execute(
                f"CREATE UNLOGGED TABLE {self._rows} (line bigint, email_key text, email text, "
                f"name text, attributes text)"
            )
        return last_line == 0

    def add(self, batches: Iterable[Sequence[Row]]) -> None:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {self._rows} FROM STDIN") as copy,
        ):
            waiting: list[str] = []
            length = 0
            for rows in batches:
                text = "".join(map(_line, rows))
                waiting.append(text)
                length += len(text)
                if length > WRITTEN_AT_ONCE:
                    copy.write("".join(waiting))
                    waiting, length = [], 0
            copy.write("".join(waiting))

    def alone(self) -> None:
        wait_for_others()

    def leave_out(self, among: Among) -> int:
        found: set[str] = set()
        # A cursor of the server's: memory holds one portion.
        with connection.chunked_cursor() as cursor:
            cursor.execute(f"SELECT email_key FROM {self._rows}")
            while rows := cursor.fetchmany(READ_AT_ONCE):
                found |= among([key for (key,) in rows])
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {self._rows} WHERE email_key = ANY(%s)", [sorted(found)])
            return int(cursor.rowcount)

    def store(self, enrol: Enrol, *, is_dry_run: bool) -> Stored:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '64MB'")
            corrected = self._correct(cursor)
            stored = replace(self._choose(cursor), corrected=corrected)
            if not is_dry_run:
                self._insert(cursor, stored.created)
                self._update(cursor)
                stored = replace(stored, added=enrol(self._campaign, self._chosen))
            cursor.execute(f"DROP TABLE {self._chosen}")
        return stored

    def drop(self) -> None:
        with connection.cursor() as cursor:
            self._drop(cursor)

    def _drop(self, cursor: Any) -> None:
        cursor.execute(f"DROP TABLE IF EXISTS {self._rows}")

    def _count(self, cursor: Any, condition: str = "") -> int:
        cursor.execute(f"SELECT count(*) FROM {self._rows} AS staged {condition}")
        return int(cursor.fetchone()[0])

    def _correct(self, cursor: Any) -> int:
        """Mistyped addresses that were corrected before; rows are read for it only if there are."""
        if not CorrectedAddress.objects.exists():
            return 0
        cursor.execute(
            f"""
            UPDATE {self._rows} AS staged SET email_key = recipient.email_key
            FROM {CORRECTED} AS corrected JOIN {RECIPIENTS} AS recipient
                ON recipient.id = corrected.recipient_id
            WHERE staged.email_key = corrected.email_key
                AND recipient.email_key <> corrected.email_key
                AND NOT EXISTS (
                    SELECT FROM {SUPPRESSED} AS no WHERE no.email_key = corrected.email_key
                )
            """
        )
        return int(cursor.rowcount)

    def _choose(self, cursor: Any) -> Stored:
        """One row an address, with the recipient's id: the known one's, or a new one."""
        is_suppressed = (
            f"EXISTS (SELECT FROM {SUPPRESSED} AS no WHERE no.email_key = staged.email_key)"
        )
        cursor.execute(
            f"""
            CREATE TEMPORARY TABLE {self._chosen} AS
            SELECT email_key, email, name, attributes::jsonb AS attributes, known IS NULL AS is_new,
                coalesce(known, nextval(pg_get_serial_sequence(%s, 'id'))) AS recipient_id
            FROM (
                SELECT DISTINCT ON (staged.email_key {ORDER}) staged.*, recipient.id AS known
                FROM {self._rows} AS staged LEFT JOIN {RECIPIENTS} AS recipient USING (email_key)
                WHERE NOT {is_suppressed}
                ORDER BY staged.email_key {ORDER}, line
            ) AS first_of_each
            """,
            [RECIPIENTS],
        )
        cursor.execute(f"SELECT count(*), count(*) FILTER (WHERE is_new) FROM {self._chosen}")
        chosen, new = cursor.fetchone()
        suppressed = self._count(cursor, f"WHERE {is_suppressed}")
        duplicates = self._count(cursor) - suppressed - chosen
        return Stored(new, chosen - new, duplicates, suppressed)

    def _insert(self, cursor: Any, expected: int) -> None:
        cursor.execute(
            f"""
            INSERT INTO {RECIPIENTS} (id, email, email_key, name, attributes, created_at)
            SELECT recipient_id, email, email_key, name, attributes, now()
            FROM {self._chosen} WHERE is_new
            ON CONFLICT (email_key) DO NOTHING
            """
        )
        if cursor.rowcount < expected:
            # Somebody has added the same address since it was chosen: then it is known after all.
            cursor.execute(
                f"""
                UPDATE {self._chosen} AS chosen SET recipient_id = recipient.id, is_new = false
                FROM {RECIPIENTS} AS recipient
                WHERE is_new AND recipient.email_key = chosen.email_key
                    AND recipient.id <> chosen.recipient_id
                """
            )

    def _update(self, cursor: Any) -> None:
        """What the file says is added to what is known; what it does not say, stays."""
        cursor.execute(
            f"""
            UPDATE {RECIPIENTS} AS recipient
            SET name = coalesce(nullif(chosen.name, ''), recipient.name),
                attributes = recipient.attributes || chosen.attributes
            FROM {self._chosen} AS chosen
            WHERE NOT chosen.is_new AND recipient.id = chosen.recipient_id AND (
                chosen.name NOT IN ('', recipient.name)
                OR NOT recipient.attributes @> chosen.attributes
            )
            """
        )


def wait_for_others() -> None:
    """Whoever stores is through, and nobody begins until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])


def _line(row: Row) -> str:
    line, key, email, name, attributes = row
    text = f"{line}\t{key}\t{email}\t{name}\t{attributes}"
    # Neither addresses nor names nor JSON hold tabs or line breaks.
    return f"{text.replace(chr(92), chr(92) * 2)}\n" if "\\" in text else f"{text}\n"
