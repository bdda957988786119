"""Staging on SQLite: a file of its own, so that hits wait for one transaction at the end only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from campaigns.imports.files import import_dir
from campaigns.imports.rows import Row
from campaigns.imports.staging.base import Among, Enrol, Stored
from campaigns.models import CorrectedAddress, Import, Recipient, SuppressedAddress

RECIPIENTS = Recipient._meta.db_table
SUPPRESSED = SuppressedAddress._meta.db_table
# How many addresses are asked for at a time.
GROUP = 500
READ_AT_ONCE = 10_000

Known = dict[str, tuple[int, str, str]]


class SqliteStaging:
    def __init__(self, one: Import) -> None:
        self._campaign = one.campaign
        self._path = import_dir() / f"rows-{one.pk}.sqlite3"
        self._chosen = f"campaigns_import_{one.pk}_chosen"

    def resume(self, last_line: int, rows: int) -> bool:
        with closing(self._open()) as file:
            # What was added by a chunk whose progress was not committed any more.
            file.execute("DELETE FROM rows WHERE line > ?", [last_line])
            if file.execute("SELECT count(*) FROM rows").fetchone()[0] == rows:
                return True
            file.execute("DELETE FROM rows")
        return last_line == 0

    def add(self, batches: Iterable[Sequence[Row]]) -> None:
        with closing(self._open()) as file:
            file.execute("BEGIN")
            for rows in batches:
                # Again after a crash: the same line with the same content.
                file.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?)", rows)
            file.execute("COMMIT")

    def alone(self) -> None:
        """The transaction holds the write lock."""

    def leave_out(self, among: Among) -> int:
        found: set[str] = set()
        with closing(self._open()) as file:
            keys = file.execute("SELECT email_key FROM rows")
            while rows := keys.fetchmany(READ_AT_ONCE):
                found |= among([key for (key,) in rows])
            removed = file.executemany(
                "DELETE FROM rows WHERE email_key = ?", [(key,) for key in sorted(found)]
            )
            return max(removed.rowcount, 0)

    def store(self, enrol: Enrol, *, is_dry_run: bool) -> Stored:
        suppressed = duplicates = created = updated = 0
        with connection.cursor() as cursor, closing(self._open()) as file:
            # Never committed: whoever stores it again finds the rows as they were read.
            file.execute("BEGIN")
            corrected = _correct(file)
            cursor.execute(
                f"CREATE TEMPORARY TABLE {self._chosen} (recipient_id integer, is_new boolean)"
            )
            next_id = _next_id(cursor)
            for group in _groups(file):
                firsts = {}
                out = _suppressed(cursor, [row[1] for row in group])
                for row in group:
                    if row[1] in out:
                        suppressed += 1
                    elif row[1] in firsts:
                        duplicates += 1
                    else:
                        firsts[row[1]] = row
                known = _known(cursor, list(firsts))
                new = [row for key, row in firsts.items() if key not in known]
                created += len(new)
                updated += len(known)
                if not is_dry_run:
                    self._insert(cursor, new, next_id)
                    self._update(cursor, firsts, known)
                next_id += len(new)
            added = 0 if is_dry_run else enrol(self._campaign, self._chosen)
            cursor.execute(f"DROP TABLE {self._chosen}")
            file.execute("ROLLBACK")
        return Stored(created, updated, duplicates, suppressed, added, corrected)

    def drop(self) -> None:
        for ending in ("", "-journal"):
            Path(f"{self._path}{ending}").unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)
        file = sqlite3.connect(self._path, isolation_level=None, timeout=20)
        file.execute("PRAGMA cache_size = -8000")  # KB
        # A power cut may damage it: then the count differs, and the file is read again.
        file.execute("PRAGMA synchronous = OFF")
        file.execute(
            "CREATE TABLE IF NOT EXISTS rows "
            "(line INTEGER PRIMARY KEY, email_key, email, name, attributes)"
        )
        return file

    def _insert(self, cursor: Any, new: Sequence[Row], next_id: int) -> None:
        now = timezone.now().replace(tzinfo=None).isoformat(sep=" ")
        cursor.executemany(
            f"INSERT INTO {RECIPIENTS} (id, email, email_key, name, attributes, created_at) "
            f"VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (number, email, key, name, attributes, now)
                for number, (_, key, email, name, attributes) in enumerate(new, next_id)
            ],
        )
        self._choose(cursor, range(next_id, next_id + len(new)), is_new=True)

    def _update(self, cursor: Any, rows: dict[str, Row], known: Known) -> None:
        changed = []
        for key, (number, name, attributes) in known.items():
            _, _, _, new_name, new_attributes = rows[key]
            merged = attributes
            if new_attributes != "{}":
                merged = json.dumps(json.loads(attributes) | json.loads(new_attributes))
            if (new_name or name) != name or merged != attributes:
                changed.append((new_name or name, merged, number))
        cursor.executemany(
            f"UPDATE {RECIPIENTS} SET name = %s, attributes = %s WHERE id = %s", changed
        )
        self._choose(cursor, [number for number, _, _ in known.values()], is_new=False)

    def _choose(self, cursor: Any, recipient_ids: Iterable[int], *, is_new: bool) -> None:
        cursor.executemany(
            f"INSERT INTO {self._chosen} VALUES (%s, %s)",
            [(number, is_new) for number in recipient_ids],
        )


def _correct(file: sqlite3.Connection) -> int:
    """Mistyped addresses that were corrected before become what they were corrected to."""
    suppressed = SuppressedAddress.objects.filter(email_key=OuterRef("email_key"))
    known = list(
        CorrectedAddress.objects.exclude(email_key=F("recipient__email_key"))
        .filter(~Exists(suppressed))
        .values_list("email_key", "recipient__email_key")
    )
    if not known:
        return 0
    file.execute("CREATE TEMPORARY TABLE corrected (mistyped PRIMARY KEY, email_key)")
    file.executemany("INSERT INTO corrected VALUES (?, ?)", known)
    return file.execute(
        "UPDATE rows SET email_key = "
        "(SELECT email_key FROM corrected WHERE mistyped = rows.email_key) "
        "WHERE email_key IN (SELECT mistyped FROM corrected)"
    ).rowcount


def _groups(file: sqlite3.Connection) -> Iterator[list[Row]]:
    """In the order of their addresses; all rows of one address are in one group."""
    rows = iter(file.execute("SELECT * FROM rows ORDER BY email_key, line"))
    group = list(islice(rows, GROUP))
    while group:
        following = list(islice(rows, GROUP))
        while following and following[0][1] == group[-1][1]:
            group.append(following.pop(0))
            following += islice(rows, 1)
        yield group
        group = following


def _next_id(cursor: Any) -> int:
    """The transaction holds the write lock: nobody else takes it."""
    cursor.execute(
        f"SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = %s), 0), "
        f"coalesce((SELECT max(id) FROM {RECIPIENTS}), 0)) + 1",
        [RECIPIENTS],
    )
    return int(cursor.fetchone()[0])


def _known(cursor: Any, keys: list[str]) -> Known:
    if not keys:
        return {}
    cursor.execute(
        f"SELECT email_key, id, name, attributes FROM {RECIPIENTS} "
        f"WHERE email_key IN ({', '.join(['%s'] * len(keys))})",
        keys,
    )
    return {key: (number, name, attributes) for key, number, name, attributes in cursor.fetchall()}


def _suppressed(cursor: Any, keys: list[str]) -> set[str]:
    keys = list(dict.fromkeys(keys))
    cursor.execute(
        f"SELECT email_key FROM {SUPPRESSED} WHERE email_key IN ({', '.join(['%s'] * len(keys))})",
        keys,
    )
    return {key for (key,) in cursor.fetchall()}
