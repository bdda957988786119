"""The head of a request for a pixel, read from what a client has sent, if it is a plain one."""

from __future__ import annotations

import re
from enum import Enum
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


class Request(NamedTuple):
    """The head of a request for a pixel, and how many bytes it took."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
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
    lines = HEADER_LINE.findall(held, first.end(), length)
    headers = {name.lower(): value for name, value in lines}
    # Each line has matched, and no name stands there twice.
    if not len(lines) == len(headers) == held.count(b"\n", 0, length) - 2:
        return Other.FULL
    connection = headers.get(b"connection", b"keep-alive").lower()
    if not MORE_THAN_A_HEAD.isdisjoint(headers) or connection not in (b"keep-alive", b"close"):
        return Other.FULL
    method, path, query, minor = first.groups(b"")
    is_last = connection == b"close" or minor == b"0"
    return Request(method.decode(), path.decode(), query, headers, is_last, length)
