"""Before `make run` serves: writes into .env which port this is, so that every command says so."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

LINE = re.compile(r"^(?:export\s+)?PUBLIC_URL\s*=", re.MULTILINE)
# What an earlier `make run` wrote, whatever its port.
WRITTEN = re.compile(r"^PUBLIC_URL=http://127\.0\.0\.1:\d+[ \t]*$", re.MULTILINE)


def follow(file: Path, port: int) -> bool:
    """Whether the file was changed; an address that somebody chose stays."""
    text = file.read_text(encoding="utf-8")
    line = f"PUBLIC_URL=http://127.0.0.1:{port}"
    if not LINE.search(text):
        changed = text + ("" if not text or text.endswith("\n") else "\n") + line + "\n"
    else:
        changed = WRITTEN.sub(line, text)
    if changed == text:
        return False
    _replace(file.resolve(), changed)
    return True


def _replace(file: Path, text: str) -> None:
    """At once: the keys that sent mail was signed with stand in it, too."""
    new = file.with_name(f"{file.name}.{os.getpid()}")
    mode = file.stat().st_mode & 0o777
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    finally:
        with suppress(FileNotFoundError):
            new.unlink()


def main() -> None:
    (port,) = sys.argv[1:] or [""]
    if not port.isdecimal():
        sys.exit(f"PORT is {port!r}: write a number, such as PORT=9000.")
    # What the environment says wins over the file anyway.
    if not os.environ.get("PUBLIC_URL"):
        follow(Path(".env"), int(port))


if __name__ == "__main__":
    main()
