"""What an import said of its file and lines, in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from campaigns.models import Import
from tracker.language import translated
from tracker.sentences import Sentence


def shown(kept: Sequence[Any], text: str) -> str:
    """A reason as ``campaigns.imports.reasons`` keeps it; the text where nothing was kept of it."""
    return translated(sentence_of(kept)) if kept else text


def sentence_of(kept: Sequence[Any]) -> Sentence:
    pattern, values = kept
    return Sentence(
        pattern,
        {
            name: sentence_of(value["because"]) if isinstance(value, dict) else value
            for name, value in values.items()
        },
    )


def notes_of(one: Import) -> list[Sentence]:
    """How the file was read, and what of it was not."""
    return [sentence_of(note) for note in one.notes]
