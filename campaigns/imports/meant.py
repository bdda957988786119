"""What was meant by a text that is no address: offered in the reason, never taken unasked."""

from __future__ import annotations

import re
from collections.abc import Callable

from campaigns.imports.addresses import fault_of
from campaigns.imports.slips import WELL_KNOWN

_AT = re.compile(r"\s*[(\[{<]\s*(?:at|ät|@)\s*[)\]}>]\s*|\s+(?:at|ät)\s+", re.IGNORECASE)
_DOT = re.compile(r"\s*[(\[{<]\s*(?:dot|punkt|point|punto|\.)\s*[)\]}>]\s*", re.IGNORECASE)
_BY_FIRST_PART = {known.partition(".")[0]: known for known in reversed(WELL_KNOWN)}


def _written_out(text: str) -> str:
    return _DOT.sub(".", _AT.sub("@", text, count=1))


def _without_subject(text: str) -> str:
    return text.partition("?")[0]


def _without_marks(text: str) -> str:
    return text.strip(" .,;:!?<>()[]\"'")


def _with_dots(text: str) -> str:
    """A comma for a dot, or two dots for one."""
    name, at, domain = text.rpartition("@")
    return re.sub(r"\.{2,}", ".", name + at + domain.replace(",", "."))


def _with_ending(text: str) -> str:
    name, at, domain = text.rpartition("@")
    return name + at + _BY_FIRST_PART.get(domain.lower(), domain)


MENDINGS: tuple[Callable[[str], str], ...] = (
    *(_written_out, _without_subject, _without_marks, _with_dots, _with_ending),
)


def meant_by_text(text: str) -> str:
    """An address, or the empty text; one mending after the other, until it is one."""
    mended = text
    for mending in MENDINGS:
        before, mended = mended, mending(mended)
        if mended != before and mended.count("@") == 1 and not fault_of(mended):
            return mended
    return ""
