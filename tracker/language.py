"""How pages write figures, moments and sentences: as its reader's language does."""

from __future__ import annotations

from datetime import date

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext

from tracker.sentences import Sentence


def count(number: int) -> str:
    """A whole number in groups of three digits."""
    return str(number_format(number, force_grouping=True))


def decimal(number: float, places: int = 1) -> str:
    # Rounded here: Django would cut off what is left.
    return str(number_format(f"{number:.{places}f}", places, force_grouping=True))


def when(moment: date, form: str) -> str:
    """``form`` is a name of ``config.formats``, which has one for each language."""
    return date_format(moment, form)


def translated(text: str) -> str:
    """A sentence of plain Python in the reader's language; any other text as it is."""
    if not isinstance(text, Sentence) or not text.pattern:
        return text
    if text.plural:
        pattern = ngettext(text.pattern, text.plural, text.number)
    else:
        pattern = gettext(text.pattern)
    written = {name: _written(value) for name, value in text.values.items()}
    return pattern % written if written else pattern


def _written(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return count(value)
    return translated(value) if isinstance(value, str) else str(value)
