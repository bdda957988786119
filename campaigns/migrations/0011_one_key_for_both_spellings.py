"""Keys that hold a domain as the network reads it become those in its own letters.

Where the other spelling has a row already, the row stays as it is: which of two histories is the
person's is not for a migration to say. Such a row is found by its key, ``xn--`` and all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import migrations, transaction

from campaigns.models.keys import PREFIX, email_key

# The table, the column, and whether the column is unique in it.
KEYS = (
    ("Recipient", "email_key", True),
    ("SuppressedAddress", "email_key", True),
    ("CorrectedAddress", "email_key", True),
    ("TypingSlip", "email_key", False),
    ("TypingSlip", "suggestion", False),
)
# Rows of one transaction: whoever writes meanwhile waits for no more than that.
STEP = 500


def renew(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    for name, column, is_unique in KEYS:
        rows = apps.get_model("campaigns", name)._base_manager.using(alias)
        for some in _steps(rows, column):
            with transaction.atomic(using=alias):
                _renew(rows, column, is_unique, some)


def _steps(rows: Any, column: str) -> Iterator[dict[int, str]]:
    last = 0
    while True:
        older = rows.filter(**{f"{column}__contains": PREFIX}, pk__gt=last).order_by("pk")
        some = dict(older.values_list("pk", column)[:STEP])
        if not some:
            return
        yield some
        last = max(some)


def _renew(rows: Any, column: str, is_unique: bool, some: dict[int, str]) -> None:
    renewed = {pk: email_key(key) for pk, key in some.items()}
    taken: set[str] = set()
    if is_unique:
        there = rows.filter(**{f"{column}__in": set(renewed.values())})
        taken.update(there.values_list(column, flat=True))
    for pk, key in renewed.items():
        if key in taken or key == some[pk]:
            continue
        rows.filter(pk=pk, **{column: some[pk]}).update(**{column: key})
        if is_unique:
            taken.add(key)


class Migration(migrations.Migration):
    # Each step is a transaction of its own; run again, it goes on with what is left.
    atomic = False

    dependencies = [
        ("campaigns", "0010_where_choices_come_from"),
    ]

    operations = [migrations.RunPython(renew, migrations.RunPython.noop)]
