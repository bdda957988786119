"""Files that nobody else on the machine may read: what they hold is about people."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

PRIVATE = 0o600


def private(path: str, flags: int) -> int:
    """An ``opener`` for ``open``: what it makes is its owner's alone, from the first moment."""
    return os.open(path, flags, PRIVATE)


class PrivateConnection(sqlite3.Connection):
    """To a file that is made private if it is missing; SQLite gives its logs the same rights."""

    def __init__(self, database: Any, *args: Any, **kwargs: Any) -> None:
        name = os.fspath(database)
        # With these SQLite knows better: a database in memory, or an address with its own rules.
        if name and not name.startswith((":", "file:")) and not os.path.exists(name):
            # Where it cannot be made, SQLite says so in the words that everybody expects.
            with suppress(OSError):
                os.close(private(name, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC))
        super().__init__(database, *args, **kwargs)


def can_others_read(path: Path) -> bool:
    """Whether any account of the machine can: the file lets it, and every folder on the way."""
    try:
        found = path.resolve(strict=True)
        return bool(found.stat().st_mode & stat.S_IROTH) and all(
            folder.stat().st_mode & stat.S_IXOTH for folder in found.parents
        )
    except OSError:
        return False
