"""From one request for a pixel to a hit, or to the reason why it is none."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from tracker.ceiling import Ceiling, Place
from tracker.proxies import TrustedProxies
from tracker.tokens import Tokens

# Longer ones are cut: the part that names the client stands in front.
USER_AGENT_LENGTH = 512


class Hit(NamedTuple):
    """One HTTP request for a pixel's URL that is to be recorded."""

    id: int  # 128 bits, time-ordered; see new_hit_id()
    pixel_id: int
    opened_at: int  # microseconds since 1970, UTC
    ip: str | None
    user_agent: str
    # More followed than this pixel may have recorded in one minute; see tracker.ceiling.
    is_at_ceiling: bool = False


class Outcome(StrEnum):
    """What became of a request for a pixel: the label of a metric.

    CEILING: the pixel is opened, and more often in this minute than is recorded.
    """

    RECORDED = "recorded"
    SPOOLED = "spooled"
    CEILING = "ceiling"
    LOST = "lost"
    HEAD = "head"
    PREFETCH = "prefetch"
    FORGED = "forged"
    METHOD = "method"


class HitReader:
    """Turns a request's parts into a Hit; touches no database, so that garbage costs nothing."""

    def __init__(self, tokens: Tokens, proxies: TrustedProxies, ceiling: Ceiling) -> None:
        self._tokens = tokens
        self._proxies = proxies
        self._ceiling = ceiling

    def read(
        self,
        method: str,
        token: str,
        headers: Mapping[bytes, bytes],
        *,
        peer: str | None,
        forwarded: Sequence[bytes] = (),
    ) -> Hit | Outcome:
        """``headers`` with lower-case names; ``forwarded``: all X-Forwarded-For values in order."""
        if method != "GET":
            return Outcome.HEAD if method == "HEAD" else Outcome.METHOD
        pixel_id = self._tokens.read(token)
        if pixel_id is None:
            return Outcome.FORGED
        if says_prefetch(headers):
            return Outcome.PREFETCH
        now = time.time_ns() // 1000
        place = self._ceiling.place(pixel_id, now)
        if place is Place.ABOVE:
            return Outcome.CEILING
        return Hit(
            new_hit_id(now),
            pixel_id,
            now,
            self._proxies.client_address(peer, forwarded),
            readable_user_agent(headers.get(b"user-agent", b"")),
            place is Place.AT,
        )


def says_prefetch(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client itself says that nobody looks at the mail yet."""
    for name in (b"sec-purpose", b"purpose", b"x-moz"):
        value = headers.get(name)
        if value is not None and b"prefetch" in value.lower():
            return True
    return False


def new_hit_id(microseconds: int) -> int:
    """A version 7 UUID (RFC 9562) as a number: 48 bits of milliseconds, then 74 random bits."""
    random = int.from_bytes(os.urandom(10), "big")
    return (
        (microseconds // 1000 & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | (random >> 68) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )


def readable_user_agent(raw: bytes) -> str:
    """Any bytes as text of at most USER_AGENT_LENGTH characters, bad ones as ``\\xNN``."""
    text = raw[:USER_AGENT_LENGTH].decode("utf-8", "backslashreplace")
    return text.replace("\x00", "\\x00")[:USER_AGENT_LENGTH]
