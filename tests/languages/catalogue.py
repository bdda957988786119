"""Reads the files of gettext, with nothing but the standard library."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LOCALE = Path(__file__).resolve().parents[2] / "locale"
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")


@dataclass
class Entry:
    """``id`` is the English text, ``said`` the translations: one, or one a number."""

    id: str = ""
    plural: str = ""
    context: str = ""
    said: list[str] = field(default_factory=list)
    flags: str = ""

    @property
    def key(self) -> str:
        return f"{self.context}\x04{self.id}" if self.context else self.id


def entries_of(path: Path) -> Iterator[Entry]:
    for block in re.split(r"\n\s*\n", path.read_text("utf-8").strip()):
        entry, target = Entry(), ""
        texts: dict[str, str] = {}
        for line in block.splitlines():
            if line.startswith("#,"):
                entry.flags += line[2:]
            elif not line.startswith("#"):
                word, quote, rest = line.partition('"')
                target = word.strip() or target
                texts[target] = texts.get(target, "") + ast.literal_eval(quote + rest)
        if not texts:
            continue
        entry.id, entry.plural = texts["msgid"], texts.get("msgid_plural", "")
        entry.context = texts.get("msgctxt", "")
        entry.said = [text for name, text in texts.items() if name.startswith("msgstr")]
        yield entry


def compiled(path: Path) -> dict[tuple[str, int] | str, str]:
    """What the binary file holds, as Python's own gettext reads it."""
    with path.open("rb") as file:
        translations = gettext.GNUTranslations(file)
    catalogue: dict[tuple[str, int] | str, str] = translations._catalog  # type: ignore[attr-defined]
    return catalogue


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text)) - {""}
