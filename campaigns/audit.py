"""Who did what: every change that a person makes leaves one entry in the audit log."""

from __future__ import annotations

import getpass
import os
import re
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model

from campaigns.models import AuditEntry

Action = AuditEntry.Action
Source = AuditEntry.Source

# What people write into a reason or a note must not keep whom they erase.
AN_ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]+@[^\s<>\"',;:()\[\]]+")
HIDDEN = "[address]"


def record(
    action: str,
    obj: Model | None,
    by: AbstractBaseUser | AnonymousUser | None,
    *,
    source: Source | None = None,
    **details: Any,
) -> AuditEntry:
    """One entry, in the transaction of what it tells of if there is one.

    ``details`` are numbers and words for JSON; addresses in them are made unreadable. ``by`` is
    the account of whoever did it, none for a command: then it is the operating system's. ``source``
    is a page if there is an account, else a command.
    """
    user = by if isinstance(by, AbstractBaseUser) else None
    if source is None:
        source = Source.COMMAND if by is None else Source.PAGE
    name = user.get_username() if user else command_user() if source == Source.COMMAND else ""
    return AuditEntry.objects.create(
        by_id=user.pk if user else None,
        by_name=name[:150],
        action=action,
        object_kind=kind_of(obj) if obj is not None else "",
        object_id=str(obj.pk) if obj is not None and obj.pk is not None else "",
        source=source,
        details=without_addresses(details),
    )


def kind_of(obj: Model | type[Model]) -> str:
    return str(obj._meta.model_name)


def without_addresses(value: Any) -> Any:
    if isinstance(value, str):
        return AN_ADDRESS.sub(HIDDEN, value)
    if isinstance(value, dict):
        return {without_addresses(key): without_addresses(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_addresses(one) for one in value]
    return value


def command_user() -> str:
    """Whoever runs the command, as the operating system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
