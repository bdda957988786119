"""What answers pixels: an ASGI application in front of Django, and what tracker.wire asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from tracker import metrics
from tracker.hits import Hit, HitReader, Outcome
from tracker.recorder import Recorder, Tell

if TYPE_CHECKING:
    from asgiref.typing import (
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        HTTPResponseBodyEvent,
        HTTPResponseStartEvent,
        HTTPScope,
        Scope,
    )

logger = logging.getLogger("tracker.endpoint")

PREFIX = "/o/"
SUFFIX = ".gif"

# One transparent pixel, 43 bytes: GIF89a, a palette of two, colour 0 transparent.
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    b"!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)

# Both ways of a hit, this one and the Django view, answer with these.
HEADERS = {
    "Content-Type": "image/gif",
    "Content-Length": str(len(GIF)),
    # no-store says it all; the rest is for proxies that are older than it.
    "Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "Pragma": "no-cache",
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    # The image is meant to be shown inside other people's pages: webmail.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
METHODS = "GET, HEAD"
FORWARDED = b"x-forwarded-for"


def _start(status: int, headers: dict[str, str]) -> HTTPResponseStartEvent:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "trailers": False,
    }


def _body(content: bytes) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": content, "more_body": False}


# Built once: an answer only sends them.
IMAGE_START = _start(200, HEADERS)
IMAGE_BODY = _body(GIF)
NO_BODY = _body(b"")
REFUSAL_START = _start(405, {"Allow": METHODS, "Content-Length": "0"})


class Companion(Protocol):
    """Lives beside the recorder, in a thread of its own, as long as the process serves."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class PixelEndpoint:
    """Whatever happens, the mail client gets its image.

    Requests below /o/ end here; everything else goes to the application behind. An image that
    answers a hit is sent after the hit is committed, or on the local disk. Most hits do not come
    as ASGI calls: tracker.wire reads them from the socket and hands them to ``take``.
    """

    def __init__(
        self,
        application: ASGI3Application,
        *,
        reader: HitReader,
        recorder: Recorder,
        companions: Sequence[Companion] = (),
    ) -> None:
        self._application = application
        self._reader = reader
        self._recorder = recorder
        self._companions = companions

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._answer_pixel(scope, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._application(scope, receive, send)

    async def _answer_pixel(self, scope: HTTPScope, send: ASGISendCallable) -> None:
        outcome = await self._outcome(scope)
        if outcome is Outcome.METHOD:
            await send(REFUSAL_START)
            await send(NO_BODY)
            return
        await send(IMAGE_START)
        await send(NO_BODY if outcome is Outcome.HEAD else IMAGE_BODY)

    async def _outcome(self, scope: HTTPScope) -> Outcome:
        lines = scope["headers"]
        client = scope["client"]
        hit = self._read(
            scope["method"],
            scope["path"],
            scope["query_string"],
            dict(lines),
            peer=client[0] if client else None,
            # A proxy may add a line of its own instead of prolonging the client's.
            forwarded=[value for name, value in lines if name == FORWARDED],
        )
        return await self._recorder.record(hit) if isinstance(hit, Hit) else hit

    def take(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        peer: str | None,
        tell: Tell,
    ) -> None:
        """The same without ASGI: ``tell`` is told the outcome, now or later."""
        forwarded = (headers[FORWARDED],) if FORWARDED in headers else ()
        hit = self._read(method, path, query, headers, peer=peer, forwarded=forwarded)
        if isinstance(hit, Hit):
            self._recorder.take(hit, tell)
        else:
            tell(hit)

    def _read(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        *,
        peer: str | None,
        forwarded: Sequence[bytes],
    ) -> Hit | Outcome:
        """Counts what is no hit; the recorder counts hits itself, a group at a time."""
        outcome: Outcome
        try:
            hit = self._reader.read(
                method, token_in(path), headers, peer=peer, forwarded=forwarded, query=query
            )
            if isinstance(hit, Hit):
                return hit
            outcome = hit
        except Exception:
            logger.exception("a hit is lost: it could not be read")
            outcome = Outcome.LOST
        metrics.HITS[outcome].inc()
        return outcome

    async def _live(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._recorder.start()
                for companion in self._companions:
                    companion.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._recorder.stop()
                for companion in self._companions:
                    await asyncio.to_thread(companion.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return


def token_in(path: str) -> str:
    """What stands between /o/ and .gif; the empty text, which is no token, in other paths."""
    return path[len(PREFIX) : -len(SUFFIX)] if path.endswith(SUFFIX) else ""
