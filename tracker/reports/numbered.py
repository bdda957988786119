"""Numbered pages of a list whose length is known, in any order: what to read, where to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Pages:
    """One page of ``total`` rows; ``first`` and ``last`` count from one, both 0 without rows."""

    number: int
    count: int
    total: int
    first: int
    last: int
    first_url: str | None
    previous_url: str | None
    next_url: str | None
    last_url: str | None

    @property
    def rows(self) -> slice:
        return slice(max(self.first - 1, 0), self.last)


def pages_of(
    total: int, asked: str, *, rows: int, keep: Mapping[str, str], name: str = "page"
) -> Pages:
    """The page that the URL asks for, or the nearest there is.

    ``keep`` are the URL's other parameters; ``name`` is this one's.
    """
    count = max(1, -(-total // rows))
    number = int(asked) if asked.isdecimal() and len(asked) < 10 else 1
    number = max(1, min(number, count))

    def url(of: int, *, is_there: bool) -> str | None:
        return url_with(keep, **{name: "" if of == 1 else str(of)}) if is_there else None

    return Pages(
        number,
        count,
        total,
        first=min((number - 1) * rows + 1, total),
        last=min(number * rows, total),
        first_url=url(1, is_there=number > 2),
        previous_url=url(number - 1, is_there=number > 1),
        next_url=url(number + 1, is_there=number < count),
        last_url=url(count, is_there=number < count - 1),
    )


def url_with(keep: Mapping[str, str], **more: str) -> str:
    """The same page with these parameters; empty ones are left out."""
    return "?" + urlencode({name: value for name, value in {**keep, **more}.items() if value})
