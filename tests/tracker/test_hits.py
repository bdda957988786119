from __future__ import annotations

import os
import uuid

from hypothesis import given
from hypothesis import strategies as st

from tracker.ceiling import Ceiling
from tracker.hits import (
    USER_AGENT_LENGTH,
    Hit,
    HitReader,
    Outcome,
    new_hit_id,
    readable_user_agent,
)
from tracker.proxies import TrustedProxies
from tracker.tokens import Tokens

tokens = Tokens("k" * 40)
reader = HitReader(tokens, TrustedProxies(["127.0.0.1"]), Ceiling(0))


@given(st.binary(max_size=3000))
def test_a_user_agent_of_any_bytes_becomes_storable_text(raw: bytes) -> None:
    text = readable_user_agent(raw)
    assert len(text) <= USER_AGENT_LENGTH
    assert "\x00" not in text
    text.encode("utf-8")


def test_an_ordinary_user_agent_is_kept_as_it_is() -> None:
    assert readable_user_agent("Thunderbird ü".encode()) == "Thunderbird ü"


def test_bytes_that_are_no_text_stay_recognisable() -> None:
    assert readable_user_agent(b"agent\xff\x00") == "agent\\xff\\x00"


@given(st.integers(0, 2**47))
def test_a_hit_id_is_a_version_7_uuid_of_its_moment(milliseconds: int) -> None:
    identifier = uuid.UUID(int=new_hit_id(milliseconds * 1000 + 999))
    assert identifier.version == 7
    assert identifier.variant == uuid.RFC_4122
    assert identifier.int >> 80 == milliseconds


def test_hit_ids_of_one_moment_differ() -> None:
    assert len({new_hit_id(1_700_000_000_000_000) for _ in range(10_000)}) == 10_000


def test_a_copy_of_the_process_makes_other_hit_ids() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, b"%d" % new_hit_id(0))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert int(pipe.read()) != new_hit_id(0)


def test_a_later_hit_has_the_greater_id() -> None:
    assert new_hit_id(1_700_000_000_000_000) < new_hit_id(1_700_000_000_001_000)


def test_a_hit_carries_the_address_that_the_trusted_proxy_saw() -> None:
    hit = reader.read(
        "GET", tokens.make(7), {b"user-agent": b"A"}, peer="127.0.0.1", forwarded=[b"2001:db8::5"]
    )
    assert isinstance(hit, Hit)
    assert (hit.pixel_id, hit.ip, hit.user_agent) == (7, "2001:db8::5", "A")


@given(
    method=st.text(max_size=8),
    token=st.text(max_size=40),
    headers=st.dictionaries(st.binary(max_size=20), st.binary(max_size=40), max_size=5),
)
def test_no_request_makes_the_reader_fail(
    method: str, token: str, headers: dict[bytes, bytes]
) -> None:
    assert isinstance(reader.read(method, token, headers, peer=None), Outcome)
