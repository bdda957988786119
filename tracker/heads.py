"""The head of a request for a pixel, read from what a client has sent, if it is a plain one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

# Longer heads are not read; twice of what any client or proxy sends.
HEAD_LIMIT = 128 * 1024

STARTS = (b"GET /o/", b"HEAD /o/")
# The plain form of what mail clients send; whatever does not match is for the full parser to judge.
REQUEST_LINE = re.compile(
    rb"(GET|HEAD) (/o/[\w.~/-]*+)(?:\?([\w.~/%&=+:;,@!$'()*?-]*+))? HTTP/1\.([01])\r\n"
)
# A token, a colon, and what may be shown or is a tab (RFC 9110, 5.6.2 and 5.5).
HEADER_LINE = re.compile(
    rb"^([!#-'*+\-.0-9A-Z^-z|~]++):[ \t]*+([\t -~\x80-\xff]*+)\r\n", re.MULTILINE
)
NO_LINE_END = re.compile(rb"(?<!\r)\n|\r[^\n]")
# They say that more follows than a head.
MORE_THAN_A_HEAD = frozenset((b"content-length", b"transfer-encoding", b"upgrade", b"expect"))
# A mail client or an image proxy sends the same lines for every image, so that most are known,
# unless a proxy of ours adds each client's address to them. Each takes 6 KB of memory at most.
KNOWN_LINES = 1024
KNOWN_LENGTH = 2048


class Lines(NamedTuple):
    """Header lines by their lower-case names, and whether they ask to close the connection.

    Shared by all requests that came with the same lines: not to be changed.
    """

    headers: Mapping[bytes, bytes]
    is_last: bool


class Request(NamedTuple):
    """The head of a request for a pixel, and how many bytes it took."""

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    is_last: bool
    length: int


class Other(Enum):
    """What else may stand at the start of what a client has sent."""

    MORE = "it may become a request for a pixel"
    FULL = "the full parser has to read it"
    TOO_LONG = "a request for a pixel whose head has no end"


def read_request(held: bytes) -> Request | Other:
    if not held.startswith(STARTS):
        return Other.MORE if any(start.startswith(held) for start in STARTS) else Other.FULL
    end = held.find(b"\r\n\r\n")
    if end > HEAD_LIMIT or (end < 0 and len(held) > HEAD_LIMIT):
        return Other.TOO_LONG
    if end < 0:
        return Other.FULL if NO_LINE_END.search(held) else Other.MORE
    length = end + 4
    first = REQUEST_LINE.match(held, 0, length)
    if first is None:
        return Other.FULL
    lines = held[first.end() : length]
    known = read_known_lines(lines) if len(lines) <= KNOWN_LENGTH else read_lines(lines)
    if known is None:
        return Other.FULL
    method, path, query, minor = first.groups(b"")
    is_last = known.is_last or minor == b"0"
    return Request(method.decode(), path.decode(), query, known.headers, is_last, length)


def read_lines(lines: bytes) -> Lines | None:
    """All lines of a head behind the first, the empty one included; none if they are not plain."""
    found = HEADER_LINE.findall(lines)
    headers = {name.lower(): value for name, value in found}
    # Each line has matched, and no name stands there twice.
    if not len(found) == len(headers) == lines.count(b"\n") - 1:
        return None
    connection = headers.get(b"connection", b"keep-alive").lower()
    if not MORE_THAN_A_HEAD.isdisjoint(headers) or connection not in (b"keep-alive", b"close"):
        return None
    return Lines(headers, connection == b"close")


read_known_lines = lru_cache(maxsize=KNOWN_LINES)(read_lines)
