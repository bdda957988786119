"""The pixel's way from the socket: reads a plain request itself, leaves all others to uvicorn."""

from __future__ import annotations

from math import inf
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tracker.endpoint import GIF, HEADERS, PixelEndpoint
from tracker.heads import HEAD_LIMIT, Other, Request, read_request
from tracker.hits import Outcome

# More at once are turned away, so that memory is bounded; from half of them on nobody idles long.
CONNECTION_LIMIT = 4096
# Seconds, each counted to the next sweep.
HEAD_WITHIN = 10.0
# A proxy keeps its connections for a minute; whoever closes first should not be we.
IDLE_FOR = 75.0
IDLE_IN_A_CROWD = 5.0
# A body that stops coming, an answer that nobody reads.
STALLED_FOR = 60.0


def _answer(status: str, headers: dict[str, str], body: bytes = b"", *, is_last: bool) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.lower()}: {text}" for name, text in headers.items())]
    if is_last:
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


# By whether the connection is closed after it.
IMAGE = [_answer("200 OK", HEADERS, GIF, is_last=is_last) for is_last in (False, True)]
IMAGE_HEAD = [_answer("200 OK", HEADERS, is_last=is_last) for is_last in (False, True)]
TOO_LARGE = _answer("431 Request Header Fields Too Large", {"Content-Length": "0"}, is_last=True)


class PixelProtocol(HttpToolsProtocol):
    """One connection. Requests are answered in order: one pixel at a time, or uvicorn's queue.

    What is received goes to uvicorn's parser whenever that is inside a request or its answer;
    otherwise a request for a pixel is taken from it here.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        assert isinstance(self.app, PixelEndpoint)
        self._endpoint: PixelEndpoint = self.app
        self._held = b""
        # The answers to the pixel that is being recorded: while there are some, the rest waits.
        self._answers: list[bytes] | None = None
        self._is_last = False
        self._is_taking = False
        self._is_deaf = False
        self._has_ended = False  # the client has said all it wants to say
        self._is_in_head = False
        self._is_in_message = False  # uvicorn's parser is
        self._unsorted = 0  # bytes that it took since it last understood something
        self._deadline = inf

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.time() + HEAD_WITHIN
        if len(self.connections) > CONNECTION_LIMIT:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._held += data
        if (
            self._is_in_head
            and not self._is_parser_busy
            and b"\n" not in data
            and len(self._held) <= HEAD_LIMIT
        ):
            return  # no head ends here: not looked through again for every byte
        self._take_requests()
        if len(self._held) > HEAD_LIMIT:
            self.flow.pause_reading()

    def eof_received(self) -> bool:  # type: ignore[override]
        """True keeps the connection: its client may still wait for the image."""
        self._has_ended = True
        return self._answers is not None

    def shutdown(self) -> None:
        self._is_last = True
        if self._answers is None:
            super().shutdown()

    def sweep(self, now: float) -> None:
        """Called every second: ends what has taken too long."""
        # Where uvicorn has stopped reading, it is the application that takes its time.
        if now > self._deadline and (self.flow.write_paused or not self.flow.read_paused):
            self.transport.abort()

    def _take_requests(self) -> None:
        self._is_taking = True
        while self._held and self._answers is None and not self._is_closed:
            if self._is_parser_busy:
                self._feed_parser()
                break
            if self.flow.write_paused:
                break  # the client has to read its answers first
            self._held = self._held.lstrip(b"\r\n")
            request = read_request(self._held)
            if isinstance(request, Request):
                self._take(request)
            elif request is Other.FULL:
                self.flow.resume_reading()
                self._feed_parser()
            elif request is Other.TOO_LONG:
                self._refuse((IMAGE_HEAD if self._held.startswith(b"HEAD") else IMAGE)[True])
            else:
                self._begin_head()
                break
        self._is_taking = False

    def _take(self, request: Request) -> None:
        method, path, query, headers, is_last, length = request
        self._held = self._held[length:]
        self._answers = IMAGE if method == "GET" else IMAGE_HEAD
        self._is_last = self._is_last or is_last
        self._is_in_head = False
        self._deadline = inf
        peer = self.client[0] if self.client else None
        self._endpoint.take(method, path, query, headers, peer, self._settle)

    def _settle(self, outcome: Outcome) -> None:
        """The hit is kept, or is none: answer, and look at what the client has sent meanwhile."""
        answers, self._answers = self._answers, None
        if answers is None or self._is_closed:
            return
        self.transport.write(answers[self._is_last])
        self._rest()
        if self._is_last:
            self.transport.close()
        elif not self._is_taking and (self._held or self._has_ended):
            self._go_on()

    def _go_on(self) -> None:
        self._take_requests()
        self._close_if_ended()
        if len(self._held) <= HEAD_LIMIT and not self._is_parser_busy:
            self.flow.resume_reading()

    def _close_if_ended(self) -> None:
        if self._has_ended and self._answers is None and not self._is_parser_busy:
            self.transport.close()

    def _rest(self) -> None:
        """Nothing is asked and nothing owed: the client may idle for a while."""
        patience = IDLE_FOR
        if self.flow.write_paused or self.transport.is_closing():
            patience = STALLED_FOR  # something is still on its way out
        elif len(self.connections) > CONNECTION_LIMIT // 2:
            patience = IDLE_IN_A_CROWD
        self._deadline = self.loop.time() + patience

    def _begin_head(self) -> None:
        if not self._is_in_head:
            self._is_in_head = True
            self._deadline = self.loop.time() + HEAD_WITHIN

    @property
    def _is_closed(self) -> bool:
        return self._is_deaf or self.transport.is_closing()

    def _refuse(self, answer: bytes) -> None:
        """Say so and hear no more; closing now would take the answer away from who still sends."""
        self._held = b""
        if self._is_answering_page:
            self.transport.abort()  # the client would take it for that page
            return
        self._is_deaf = True
        self._deadline = self.loop.time() + HEAD_WITHIN
        self.flow.resume_reading()
        self.transport.write(answer)
        self.transport.write_eof()

    # uvicorn's part

    @property
    def _is_answering_page(self) -> bool:
        # None before the first page, whatever uvicorn's annotation says.
        return bool(self.cycle) and not self.cycle.response_complete

    @property
    def _is_parser_busy(self) -> bool:
        return self._is_in_message or self._is_answering_page

    def _feed_parser(self) -> None:
        data, self._held = self._held, b""
        self._unsorted += len(data)
        if self._is_in_message and not self._is_in_head:
            self._deadline = self.loop.time() + STALLED_FOR
        super().data_received(data)
        if self._unsorted > HEAD_LIMIT and not self._is_closed:
            self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        self._is_in_message = True
        self._begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._deadline = self.loop.time() + STALLED_FOR
        self._unsorted = 0
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # the parser drops what stands behind such a request

    def on_body(self, body: bytes) -> None:
        self._unsorted = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unsorted = 0
        self._is_in_message = False
        if self._is_answering_page:
            self._deadline = inf
        else:
            self._rest()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unset_keepalive_if_required()  # the sweep does that
        if not self._is_parser_busy:
            self._rest()
            self._close_if_ended()

    def send_400_response(self, msg: str) -> None:
        if self._is_answering_page:
            self.transport.abort()
        else:
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._deadline = self.loop.time() + STALLED_FOR

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._is_closed:
            return
        self._deadline = self.loop.time() + STALLED_FOR if self._is_in_message else inf
        if not self._is_parser_busy and self._answers is None:
            self._rest()
            self._go_on()
