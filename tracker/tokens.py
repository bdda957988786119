"""The token in a pixel's URL: made for the snippet, read back from the hit, without a database.

A token is one version byte, the pixel's id in eight bytes and nine bytes of a keyed hash of both:
18 bytes, 24 characters of base64url. It names the pixel and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import blake2b

VERSION = b"\x01"
TOKEN_LENGTH = 24
_BODY_LENGTH = 9
_LARGEST_ID = 2**63 - 1
# What a token names: a pixel, a recipient whose own page it opens, a campaign whose list snippet it
# stands in, or a recipient whom that snippet names instead of by an address; and the end mark that
# goes with a pixel, or with a list snippet.
PIXEL, PRIVACY = b"glimpse pixel", b"glimpse privacy"
LIST, CODE = b"glimpse list", b"glimpse code"
END, LIST_END = b"glimpse end", b"glimpse list end"


class Tokens:
    """Signs with the first key, reads with all: a rotated key still names its old pixels."""

    def __init__(self, key: str, fallbacks: Sequence[str] = (), *, purpose: bytes = PIXEL) -> None:
        """A token made for one purpose is none for another."""
        self._hashes = [_keyed_hash(text, purpose) for text in (key, *fallbacks)]

    def make(self, pixel_id: int) -> str:
        body = VERSION + pixel_id.to_bytes(8, "big")
        return base64.urlsafe_b64encode(body + self._sign(body, self._hashes[0])).decode("ascii")

    def make_many(self, pixel_ids: Sequence[int]) -> list[str]:
        """The same tokens, for a third of the time: all are encoded at once."""
        copy = self._hashes[0].copy
        signed: list[bytes] = []
        for pixel_id in pixel_ids:
            body = VERSION + pixel_id.to_bytes(8, "big")
            keyed = copy()
            keyed.update(body)
            signed += (body, keyed.digest())
        # 18 bytes fill their 24 characters exactly, so one token ends where the next begins.
        text = base64.urlsafe_b64encode(b"".join(signed)).decode("ascii")
        return [text[at : at + TOKEN_LENGTH] for at in range(0, len(text), TOKEN_LENGTH)]

    def read(self, token: str) -> int | None:
        """The id of the pixel, or none for a text that these keys never signed."""
        if len(token) != TOKEN_LENGTH:
            return None
        try:
            # As base64.b64decode does, which translates by way of bytes and takes twice as long.
            standard = token.replace("-", "+").replace("_", "/")
            signed = binascii.a2b_base64(standard, strict_mode=True)
        except ValueError:
            return None
        body, signature = signed[:_BODY_LENGTH], signed[_BODY_LENGTH:]
        if body[:1] != VERSION:
            return None
        for keyed in self._hashes:
            if hmac.compare_digest(signature, self._sign(body, keyed)):
                pixel_id = int.from_bytes(body[1:], "big")
                return pixel_id if pixel_id <= _LARGEST_ID else None
        return None

    @staticmethod
    def _sign(body: bytes, keyed: blake2b) -> bytes:
        copy = keyed.copy()
        copy.update(body)
        return copy.digest()


def _keyed_hash(text: str, purpose: bytes) -> blake2b:
    # BLAKE2b takes 64 bytes of key; a longer text is condensed first. `person` keeps these
    # hashes apart from anything else that the same secret may sign.
    key = blake2b(text.encode()).digest()
    return blake2b(key=key, digest_size=9, person=purpose)
