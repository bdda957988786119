"""From one request for a pixel to a hit, or to the reason why it is none."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from random import Random
from typing import NamedTuple

from tracker.ceiling import Ceiling, Place
from tracker.end_hits import EndReader
from tracker.list_hits import ListReader, Name, Unnamed
from tracker.misses import MISSES
from tracker.proxies import TrustedProxies
from tracker.tokens import Tokens

_random = Random()  # noqa: S311  # no secret; seeded by the system
os.register_at_fork(after_in_child=_random.seed)

# Longer ones are cut: the part that names the client stands in front.
USER_AGENT_LENGTH = 512
# Where a client says what it asks for an image for.
PURPOSES = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))


class Hit(NamedTuple):
    """One HTTP request for a pixel's URL that is to be recorded."""

    id: int  # 128 bits, time-ordered; see new_hit_id()
    pixel_id: int  # 0 if a list snippet was asked for: the writer finds whose it is
    opened_at: int  # microseconds since 1970, UTC
    ip: str | None
    user_agent: str
    # More followed than this pixel may have recorded in one minute; see tracker.ceiling.
    is_at_ceiling: bool = False
    # The client asks not to be tracked: counted for the recipient's stand-in.
    is_anonymous: bool = False
    # Of a list snippet: its campaign, and whom of it the hit names; see tracker.list_hits.
    campaign_id: int = 0
    name: Name = ""
    # Of the image at the mail's end: no open, it says that the copy was loaded to its end.
    is_end_mark: bool = False


class Outcome(StrEnum):
    """What became of a request for a pixel: the label of a metric.

    CEILING: the pixel is opened, and more often in this minute than is recorded.
    OBJECTED: the client asks not to be tracked, and is listened to.
    UNRESOLVED: the sending tool has not filled in the merge tag of a list snippet.
    UNMATCHED: a list snippet names nobody of its campaign. Where only the database could tell, the
    hit is among the recorded or the spooled ones, too.
    """

    RECORDED = "recorded"
    SPOOLED = "spooled"
    CEILING = "ceiling"
    LOST = "lost"
    HEAD = "head"
    PREFETCH = "prefetch"
    FORGED = "forged"
    METHOD = "method"
    OBJECTED = "objected"
    UNRESOLVED = "unresolved"
    UNMATCHED = "unmatched"


class Signals(StrEnum):
    """What a request becomes whose client asks not to be tracked (Sec-GPC: 1 or DNT: 1)."""

    IGNORE = "ignore"
    ANONYMOUS = "anonymous"
    OFF = "off"


class HitReader:
    """Turns a request's parts into a Hit; touches no database, so that garbage costs nothing."""

    def __init__(
        self,
        tokens: Tokens,
        proxies: TrustedProxies,
        ceiling: Ceiling,
        signals: Signals = Signals.IGNORE,
        lists: ListReader | None = None,
        ends: EndReader | None = None,
    ) -> None:
        self._tokens = tokens
        self._lists = lists
        self._ends = ends
        self._proxies = proxies
        self._ceiling = ceiling
        self._signals = signals

    def read(
        self,
        method: str,
        token: str,
        headers: Mapping[bytes, bytes],
        *,
        peer: str | None,
        forwarded: Sequence[bytes] = (),
        query: bytes = b"",
    ) -> Hit | Outcome:
        """``headers`` with lower-case names; ``forwarded``: all X-Forwarded-For values in order.

        ``query``: what stands behind the question mark, which only a list snippet looks at.
        """
        if method != "GET":
            return Outcome.HEAD if method == "HEAD" else Outcome.METHOD
        own = self._tokens.read(token)
        asked = (own, 0, False) if own is not None else self._asked_instead(token)
        if asked is None:
            return Outcome.FORGED
        pixel_id, campaign_id, is_end_mark = asked
        if says_prefetch(headers):
            return Outcome.PREFETCH
        objects = self._signals is not Signals.IGNORE and says_no_tracking(headers)
        if objects and (is_end_mark or self._signals is Signals.OFF):
            return Outcome.OBJECTED
        now = time.time_ns() // 1000
        name: Name = ""
        if campaign_id:
            named = self._name_in(query, campaign_id, now, is_end_mark=is_end_mark)
            if isinstance(named, Outcome):
                return named
            name, place = named
        else:
            # An end mark has a ceiling of its own: no pixel's id is negative.
            place = self._ceiling.place(~pixel_id if is_end_mark else pixel_id, now)
        if place is Place.ABOVE:
            return Outcome.CEILING
        return Hit(
            new_hit_id(now),
            pixel_id,
            now,
            self._proxies.client_address(peer, forwarded),
            readable_user_agent(headers.get(b"user-agent", b"")),
            place is Place.AT,
            objects,
            campaign_id,
            name,
            is_end_mark,
        )

    def _asked_instead(self, token: str) -> tuple[int, int, bool] | None:
        """Of what is no pixel's token: the pixel or the list snippet's campaign that it names, and
        whether it is an end mark's."""
        if self._lists is not None and (campaign_id := self._lists.campaign_of(token)):
            return 0, campaign_id, False
        if self._ends is None:
            return None
        asked = self._ends.pixel_of(token), self._ends.campaign_of(token), True
        return asked if any(asked[:2]) else None

    def _name_in(
        self, query: bytes, campaign_id: int, microseconds: int, *, is_end_mark: bool
    ) -> tuple[Name, Place] | Outcome:
        if self._lists is None:
            return Outcome.FORGED
        name = self._lists.name_in(query)
        if isinstance(name, Unnamed):
            if not is_end_mark:  # the snippet above it has told of the same miss
                MISSES.add(campaign_id, name)
            return Outcome(name)
        whose = ~campaign_id if is_end_mark else campaign_id
        return name, self._lists.place(whose, name, microseconds)


def says_prefetch(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client itself says that nobody looks at the mail yet."""
    if PURPOSES.isdisjoint(headers):
        return False
    for name in PURPOSES:
        value = headers.get(name)
        if value is not None and b"prefetch" in value.lower():
            return True
    # Safari's word about the pages that it shows small.
    return b"preview" in headers.get(b"x-purpose", b"").lower()


def says_no_tracking(headers: Mapping[bytes, bytes]) -> bool:
    """Global Privacy Control, or its forerunner Do Not Track."""
    return headers.get(b"sec-gpc") == b"1" or headers.get(b"dnt") == b"1"


def new_hit_id(microseconds: int) -> int:
    """A version 7 UUID (RFC 9562) as a number: 48 bits of milliseconds, then 74 random bits.

    The bits have to be nobody else's, not secret: to ask the system for each hit's took an eighth
    of the event loop's time.
    """
    bits = _random.getrandbits(74)
    return (
        (microseconds // 1000 & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | bits >> 62 << 64
        | 0b10 << 62
        | bits & 0x3FFF_FFFF_FFFF_FFFF
    )


def readable_user_agent(raw: bytes) -> str:
    """Any bytes as text of at most USER_AGENT_LENGTH characters, bad ones as ``\\xNN``."""
    return _readable(raw[:USER_AGENT_LENGTH])


# Most are one of a few: hits share one text, in memory and wherever it is looked up.
@lru_cache(maxsize=4096)
def _readable(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    return text.replace("\x00", "\\x00")[:USER_AGENT_LENGTH]
