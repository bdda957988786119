"""The protocol over real sockets: whatever comes in whatever pieces is answered, and in order."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.list_cases import LIST_CASES, ListCase, Texts
from tests.tracker.pixel_cases import CASES, EXPECTED_HEADERS, Case, url_of
from tracker import heads, metrics, wire
from tracker.ceiling import Ceiling
from tracker.endpoint import GIF, PixelEndpoint
from tracker.heads import HEAD_LIMIT, Other, Request, read_request
from tracker.hits import Hit, HitReader, Outcome
from tracker.list_hits import ListReader
from tracker.proxies import TrustedProxies
from tracker.recorder import Recorder
from tracker.tokens import CODE, LIST, Tokens
from tracker.wire import PixelProtocol
from tracker.workers import Server, configuration
from tracker.writer.in_thread import InThread

tokens = Tokens("k" * 40)
list_tokens, code_tokens = Tokens("k" * 40, purpose=LIST), Tokens("k" * 40, purpose=CODE)
PATH = f"/o/{tokens.make(5)}.gif"
PIXEL = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
PAGE = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"

Answer = tuple[int, dict[str, str], bytes]

# Longer than a loaded machine takes for anything here; shorter than the server's own patience.
WITHIN = 45.0


async def page(scope: Any, receive: Any, send: Any) -> None:
    """The application behind: says what it was asked, and repeats the body."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    if scope["path"] == "/slow":
        await asyncio.sleep(0.05)
    content = f"{scope['method']} {scope['path']} ".encode() + body
    if scope["path"] == "/large":
        content = b"x" * 8_000_000
    length = str(len(content)).encode()
    await send(
        {"type": "http.response.start", "status": 418, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": content})


class Served:
    """The server in a thread, with a recorder that keeps hits in a list."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []
        self.is_frozen = threading.Event()
        self.is_writing = threading.Event()
        self.is_answering_slowly = threading.Event()
        self.asgi_calls = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        # Little room in the kernel: what a client does not read comes back to the server soon.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        endpoint = PixelEndpoint(
            self._page,
            reader=HitReader(
                tokens,
                TrustedProxies(["127.0.0.0/8"]),
                Ceiling(0),
                lists=ListReader(list_tokens, code_tokens, Ceiling(0)),
            ),
            recorder=Recorder(InThread(self._write), lambda hits: None, commit_within=10),
        )
        self.server = Server(configuration("unused.application"))
        self.server.config.app = self._counted(endpoint)
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],))
        self.thread.start()
        wait_until(lambda: self.server.started)

    def _counted(self, endpoint: PixelEndpoint) -> PixelEndpoint:
        """Counts the requests that took the way through ASGI."""
        answer = endpoint._answer_pixel

        async def counted(*arguments: Any) -> None:
            self.asgi_calls += 1
            await answer(*arguments)

        endpoint._answer_pixel = counted  # type: ignore[assignment,method-assign]
        return endpoint

    async def _page(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            self.is_answering_slowly.set()
        await page(scope, receive, send)

    def _write(self, hits: Any) -> int:
        self.is_writing.set()
        while self.is_frozen.is_set():
            time.sleep(0.005)
        self.hits.extend(hits)
        return len(hits)

    def stop(self) -> None:
        self.is_frozen.clear()
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=WITHIN)

    def ask(self, *pieces: bytes, pause: float = 0.0) -> list[Answer]:
        """Everything that is answered to these bytes and the end of them."""
        with self.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                client.sendall(piece)
                time.sleep(pause)
            return read_answers(read_all(client))

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    made = Served()
    yield made
    made.stop()


@pytest.fixture
def served(shared: Served) -> Served:
    wait_until(lambda: shared.connections == 0)
    shared.hits.clear()
    shared.asgi_calls = 0
    return shared


def is_cut_off(client: socket.socket, *pieces: bytes, pause: float = 0) -> bool:
    """Whether the server ends the connection, in whatever way, and answers nothing of this."""
    try:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(pause)
        return read_all(client) == b""
    except ConnectionError:
        return True


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.005)


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def read_answers(stream: bytes, methods: tuple[str, ...] = ()) -> list[Answer]:
    """Answers to HEAD have to be announced in ``methods``: they have a length and no body."""
    found: list[Answer] = []
    while stream:
        head, separator, rest = stream.partition(b"\r\n\r\n")
        assert separator, stream
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        headers.pop("date", None)
        length = int(headers.get("content-length", "0"))
        if len(found) < len(methods) and methods[len(found)] == "HEAD":
            length = 0
        found.append((int(first.split()[1]), headers, rest[:length]))
        assert len(rest) >= length
        stream = rest[length:]
    return found


def is_whole(answer: bytes, request: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    announced = int(length[1]) if length and not request.startswith(b"HEAD") else 0
    return bool(separator) and len(body) >= announced


def closing(request: bytes) -> bytes:
    return request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


@pytest.mark.parametrize("connection", ["", "Connection: close\r\n", "Connection: x\r\n"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_wire_keeps_the_pixels_contract(case: Case, connection: str, served: Served) -> None:
    """Once without and once with the full parser: it decides on a Connection that it may know."""
    extra = "".join(f"{name}: {value}\r\n" for name, value in case.headers.items())
    head = f"{case.method} {url_of(case, tokens.make(5))} HTTP/1.1\r\nHost: x\r\n{extra}"
    with served.connect() as client:
        client.sendall(f"{head}{connection}\r\n".encode())
        if "close" not in connection:
            client.sendall(closing(PAGE))
        (status, headers, body), *more = read_answers(read_all(client), (case.method,))
    assert len(more) == ("close" not in connection)
    assert status == case.status
    assert len(served.hits) == case.opens
    headers.pop("connection", None)
    if status == 200:
        assert body == (b"" if case.method == "HEAD" else GIF)
        assert headers == EXPECTED_HEADERS
    else:
        assert headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("connection", ["", "Connection: x\r\n"])
@pytest.mark.parametrize("case", LIST_CASES, ids=lambda case: case.name)
def test_the_wire_takes_a_list_snippet_as_the_table_says(
    case: ListCase, connection: str, served: Served
) -> None:
    texts = Texts(
        list_tokens.make(3),
        list_tokens.make(4),
        tokens.make(5),
        code_tokens.make(6),
        code_tokens.make(7),
    )
    extra = "".join(f"{name}: {value}\r\n" for name, value in case.headers.items())
    head = f"{case.method} {texts.url(case)} HTTP/1.1\r\nHost: x\r\n{extra}{connection}"
    before = metrics.HITS[Outcome(case.outcome)]._value.get()
    with served.connect() as client:
        client.sendall(f"{head}\r\n".encode("latin-1"))
        client.sendall(closing(PAGE))
        (status, _, body), page_after = read_answers(read_all(client), (case.method,))
    assert (status, page_after[0]) == (200, 418)
    assert body == (b"" if case.method == "HEAD" else GIF)
    assert len(served.hits) == case.is_handed_over
    if served.hits:
        expected = ListReader(list_tokens, code_tokens, Ceiling(0)).name_in(
            texts.url(case).partition("?")[2].encode()
        )
        assert [(hit.pixel_id, hit.name) for hit in served.hits] == [(0, expected)]
    if not case.is_handed_over:
        assert metrics.HITS[Outcome(case.outcome)]._value.get() == before + 1


def test_a_plain_request_does_not_take_the_long_way(served: Served) -> None:
    assert served.ask(PIXEL, b"\r\n" + closing(PIXEL))[0][2] == GIF
    assert (len(served.hits), served.asgi_calls) == (2, 0)
    served.ask(closing(PIXEL.replace(b"Host", b"Connection: keep-alive, TE\r\nHost")))
    assert (len(served.hits), served.asgi_calls) == (3, 1)


def test_what_the_client_says_reaches_the_hit(served: Served) -> None:
    extra = b"\r\nuser-AGENT:  Thunder\xffbird \r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
    served.ask(closing(PIXEL.replace(b"\r\n\r\n", extra)))
    served.ask(
        closing(PIXEL.replace(b"\r\n\r\n", extra.replace(b"user", b"Te: x\r\nTe: y\r\nuser")))
    )
    assert served.asgi_calls == 1
    for hit in served.hits:
        assert (hit.pixel_id, hit.ip) == (5, "203.0.113.7")
        assert hit.user_agent.strip() == "Thunder\\xffbird"


def test_two_forwarded_lines_are_both_read(served: Served) -> None:
    lines = b"\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 127.0.0.9\r\n\r\n"
    served.ask(closing(PIXEL.replace(b"\r\n\r\n", lines)))
    assert [hit.ip for hit in served.hits] == ["203.0.113.7"]


def test_answers_come_in_the_order_of_the_requests(served: Served) -> None:
    slow = PAGE.replace(b"/page", b"/slow")
    stream = PIXEL + slow + PIXEL + PIXEL + PAGE + slow + closing(PIXEL)
    assert [body for _, _, body in served.ask(stream)] == [
        GIF, b"GET /slow ", GIF, GIF, b"GET /page ", b"GET /slow ", GIF,
    ]  # fmt: skip
    assert len(served.hits) == 4


def test_a_request_waits_for_the_one_before_it_on_its_connection(served: Served) -> None:
    served.is_frozen.set()
    with served.connect() as client:
        client.sendall(PIXEL)
        time.sleep(0.1)
        client.sendall(closing(PAGE))
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        served.is_frozen.clear()
        client.settimeout(10)
        assert [status for status, _, _ in read_answers(read_all(client))] == [200, 418]


def test_an_image_is_sent_after_its_hit_is_kept(served: Served) -> None:
    served.is_frozen.set()
    with served.connect() as client:
        client.sendall(PIXEL)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert served.hits == []
        served.is_frozen.clear()
        client.settimeout(10)
        assert client.recv(1000).endswith(GIF)
        assert len(served.hits) == 1


@pytest.mark.parametrize("last", [b"", PAGE, PIXEL[:9]])
def test_a_client_that_ends_its_side_gets_all_its_images(last: bytes, served: Served) -> None:
    with served.connect() as client:
        client.sendall(PIXEL * 3 + last)
        client.shutdown(socket.SHUT_WR)
        statuses = [status for status, _, _ in read_answers(read_all(client))]
        assert statuses == [200] * 3 + [418] * (last == PAGE)


def test_a_client_whose_hit_waits_long_is_not_cut_off(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEAD_WITHIN", 0.3)
    monkeypatch.setattr(wire, "IDLE_FOR", 0.3)
    served.is_frozen.set()
    with served.connect() as client:
        client.sendall(PIXEL)
        time.sleep(2)
        served.is_frozen.clear()
        assert client.recv(1000).endswith(GIF)


def test_every_way_to_break_a_stream_in_two_gives_the_same_answers(served: Served) -> None:
    stream = PIXEL + PAGE + closing(PIXEL)
    expected = served.ask(stream)
    assert len(expected) == 3
    for place in range(1, len(stream)):
        assert served.ask(stream[:place], stream[place:], pause=0.001) == expected, place


REQUESTS = [
    PIXEL,
    PIXEL.replace(b"GET", b"HEAD"),
    PIXEL.replace(b".gif", b".gif?a=b%20c"),
    PIXEL.replace(b"Host", b"Content-Length: 0\r\nHost"),
    b"\r\n" + PIXEL,
    b"GET /o/%41 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /o/forged.gif HTTP/1.1\r\nA: b\r\na: c\r\n\r\n",
    b"POST /o/x.gif HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET ",
    b"GET " + PATH.encode() + b" HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET /o/x ",
    PAGE,
    PAGE.replace(b"/page", b"/slow"),
    b"HEAD /page HTTP/1.1\r\n\r\n",
    b"POST /page HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nGET /o/x\r\n0\r\n\r\n",
    b"POST /page HTTP/1.1\r\nContent-Length: 25\r\n\r\nGET /o/x HTTP/1.1\r\n\r\n1234",
]
LAST = closing(PIXEL)


@settings(
    max_examples=150,
    deadline=None,
)
@given(
    requests=st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=5),
    places=st.lists(st.floats(0, 1), max_size=5),
)
def test_any_stream_in_any_pieces_gets_the_answers_of_its_requests_one_by_one(
    shared: Served, requests: list[bytes], places: list[float]
) -> None:
    stream = b"".join(requests) + LAST
    cuts = sorted({0, len(stream), *(int(place * len(stream)) for place in places)})
    pieces = [stream[a:b] for a, b in pairwise(cuts)]
    methods = tuple(request.split()[0].decode() for request in [*requests, LAST])
    shared.hits.clear()
    with shared.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.0005)
        answers = read_answers(read_all(client), methods)
    assert answers == [alone(shared, request) for request in requests] + [alone(shared, LAST)]


_alone: dict[bytes, Answer] = {}


def alone(served: Served, request: bytes) -> Answer:
    """What a request is answered with on a connection of its own that stays open."""
    if request not in _alone:
        with served.connect() as client:
            client.sendall(request)
            received = client.recv(65536)
            while not is_whole(received, request):
                more = client.recv(65536)
                assert more, received
                received += more
            time.sleep(0.1)  # for what ought not to come
            client.setblocking(False)
            with suppress(BlockingIOError):
                received += client.recv(65536)
        (_alone[request],) = read_answers(received, (request.split()[0].decode(),))
    return _alone[request]


@pytest.mark.parametrize(
    "request_",
    [
        PIXEL.replace(b"Host: x", b"Host: x\r\n folded"),
        PIXEL.replace(b"\r\n", b"\n"),
        PIXEL.replace(b"Host: x\r\n", b"Host: x\nA: b\r\n"),
        PIXEL.replace(b"Host: x", b"Host: \x00"),
        PIXEL.replace(b"Host: x", b"Host : x"),
        PIXEL.replace(b"Host: x", b"Host"),
        PIXEL.replace(b"Host: x", b": x"),
        PIXEL.replace(b"Host: x", b"Host: x\ry"),
        PIXEL.replace(b"Host: x", b"Content-Length: 0\r\nContent-Length: 0"),
        PIXEL.replace(b"Host: x", b"Content-Length: -1"),
        PIXEL.replace(b"Host: x", b"Content-Length: 4\r\nTransfer-Encoding: chunked"),
        PIXEL.replace(b"HTTP/1.1", b"HTTP/1.1 "),
        PIXEL.replace(b"HTTP/1.1", b"HTTP/9.1"),
        PIXEL.replace(b" /o/", b"  /o/ x"),
        b"GET /o/\x01 HTTP/1.1\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_malformed_head_is_refused_by_the_full_parser(request_: bytes, served: Served) -> None:
    assert isinstance(read_request(request_), Other)
    answers = served.ask(request_)
    assert [(status, headers["connection"]) for status, headers, _ in answers] == [(400, "close")]
    assert served.hits == []


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("connection", [b"close", b"Close", b"close, te", b"keep-alive"])
def test_the_connection_is_closed_when_it_has_to_be(
    version: bytes, connection: bytes, served: Served
) -> None:
    request = PIXEL.replace(b"HTTP/1.1", b"HTTP/" + version)
    request = request.replace(b"Host", b"Connection: " + connection + b"\r\nHost")
    with served.connect() as client:
        client.sendall(request)
        answer = client.recv(1000)
        assert answer.endswith(GIF)
        is_last = b"close" in connection.lower() or version == b"1.0"
        assert (b"\r\nconnection: close\r\n" in answer) == is_last
        if is_last:
            assert client.recv(1) == b""
        else:
            client.sendall(closing(PIXEL))
            assert read_all(client).endswith(GIF)


def test_an_upgrade_is_answered_without_one(served: Served) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost"
    answers = served.ask(PIXEL.replace(b"Host", upgrade))
    assert [(status, headers["connection"]) for status, headers, _ in answers] == [(200, "close")]


def test_a_body_that_is_announced_is_asked_for(served: Served) -> None:
    with served.connect() as client:
        head = b"POST /page HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        client.sendall(closing(head))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hello")
        assert read_answers(read_all(client))[0][2] == b"POST /page hello"


@pytest.mark.parametrize(
    "start",
    [
        b"GET /o/" + b"A" * 3_000_000,
        b"GET " + PATH.encode() + b" HTTP/1.1\r\nCookie: " + b"A" * 3_000_000,
        b"GET " + PATH.encode() + b" HTTP/1.1\r\n" + b"A: b\r\n" * 500_000,
    ],
)
@pytest.mark.parametrize("end", [b"", b" HTTP/1.1\r\n\r\n"])
def test_an_enormous_head_gets_the_image_and_is_not_recorded(
    start: bytes, end: bytes, served: Served
) -> None:
    ((status, headers, body),) = served.ask(start + end)
    assert (status, body, headers.pop("connection")) == (200, GIF, "close")
    assert headers == EXPECTED_HEADERS
    assert served.hits == []


@pytest.mark.parametrize(
    "start",
    [
        b"GET /page/" + b"A" * 3_000_000,
        b"GET /page HTTP/1.1\r\nCookie: " + b"A" * 3_000_000,
        b"POST /o/" + b"A" * 3_000_000,
    ],
)
def test_an_enormous_head_elsewhere_is_refused(start: bytes, served: Served) -> None:
    assert [status for status, _, _ in served.ask(start)] == [431]


def test_trailers_without_end_do_not_fill_the_memory(served: Served) -> None:
    head = b"POST /page HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with served.connect() as client:
        assert is_cut_off(client, head + b"A: b\r\n" * 500_000)
    wait_until(lambda: served.connections == 0)


def test_a_large_body_is_taken(served: Served) -> None:
    body = b"b" * 3_000_000
    head = b"POST /page HTTP/1.1\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n"
    ((status, _, answer),) = served.ask(head + body)
    assert (status, answer) == (418, b"POST /page " + body)


@pytest.mark.parametrize(
    "start",
    [b"", b"GET", PIXEL[:-2], PIXEL + PIXEL[:-2], PAGE[:-2], PAGE + PAGE[:5], PAGE + PIXEL[:9]],
)
def test_a_head_that_does_not_end_is_not_waited_for(
    start: bytes, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEAD_WITHIN", 0.3)
    started = time.monotonic()
    with served.connect() as client:
        client.sendall(start)
        # The end comes within the time that a socket of these tests waits.
        answers = read_answers(read_all(client))
        assert time.monotonic() - started > 0.3
    assert len(answers) == start.count(b"\r\n\r\n")


def test_bytes_that_trickle_do_not_prolong_the_wait(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEAD_WITHIN", 0.5)
    for head in (PIXEL, PAGE):
        # Were each byte waited for, the whole head would come in the end, and be answered.
        with served.connect() as client:
            assert is_cut_off(client, *(bytes([byte]) for byte in head), pause=0.1)


@pytest.mark.parametrize("request_", [PIXEL, PAGE, PIXEL + PAGE, PAGE + PIXEL])
def test_an_idle_connection_is_closed(
    request_: bytes, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "IDLE_FOR", 0.5)
    assert len(served.ask(request_)) == request_.count(b"\r\n\r\n")
    wait_until(lambda: served.connections == 0)


def test_a_body_that_stops_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "STALLED_FOR", 0.3)
    assert served.ask(b"POST /page HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc") == []


def test_an_answer_that_nobody_reads_is_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_given_up() -> bool:
        for protocol in list(served.server.server_state.connections):
            assert isinstance(protocol, PixelProtocol)
            assert len(protocol._held) < HEAD_LIMIT + 300_000
            if protocol.cycle is None:
                assert protocol.transport.get_write_buffer_size() < HEAD_LIMIT + 1000
        return served.connections == 0

    monkeypatch.setattr(wire, "STALLED_FOR", 0.3)
    for stream in (PAGE.replace(b"/page", b"/large"), b"GET /o/x.gif HTTP/1.1\r\n\r\n" * 60_000):
        with served.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            sent = 0
            until = time.monotonic() + 2
            while sent < len(stream) and time.monotonic() < until:
                try:
                    sent += client.send(stream[sent : sent + 65536])
                except BlockingIOError:
                    time.sleep(0.01)
                except OSError:
                    break
            wait_until(is_given_up)


def test_many_requests_at_once_on_one_connection_are_all_answered(served: Served) -> None:
    stream = PIXEL * 3000
    answers: list[bytes] = []
    with served.connect() as client:
        reader = threading.Thread(target=lambda: answers.append(read_all(client)))
        reader.start()
        client.sendall(stream + LAST)
        reader.join(60)
    assert len(read_answers(answers[0])) == 3001
    assert len(served.hits) == 3001


def test_a_client_that_reads_late_gets_everything(served: Served) -> None:
    count = 4000
    with served.connect() as client:
        asking = threading.Thread(
            target=client.sendall,
            args=(b"GET /o/x.gif HTTP/1.1\r\n\r\n" * count + LAST,),
        )
        asking.start()
        time.sleep(0.5)
        assert len(read_answers(read_all(client))) == count + 1
        asking.join(10)


@pytest.mark.parametrize(
    "queue",
    [
        PIXEL * (2 * HEAD_LIMIT // len(PIXEL)),
        PIXEL + (b"GET /o/x.gif HTTP/1.1\r\nA: " + b"a" * (HEAD_LIMIT - 5_000) + b"\r\n\r\n") * 2,
    ],
    ids=["many", "long"],
)
def test_reading_goes_on_after_many_requests_had_to_wait(queue: bytes, served: Served) -> None:
    """The last of them is a page's, of which the end is still to come."""
    served.is_frozen.set()
    hits, count = queue.count(PIXEL), queue.count(b"\r\n\r\n")
    received: list[bytes] = []
    with served.connect() as client:
        client.sendall(queue + closing(PAGE)[:-2])
        wait_until(lambda: served.connections == 1)
        (protocol,) = served.server.server_state.connections
        assert isinstance(protocol, PixelProtocol)
        wait_until(lambda: protocol.flow.read_paused)
        reading = threading.Thread(target=lambda: received.append(read_all(client)))
        reading.start()
        served.is_frozen.clear()
        wait_until(lambda: len(served.hits) == hits)
        time.sleep(0.1)
        client.sendall(PAGE[-2:])
        reading.join(15)
    statuses = [status for status, _, _ in read_answers(received[0])]
    assert statuses == [200] * count + [418]


def test_clients_that_vanish_leave_nothing_behind(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.is_frozen.set()
    for start in (PIXEL, PIXEL + PAGE, PAGE, PIXEL[:9], PAGE[:9], b"", PIXEL * 5000) * 5:
        client = served.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.setblocking(False)
        client.send(start[:100_000])
        time.sleep(0.01)
        client.close()
    served.is_frozen.clear()
    wait_until(lambda: served.connections == 0)
    assert caplog.text == ""
    assert len(served.ask(closing(PIXEL))) == 1


def test_there_are_only_so_many_connections(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CONNECTION_LIMIT", 10)
    monkeypatch.setattr(wire, "IDLE_IN_A_CROWD", WITHIN)
    clients = [served.connect() for _ in range(10)]
    for client in clients:
        client.sendall(PIXEL)
        assert client.recv(1000).endswith(GIF)
    with served.connect() as one_more:
        assert is_cut_off(one_more, PIXEL)
    # Among so many nobody idles for long.
    monkeypatch.setattr(wire, "IDLE_IN_A_CROWD", 0.5)
    for client in clients[:5]:
        client.sendall(PIXEL)
        assert client.recv(1000).endswith(GIF)
    wait_until(lambda: served.connections <= 5)
    for client in clients:
        client.close()


@pytest.mark.parametrize("asked", [PIXEL, PIXEL * 2, PAGE.replace(b"/page", b"/slow")])
def test_the_end_waits_for_what_is_under_way_and_for_nothing_else(asked: bytes) -> None:
    served = Served()
    idle, busy = served.connect(), served.connect()
    idle.sendall(PIXEL[:20])
    served.is_frozen.set()
    busy.sendall(asked)
    is_under_way = served.is_writing if b"/o/" in asked else served.is_answering_slowly
    assert is_under_way.wait(WITHIN)
    ending = threading.Thread(target=served.stop)
    served.server.should_exit = True
    time.sleep(0.3)
    served.is_frozen.clear()
    started = time.monotonic()
    ending.start()
    answers = read_answers(read_all(busy))
    ending.join(20)
    assert time.monotonic() - started < 5
    assert len(answers) == 1
    assert len(served.hits) == (1 if b"/o/" in asked else 0)
    idle.close()
    busy.close()


@given(st.binary(max_size=40))
def test_heads_are_read_from_any_bytes(end: bytes) -> None:
    for held in (end, b"GET /o/" + end, PIXEL[:-2] + end, PIXEL[:-4] + end + b"\r\n\r\n"):
        request = read_request(held)
        if isinstance(request, Request):
            assert re.fullmatch(
                rb"(GET|HEAD) /o/[!-~]* HTTP/1\.[01]\r\n.*?\r\n\r\n|.*\r\n\r\n",
                held[: request.length],
                re.DOTALL,
            )
            assert held[: request.length].count(b"\r\n\r\n") == 1


def test_names_and_values_are_those_that_the_full_parser_reads() -> None:
    import httptools

    class Callbacks:
        def __init__(self) -> None:
            self.headers: dict[bytes, bytes] = {}

        def on_header(self, name: bytes, value: bytes) -> None:
            self.headers[name.lower()] = value

    for lines in (b"A:b", b"A: b ", b"A:\t b\tc", b"A:", b"a-B_c!#$%&'*+.^`|~1: \xff\x80"):
        held = PIXEL[:-2] + lines + b"\r\n\r\n"
        full = Callbacks()
        httptools.HttpRequestParser(full).feed_data(held)
        request = read_request(held)
        assert isinstance(request, Request)
        assert request.headers == full.headers


def test_more_is_waited_for_only_while_it_may_become_a_pixel() -> None:
    for start in heads.STARTS:
        for length in range(1, len(start) + 1):
            assert read_request(start[:length]) is Other.MORE
    for start in (b"X", b"GET /", b"GET /p", b"HEAD /op", b"POST /o/"):
        expected = Other.MORE if b"GET /o/".startswith(start) else Other.FULL
        assert read_request(start) is expected


def test_the_server_is_configured_for_this_protocol() -> None:
    config: uvicorn.Config = configuration("config.asgi.application")
    assert config.app == "config.asgi:application"
    assert config.http is PixelProtocol
    assert not config.proxy_headers
