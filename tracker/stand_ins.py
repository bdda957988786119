"""Which stand-in holds an anonymous recipient's opens: one way from the pixel's id, with a key."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from django.conf import settings


class StandInIds:
    """The id of each pixel's stand-in, always the same and always negative.

    No pixel's own id is negative, so the two never meet. Without the key nothing leads from a
    stand-in to its pixel; with the database and the key together every pixel can be tried.
    """

    def __init__(self, key: str) -> None:
        self._keyed = blake2b(
            key=blake2b(key.encode()).digest(), digest_size=8, person=b"glimpse stand-in"
        )

    def of(self, pixel_id: int) -> int:
        """−1 … −2**63: of a billion stand-ins no two are likely to be the same."""
        copy = self._keyed.copy()
        copy.update(pixel_id.to_bytes(8, "big"))
        return -1 - (int.from_bytes(copy.digest(), "big") >> 1)


@lru_cache(maxsize=4)
def _ids(key: str) -> StandInIds:
    return StandInIds(key)


def oldest_key(key: str, fallbacks: Sequence[str]) -> str:
    """The last of them: when the key is rotated, the former one goes in front of the fallbacks,
    so that everybody keeps their stand-in."""
    return fallbacks[-1] if fallbacks else key


def configured_stand_ins() -> StandInIds:
    return _ids(oldest_key(settings.PIXEL_KEY, settings.PIXEL_KEY_FALLBACKS))
