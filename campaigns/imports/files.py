"""The uploaded file, in a private folder, from its arrival until its import is over."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from campaigns.models import Import

PRIVATE = 0o700
COPIED_AT_ONCE = 1 << 20


def import_dir() -> Path:
    """Made if it is missing; nobody else on the machine may look inside."""
    directory = Path(settings.IMPORT_DIR)
    directory.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    return directory


def place() -> str:
    """Names this folder, so that a server on another machine leaves its files alone."""
    mark = import_dir() / "place"
    with suppress(FileExistsError), mark.open("x") as file:
        file.write(secrets.token_hex(16))
    return mark.read_text().strip()


def keep(content: BinaryIO) -> Path:
    """A copy of its own."""
    path = import_dir() / f"file-{secrets.token_hex(16)}"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while block := content.read(COPIED_AT_ONCE):
            file.write(block)
    return path


def lock_file(import_id: int) -> Path:
    """Held by the process that works on the import."""
    return import_dir() / f"work-{import_id}.lock"


def discard(one: Import) -> None:
    """The import is over: its file goes, if it is ours."""
    if one.is_ours and one.path:
        Path(one.path).unlink(missing_ok=True)
    release(one)


def release(one: Import) -> None:
    """Nobody works on it any more; after a dry run its file waits to be imported."""
    lock_file(one.pk).unlink(missing_ok=True)


def discard_tried(one: Import) -> None:
    """The file of a dry run goes, and nothing offers to import it."""
    discard(one)
    Import.objects.filter(pk=one.pk, is_dry_run=True).update(path="")
