"""What is left of an erased person: a row that their pixels and counts belong to."""

from __future__ import annotations

from typing import Any

from django.db import models

from campaigns.models import Recipient
from campaigns.tombstones import STUB_DOMAIN

KEPT = frozenset({"id", "email", "email_key", "created_at", "erased_at"})


def stub_address(recipient_id: int) -> str:
    """In the domain that nobody has, and that no import takes addresses of."""
    return f"erased-{recipient_id}@{STUB_DOMAIN}"


def emptied() -> dict[str, Any]:
    """Every column that says something of a person, without it; new columns are among them."""
    values: dict[str, Any] = {}
    for field in Recipient._meta.concrete_fields:
        if field.name in KEPT or field.choices:
            continue
        if isinstance(field, models.JSONField):
            values[field.name] = {}
        elif isinstance(field, models.CharField | models.TextField):
            values[field.name] = ""
    return values
