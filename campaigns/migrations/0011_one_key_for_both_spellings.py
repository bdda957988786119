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
    _suppress_both(apps, alias)
    for name, column, is_unique in KEYS:
        rows = apps.get_model("campaigns", name)._base_manager.using(alias)
        for some in _steps(rows, column):
            with transaction.atomic(using=alias):
                _renew(rows, column, is_unique, some)


def _suppress_both(apps: Any, alias: str) -> None:
    """Who is a recipient in both spellings and must not be written to in one of them: in neither."""
    recipients = apps.get_model("campaigns", "Recipient")._base_manager.using(alias)
    suppressed = apps.get_model("campaigns", "SuppressedAddress")._base_manager.using(alias)
    for some in _steps(recipients, "email_key"):
        both = {old: email_key(old) for old in some.values() if email_key(old) != old}
        asked = {*both, *both.values()}
        with transaction.atomic(using=alias):
            there = {one.email_key: one for one in suppressed.filter(email_key__in=asked)}
            twice = recipients.filter(email_key__in=both.values())
            twice = set(twice.values_list("email_key", flat=True))
            for old, new in both.items():
                one = there.get(old) or there.get(new)
                if one is not None and new in twice:
                    missing = {old, new} - there.keys()
                    suppressed.bulk_create(
                        (_like(one, key) for key in sorted(missing)), ignore_conflicts=True
                    )


def _like(one: Any, key: str) -> Any:
    return type(one)(email_key=key, reason=one.reason, created_at=one.created_at)


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
