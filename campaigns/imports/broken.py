"""Is a line about this person, though its address is broken? Asked when they are erased."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from campaigns.imports.addresses import INVISIBLE, fault_of, taken_out
from campaigns.models import email_key
from campaigns.models.keys import spellings_of

_WITHOUT_INVISIBLE = dict.fromkeys(map(ord, INVISIBLE))
# What people write in the place of an @-sign.
_at_sign = re.compile(r"\s*(?:@|＠|\(at\)|\[at\]|\bat\b)\s*").search
_AROUND = " <>()[]'\",;:"
_between = re.compile(r"[\W_]+")
# Of two spellings of a domain; gmial.com and gmail.com have 0.89.
NEAR_ENOUGH = 0.8
LEAST_DOMAIN = 3


def plain(cell: str) -> str:
    return email_key(cell.translate(_WITHOUT_INVISIBLE))


class Theirs:
    """Lines that name a person: by an address, by a broken form of it, or by their full name where
    no address can be read."""

    def __init__(self, keys: Collection[str], name: str = "") -> None:
        self._keys = frozenset(one for key in keys for one in spellings_of(key))
        self._locals = {key.rpartition("@")[0] for key in self._keys}
        self._runs = {_run(key): key for key in self._keys}
        words = _words(name)
        # One word is somebody's first name, and many people's.
        self._name = sorted(words) if len(words) > 1 else []

    def names(self, cells: Sequence[str]) -> bool:
        return self.has_address(cells) or self._may_be(cells)

    def has_address(self, cells: Sequence[str]) -> bool:
        return any(key in plain(cell) for cell in cells for key in self._keys)

    def _may_be(self, cells: Sequence[str]) -> bool:
        if any(self._is_broken(cell) for cell in cells):
            return True
        return bool(self._name) and self._has_name(cells) and not any(map(_is_address, cells))

    def _is_broken(self, cell: str) -> bool:
        """The address with something wrong in it, and no other address."""
        text = email_key(taken_out(cell)[0]).strip(_AROUND)
        if not any(local in text for local in self._locals) or _is_address(cell):
            return False
        return _run(text) in self._runs or self._is_near(text)

    def _is_near(self, text: str) -> bool:
        if (at := _at_sign(text)) is None:
            return False
        local, domain = text[: at.start()], _run(text[at.end() :])
        return any(
            local == key.rpartition("@")[0] and _are_near(domain, _run(key.rpartition("@")[2]))
            for key in self._keys
        )

    def _has_name(self, cells: Sequence[str]) -> bool:
        """In one cell, or its parts in neighbouring ones, in whatever order."""
        words = [_words(cell) for cell in cells]
        pairs = (left + right for left, right in pairwise(words))
        return any(sorted(some) == self._name for some in (*words, *pairs))


def _are_near(domain: str, own: str) -> bool:
    if len(domain) < LEAST_DOMAIN:
        return False
    if own.startswith(domain) or domain.startswith(own):
        return True
    return SequenceMatcher(None, domain, own).ratio() >= NEAR_ENOUGH


def _run(text: str) -> str:
    """Its letters and figures alone: dots, commas and spaces are what goes wrong most."""
    return _between.sub("", text)


def _words(text: str) -> list[str]:
    return _between.sub(" ", email_key(text).casefold()).split()


def _is_address(cell: str) -> bool:
    return "@" in cell and not fault_of(taken_out(cell)[0])
