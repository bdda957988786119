"""Where an address stands in the database beside its recipient: any text of any table."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import CharField, Field, JSONField, Model, Q, TextField
from django.db.models.functions import Cast

from campaigns.models import AuditEntry, Recipient, Tombstone
from tracker.models import Ruling

# Log-ins belong to accounts, which are no recipients: whoever has one is told so.
LEFT_OUT_APPS = ("sessions", "axes")
# Neither keeps addresses of recipients; see campaigns.audit and campaigns.tombstones.
LEFT_OUT = (AuditEntry, Tombstone)
# Another recipient's address is another address; whoever is erased loses theirs anyway.
OWN_COLUMNS = ("email", "email_key")
# Of files that are called after somebody; none of them is a top-level domain.
FILE_ENDINGS = "csv|tsv|txt|xlsx?|docx?|odt|ods|jsonl?|eml|html?|pdf|png|jpe?g"
# Shorter names are words that stand in notes about anything.
LEAST_NAME = 3
# Persons looked for in one statement.
AT_ONCE = 100


class Trace(NamedTuple):
    """One value that holds the address."""

    model: type[Model]
    field: str
    pk: Any


def pattern_of(addresses: Collection[str]) -> re.Pattern[str]:
    """An address by itself: ann@example.com does not stand in joann@example.com.uk, and does in
    ann@example.com.csv."""
    any_of = "|".join(re.escape(address) for address in sorted(addresses))
    longer = rf"[\w-]|\.(?!(?:{FILE_ENDINGS})\b)\w"
    return re.compile(rf"(?<![\w.+-])(?:{any_of})(?!{longer})", re.IGNORECASE)


def name_pattern(name: str) -> re.Pattern[str] | None:
    """A name by itself; none if it is so short that it is a word."""
    if len(name) < LEAST_NAME:
        return None
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)


def notes_naming(name: str) -> Iterator[tuple[re.Pattern[str], Ruling]]:
    """Rulings whose note names somebody so, each with what to look for in it."""
    if (pattern := name_pattern(name)) is None:
        return
    for ruling in Ruling.objects.filter(note__icontains=name):
        if pattern.search(ruling.note):
            yield pattern, ruling


def occurrences(value: Any, pattern: re.Pattern[str]) -> list[str]:
    """In the spellings in which they stand there; nothing of what is around them."""
    return sorted(set(pattern.findall(_as_text(value))))


def find_traces(persons: Sequence[Collection[str]]) -> list[list[Trace]]:
    """Of each person, given by the spellings of their address, all values that hold one.

    Every text of the database is read, once for some hundred persons.
    """
    found: list[list[Trace]] = [[] for _ in persons]
    for start in range(0, len(persons), AT_ONCE):
        some = persons[start : start + AT_ONCE]
        patterns = [pattern_of(spellings) for spellings in some]
        for model, columns in text_columns_by_table().items():
            for pk, *values in _rows_with(some, model, columns):
                for column, value in zip(columns, values, strict=True):
                    text = _as_text(value)
                    if "@" not in text:
                        continue
                    for place, pattern in enumerate(patterns, start):
                        if pattern.search(text):
                            found[place].append(Trace(model, column, pk))
    return found


def _rows_with(
    persons: Sequence[Collection[str]], model: type[Model], columns: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """Each table is read once, whatever it has of texts."""
    texts = {f"text_of_{column}": Cast(column, TextField()) for column in columns}
    any_of = Q()
    for text in texts:
        # Few texts have one at all, and the database sees that at a glance.
        any_of |= Q(**{f"{text}__contains": "@"}) & _may_hold(persons, text)
    rows = model._base_manager.alias(**texts).filter(any_of).values_list("pk", *columns)
    found: Iterator[tuple[Any, ...]] = rows.iterator()
    return found


def overwrite(trace: Trace, addresses: Collection[str], stub: str) -> None:
    """The stub takes the address's place; the rest of the text stays."""
    row = trace.model._base_manager.filter(pk=trace.pk)
    for value in row.values_list(trace.field, flat=True):
        new = _replaced(value, pattern_of(addresses), stub)
        length = getattr(trace.model._meta.get_field(trace.field), "max_length", None)
        if isinstance(new, str):
            new = new[:length]
            if _is_taken(trace, new):
                # Texts that differed in how they spelt the address differ in their number now.
                mark = f" {trace.pk}"
                new = f"{new[: length - len(mark)] if length else new}{mark}"
        row.update(**{trace.field: new})


def _is_taken(trace: Trace, text: str) -> bool:
    """Whether the database would refuse it, because it stands in another row."""
    options = trace.model._meta
    alone = any(one.fields == (trace.field,) for one in options.total_unique_constraints)
    if not (alone or getattr(options.get_field(trace.field), "unique", False)):
        return False
    others = trace.model._base_manager.exclude(pk=trace.pk)
    return others.filter(**{trace.field: text}).exists()


def text_columns() -> Iterator[tuple[type[Model], Field[Any, Any]]]:
    user_class = get_user_model()
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        if (
            not options.managed
            or options.proxy
            or options.app_label in LEFT_OUT_APPS
            or model in LEFT_OUT
            or model is user_class
        ):
            continue
        for field in options.concrete_fields:
            is_text = isinstance(field, CharField | TextField | JSONField)
            is_theirs = model is Recipient and field.name in OWN_COLUMNS
            if is_text and not (field.primary_key or field.choices or is_theirs):
                yield model, field


def text_columns_by_table() -> dict[type[Model], list[str]]:
    found: dict[type[Model], list[str]] = {}
    for model, field in text_columns():
        found.setdefault(model, []).append(field.attname)
    return found


def _may_hold(persons: Sequence[Collection[str]], text: str) -> Q:
    """SQLite ignores the case of ASCII alone, and its JSON writes other letters as numbers."""
    condition = Q()
    addresses = {address for spellings in persons for address in spellings}
    for spelling in addresses | {json.dumps(address)[1:-1] for address in addresses}:
        condition |= Q(**{f"{text}__icontains": spelling})
    return condition


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _replaced(value: Any, pattern: re.Pattern[str], stub: str) -> Any:
    if isinstance(value, str):
        return pattern.sub(stub, value)
    if isinstance(value, list):
        return [_replaced(one, pattern, stub) for one in value]
    if isinstance(value, dict):
        return {
            _replaced(key, pattern, stub): _replaced(one, pattern, stub)
            for key, one in value.items()
        }
    return value
