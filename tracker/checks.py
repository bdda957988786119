"""Told at start: settings under which opens would be lost or believed wrongly."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import DEFAULT_DB_ALIAS, connections

from tracker.consent import is_default_applied
from tracker.private import can_others_read
from tracker.spool import LEAST_ROOM, Spool

LEAST_POSTGRESQL = 150_000


@register(Tags.security, deploy=True)
def check_public_url(**kwargs: Any) -> list[CheckMessage]:
    if settings.PUBLIC_URL.startswith("https://"):
        return []
    return [
        Warning(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: mail clients load images over https only, or "
            f"warn the reader.",
            hint="Set PUBLIC_URL to the https address that mail clients reach.",
            id="tracker.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_https_has_a_proxy(**kwargs: Any) -> list[CheckMessage]:
    if not settings.SECURE_SSL_REDIRECT or settings.TRUSTED_PROXIES:
        return []
    return [
        Warning(
            "PUBLIC_URL is https and TRUSTED_PROXIES is empty: behind a proxy that speaks https "
            "every page would redirect to itself for ever, and all clients would seem to have "
            "the proxy's address.",
            hint="Set TRUSTED_PROXIES to the address from which the proxy connects.",
            id="tracker.W002",
        )
    ]


@register(Tags.security)
def check_pixel_keys(**kwargs: Any) -> list[CheckMessage]:
    weak = [key for key in settings.PIXEL_KEY_FALLBACKS if len(key) < 32]
    if not weak:
        return []
    return [
        Error(
            f"{len(weak)} of PIXEL_KEY_FALLBACKS are shorter than 32 characters: anyone could "
            f"guess them and forge opens.",
            id="tracker.E001",
        )
    ]


@register(Tags.security)
def check_trusted_proxies(**kwargs: Any) -> list[CheckMessage]:
    everyone = {"0.0.0.0/0", "::/0"} & set(settings.TRUSTED_PROXIES)
    if not everyone:
        return []
    return [
        Error(
            f"TRUSTED_PROXIES holds {', '.join(sorted(everyone))}: every client could claim any "
            f"address.",
            hint="List only the networks of your own proxies.",
            id="tracker.E002",
        )
    ]


@register(Tags.files)
def check_spool(**kwargs: Any) -> list[CheckMessage]:
    """A warning and no error: a server that did not start would lose every hit, and could not
    replay what fills the disk."""
    directory = Path(settings.SPOOL_DIR)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return [_spool_warning(f"SPOOL_DIR {directory} cannot be made: {error.strerror}.")]
    room = Spool(directory).room()
    if not os.access(directory, os.W_OK | os.X_OK) or not room:
        return [_spool_warning(f"SPOOL_DIR {directory} cannot be written to.")]
    if room < LEAST_ROOM:
        return [_spool_warning(f"SPOOL_DIR {directory} is on a full disk ({room:,} bytes left).")]
    return []


@register(Tags.security)
def check_database_file(**kwargs: Any) -> list[CheckMessage]:
    """One that was made by an earlier version, or copied there."""
    connection = connections[DEFAULT_DB_ALIAS]
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or not can_others_read(Path(name)):
        return []
    return [
        Warning(
            f"Every account of this machine can read {name}: the addresses of all "
            f"recipients stand in it.",
            hint=f"Run: chmod 600 {shlex.quote(name)}*",
            id="tracker.W005",
        )
    ]


def _spool_warning(text: str) -> Warning:
    return Warning(
        f"{text} Hits are lost while the database is away.",
        hint="Name a directory on a local disk with room that the server's account may write to.",
        id="tracker.W003",
    )


@register(Tags.database)
def check_database_version(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor == "postgresql" and connection.pg_version < LEAST_POSTGRESQL:  # type: ignore[attr-defined]
            messages.append(
                Error(
                    f"PostgreSQL {connection.pg_version // 10_000} is too old: Glimpse needs "  # type: ignore[attr-defined]
                    f"version 15 or newer.",
                    id="tracker.E003",
                )
            )
    return messages


@register(Tags.database)
def check_tracking_default(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """`migrate` says it, and `check --database default`."""
    if not databases or is_default_applied():
        return []
    return [
        Warning(
            f"TRACKING_DEFAULT is {settings.TRACKING_DEFAULT}, and mail that is in mailboxes "
            f"already is still tracked as before.",
            hint="Run `manage.py apply_tracking`.",
            id="tracker.W004",
        )
    ]
