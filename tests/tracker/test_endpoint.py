from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest

from tests.tracker.pixel_cases import CASES, EXPECTED_HEADERS, Case, url_of
from tracker.ceiling import Ceiling
from tracker.endpoint import GIF, HEADERS, PixelEndpoint
from tracker.hits import Hit, HitReader, Outcome
from tracker.list_hits import ListReader
from tracker.proxies import TrustedProxies
from tracker.recorder import Recorder
from tracker.tokens import CODE, LIST, Tokens
from tracker.writer.in_thread import InThread

tokens = Tokens("k" * 40)
list_tokens, code_tokens = Tokens("k" * 40, purpose=LIST), Tokens("k" * 40, purpose=CODE)


class Behind:
    """The application behind the endpoint: says that it was reached."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"behind"})


def ask(
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
    *,
    fails: bool = False,
    client: tuple[str, int] | None = ("192.0.2.1", 50000),
) -> tuple[int, dict[str, str], bytes, list[Hit]]:
    """Drive the endpoint as a server does: start it, ask once, stop it."""
    written: list[Hit] = []
    kept: list[Any] = []
    sent: list[dict[str, Any]] = []

    def write(hits: Any) -> int:
        if fails:
            raise OSError("the database is away")
        written.extend(hits)
        return len(hits)

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        endpoint: Any = PixelEndpoint(
            Behind(),
            reader=HitReader(
                tokens,
                TrustedProxies(),
                Ceiling(0),
                lists=ListReader(list_tokens, code_tokens, Ceiling(0)),
            ),
            recorder=Recorder(InThread(write), kept.append),
        )
        steps = iter(["lifespan.startup"])
        to_stop = asyncio.Event()

        async def receive_life() -> dict[str, str]:
            for step in steps:
                return {"type": step}
            await to_stop.wait()
            return {"type": "lifespan.shutdown"}

        life = asyncio.create_task(endpoint({"type": "lifespan"}, receive_life, send))
        while not sent:
            await asyncio.sleep(0)
        path, _, query = url.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(n.lower().encode(), v.encode()) for n, v in (headers or {}).items()],
            "client": client,
        }
        await endpoint(scope, None, send)
        to_stop.set()
        await life

    asyncio.run(run())
    assert bool(kept) == fails
    assert [m["type"] for m in sent] == [
        "lifespan.startup.complete",
        "http.response.start",
        "http.response.body",
        "lifespan.shutdown.complete",
    ]
    start, body = sent[1], sent[2]
    answer_headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], answer_headers, body["body"], written


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_endpoint_keeps_the_pixels_contract(case: Case) -> None:
    status, headers, body, written = ask(case.method, url_of(case, tokens.make(5)), case.headers)
    assert status == case.status
    assert len(written) == case.opens
    if status == 200:
        assert body == (b"" if case.method == "HEAD" else GIF)
        assert headers == EXPECTED_HEADERS
    else:
        assert headers["allow"] == "GET, HEAD"


def test_the_image_comes_even_if_the_database_is_away() -> None:
    status, _, body, written = ask("GET", f"/o/{tokens.make(5)}.gif", fails=True)
    assert (status, body, written) == (200, GIF, [])


def test_the_image_comes_even_if_reading_the_request_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: Any, **more: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(HitReader, "read", fail)
    status, _, body, written = ask("GET", f"/o/{tokens.make(5)}.gif")
    assert (status, body, written) == (200, GIF, [])
    assert "a fault of ours" in caplog.text


def test_the_image_comes_even_if_the_request_has_no_address() -> None:
    status, _, body, written = ask("GET", f"/o/{tokens.make(5)}.gif", client=None)
    assert (status, body) == (200, GIF)
    assert [hit.ip for hit in written] == [None]


def test_everything_else_goes_to_the_application_behind() -> None:
    assert ask("GET", "/campaigns/")[0] == 418


def test_the_image_is_one_transparent_pixel_of_at_most_43_bytes() -> None:
    assert len(GIF) <= 43
    assert GIF[:6] == b"GIF89a"
    assert struct.unpack("<HH", GIF[6:10]) == (1, 1)
    control = GIF.index(b"\x21\xf9\x04")
    assert GIF[control + 3] & 1, "the transparency flag is set"
    assert GIF.endswith(b";")
    assert HEADERS["Content-Length"] == str(len(GIF))


def test_an_outcome_is_counted_in_a_metric() -> None:
    from tracker import metrics

    before = metrics.HITS[Outcome.FORGED]._value.get()
    ask("GET", "/o/forged.gif")
    assert metrics.HITS[Outcome.FORGED]._value.get() == before + 1
