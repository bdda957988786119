"""A copy of the whole database in one file, as of one moment, while hits go on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

# How each field of a connection is called in the environment that PostgreSQL's tools read.
FROM_ENVIRONMENT = {
    "HOST": "PGHOST",
    "PORT": "PGPORT",
    "USER": "PGUSER",
    "PASSWORD": "PGPASSWORD",
    "NAME": "PGDATABASE",
}


class BackupError(Exception):
    """Its text is for the person who typed the command."""


def back_up(database: Mapping[str, Any], path: Path) -> int:
    """The size of the file, which is there as a whole or not at all, and on the disk."""
    if path.exists():
        raise BackupError(f"{path} exists already: a backup never overwrites another one.")
    if not path.absolute().parent.is_dir():
        raise BackupError(f"There is no directory {path.absolute().parent}: make it first.")
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        # Others on this machine have no business with the addresses in it.
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if database["ENGINE"].endswith("sqlite3"):
            _copy_sqlite(Path(database["NAME"]), part)
        else:
            _dump_postgresql(database, part)
        return _put_in_place(part, path)
    except FileExistsError as error:
        raise BackupError(f"{path} appeared meanwhile: another backup is being made.") from error
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        for name in (part, *(part.with_name(part.name + end) for end in ("-wal", "-shm"))):
            with suppress(FileNotFoundError):
                name.unlink()


def _copy_sqlite(database: Path, part: Path) -> None:
    """In one step: writers go on meanwhile, and never make it begin anew."""
    if not database.exists():
        raise BackupError(f"There is no database {database} yet.")
    source = sqlite3.connect(f"file:{_quoted(database)}?mode=ro", uri=True, timeout=20)
    copy = sqlite3.connect(part, isolation_level=None)
    try:
        source.backup(copy, pages=-1)
        # One file, without the two that stand beside a database in use.
        copy.execute("PRAGMA journal_mode=DELETE")
        found = [row[0] for row in copy.execute("PRAGMA integrity_check(5)")]
    except sqlite3.Error as error:
        raise BackupError(f"{database} cannot be copied: {error}.") from error
    finally:
        copy.close()
        source.close()
    if found != ["ok"]:
        raise BackupError(
            f"{database} is damaged, and so would be its copy, which was not kept: "
            f"{'; '.join(found)}. Restore the last good backup."
        )


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _dump_postgresql(database: Mapping[str, Any], part: Path) -> None:
    """By PostgreSQL's own tool: one snapshot, which no writer waits for."""
    _run("pg_dump", database, "--format=custom", "--no-owner", f"--file={part}")
    # Reads the table of contents, which stands at the end of what was written.
    _run("pg_restore", database, "--list", str(part))


def _run(tool: str, database: Mapping[str, Any], *arguments: str) -> None:
    program = shutil.which(tool)
    if program is None:
        raise BackupError(
            f"{tool} is not installed on this machine: install PostgreSQL's client of the "
            f"server's version, or run this where it is: {command_line(database)}"
        )
    # The password in the environment, where no list of processes shows it.
    environment = {**os.environ, **connection_environment(database)}
    made = subprocess.run(  # noqa: S603  # constants, and a path of the administrator's
        [program, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise BackupError(f"{tool} failed: {made.stderr.strip()}")


def connection_environment(database: Mapping[str, Any]) -> dict[str, str]:
    return {
        variable: str(database[name])
        for name, variable in FROM_ENVIRONMENT.items()
        if database.get(name)
    }


def command_line(database: Mapping[str, Any]) -> str:
    """To be typed by a person; asks for the password."""
    where = [
        f"--{option}={database[name]}"
        for name, option in (("HOST", "host"), ("PORT", "port"), ("USER", "username"))
        if database.get(name)
    ]
    return " ".join(
        ["pg_dump", "--format=custom", "--no-owner", "--file=FILE", *where, str(database["NAME"])]
    )


def _put_in_place(part: Path, path: Path) -> int:
    """On the disk first; then under its name, unless that was taken meanwhile."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    os.link(part, path)
    directory = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return size
