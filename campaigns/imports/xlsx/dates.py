"""Numbers that are shown as dates or with zeros in front: which formats those are, and the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

# Formats that Excel numbers itself.
BUILT_IN = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
# What does not count in a format of one's own: quoted text, escapes, colours and conditions.
QUIET = re.compile(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|\*.', re.IGNORECASE)
DATE_LETTERS = re.compile(r"[dmhysDMHYS]")
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # a wall clock's date, as the cell shows it
LAST = 2_958_466  # the year 10000


# From a number's text to what the cell shows.
Shown = Callable[[str], str]


def shown_by(number: int, code: str | None) -> Shown | None:
    """None for numbers that are shown as they are."""
    if is_date_format(number, code):
        return as_date
    # Postcodes and the like; whatever else a format may hold is passed over.
    if code and not code.strip("0") and len(code) > 1:
        return partial(with_zeros, width=len(code))
    return None


def is_date_format(number: int, code: str | None) -> bool:
    if code is None:
        return number in BUILT_IN
    return DATE_LETTERS.search(QUIET.sub("", code)) is not None


def as_date(text: str) -> str:
    """The date, with a time unless it is midnight; the text as it is if it is no such number."""
    try:
        days = float(text)
    except ValueError:
        return text
    if not 0 <= days < LAST:
        return text
    moment = EPOCH + timedelta(seconds=round(days * 86_400))
    if days < 1:
        return moment.strftime("%H:%M:%S")
    is_midnight = moment.time() == datetime.min.time()
    return moment.date().isoformat() if is_midnight else moment.isoformat(sep=" ")


def as_number(text: str) -> str:
    """3.0 as 3 and 0.30000000000000004 as 0.3, as the cell shows it."""
    try:
        number = float(text)
    except ValueError:
        return text
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"


def with_zeros(text: str, width: int) -> str:
    """1067 as 01067, as the format 00000 shows it."""
    number = as_number(text)
    return number.zfill(width) if number.isdecimal() else number
