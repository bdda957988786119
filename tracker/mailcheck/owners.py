"""Whose pixel a token names, as far as the check of a mail needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tracker.list_hits import Name, Unnamed


@dataclass(frozen=True, slots=True)
class Owner:
    """``address`` is empty for a campaign's test pixel."""

    campaign_id: int
    campaign_name: str
    is_test: bool
    address: str = ""


@dataclass(frozen=True, slots=True)
class Lists:
    """What is known of list snippets: the campaign that a path names (0: none), whom a query names,
    and who of that campaign this is."""

    campaign_of: Callable[[str], int]
    name_in: Callable[[bytes], Name | Unnamed]
    owner_of: Callable[[int, Name], Owner | None]


@dataclass(frozen=True, slots=True)
class Ends:
    """What is known of end marks: the pixel that a token goes with, the campaign that a list's path
    names (0: none), and whether the mail's campaign has them."""

    read_token: Callable[[str], int | None]
    campaign_of: Callable[[str], int]
    is_on: bool
