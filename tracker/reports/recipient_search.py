"""Whom somebody looks for by address: exactly it, those that begin so, those that hold it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Max, Q

from campaigns.models import Recipient, RecipientQuerySet, email_key

ROWS = 50
# Text inside an address needs every address read: so many of the newest, and no text so short
# that it is in nearly all of them.
CONTAINED_AMONG = 200_000
LEAST_CONTAINED = 3


@dataclass(frozen=True, slots=True)
class Found:
    """``exact`` is the recipient with just this address; else ``rows`` are those to choose from.

    ``is_contained`` says that no address begins so, and that the text was looked for inside.
    """

    words: str
    exact: Recipient | None
    rows: list[Recipient]
    is_more: bool
    is_contained: bool
    is_bounded: bool


def find_recipients(text: str) -> Found:
    """One query for an exact address, two for those that begin so, at most four in all."""
    words = text.replace("\x00", "").strip()[:254]
    key = email_key(words)
    if not key:
        return Found("", None, [], is_more=False, is_contained=False, is_bounded=False)
    exact = Recipient.objects.filter(email_key=key).first()
    if exact is not None:
        return Found(words, exact, [], is_more=False, is_contained=False, is_bounded=False)
    rows = list(beginning_with(key).order_by("email_key")[: ROWS + 1])
    if rows or len(key) < LEAST_CONTAINED:
        return Found(
            words, None, rows[:ROWS], len(rows) > ROWS, is_contained=False, is_bounded=False
        )
    newest = Recipient.objects.aggregate(newest=Max("pk"))["newest"] or 0
    within = Recipient.objects.matching(words).filter(pk__gt=newest - CONTAINED_AMONG)
    rows = list(within.order_by("-pk")[: ROWS + 1])
    rows.sort(key=lambda recipient: recipient.email_key)
    is_bounded = newest > CONTAINED_AMONG
    return Found(words, None, rows[:ROWS], len(rows) > ROWS, True, is_bounded)


def beginning_with(key: str) -> RecipientQuerySet:
    """Addresses with this beginning, in a range of the index.

    The range is wide enough in every collation, so that the text itself is compared as well.
    """
    bounds = Q(email_key__gte=key)
    end = end_of_range(key)
    if end is not None:
        bounds &= Q(email_key__lt=end)
    return Recipient.objects.filter(bounds, email_key__startswith=key)


def end_of_range(key: str) -> str | None:
    """A text that comes after all that begin with ``key``; none if there is no simple one.

    Made by raising the last of its letters a–y or digits 0–8, which every collation sorts alike;
    whatever stands behind that letter is left off.
    """
    for place in range(len(key) - 1, -1, -1):
        if "a" <= key[place] <= "y" or "0" <= key[place] <= "8":
            return key[:place] + chr(ord(key[place]) + 1)
    return None
