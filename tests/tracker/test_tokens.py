from __future__ import annotations

import base64

from hypothesis import assume, given
from hypothesis import strategies as st

from tracker.tokens import TOKEN_LENGTH, VERSION, Tokens

tokens = Tokens("k" * 40)
pixel_ids = st.integers(min_value=1, max_value=2**63 - 1)


@given(pixel_ids)
def test_a_token_reads_back_as_the_pixel_it_was_made_for(pixel_id: int) -> None:
    token = tokens.make(pixel_id)
    assert len(token) == TOKEN_LENGTH
    assert tokens.read(token) == pixel_id


@given(pixel_ids, st.integers(0, TOKEN_LENGTH * 6 - 1))
def test_changing_any_bit_of_a_token_makes_it_worthless(pixel_id: int, bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(tokens.make(pixel_id)))
    raw[bit // 8] ^= 1 << bit % 8
    assert tokens.read(base64.urlsafe_b64encode(raw).decode()) is None


@given(st.text(max_size=60))
def test_no_text_that_was_not_signed_names_a_pixel(text: str) -> None:
    assert tokens.read(text) is None


@given(pixel_ids, st.text(min_size=32, max_size=80), st.text(min_size=32, max_size=80))
def test_another_key_reads_nothing(pixel_id: int, one: str, other: str) -> None:
    assume(one != other)
    assert Tokens(other).read(Tokens(one).make(pixel_id)) is None


@given(pixel_ids)
def test_a_rotated_key_still_reads_its_old_pixels(pixel_id: int) -> None:
    old = tokens.make(pixel_id)
    rotated = Tokens("n" * 40, fallbacks=["k" * 40])
    assert rotated.read(old) == pixel_id
    assert rotated.make(pixel_id) != old


def test_a_longer_key_than_the_hash_takes_is_used_whole() -> None:
    assert Tokens("k" * 200).read(Tokens("k" * 199).make(1)) is None


def test_a_token_of_another_version_names_no_pixel() -> None:
    body = b"\x02" + (7).to_bytes(8, "big")
    signed = body + tokens._sign(body, tokens._hashes[0])
    assert tokens.read(base64.urlsafe_b64encode(signed).decode()) is None


def test_a_signed_id_beyond_the_database_names_no_pixel() -> None:
    body = VERSION + (2**63).to_bytes(8, "big")
    signed = body + tokens._sign(body, tokens._hashes[0])
    assert tokens.read(base64.urlsafe_b64encode(signed).decode()) is None


@given(st.lists(st.integers(0, 2**63 - 1)))
def test_many_tokens_are_the_same_as_one_by_one(pixel_ids: list[int]) -> None:
    tokens = Tokens("a key", ["an older one"])
    assert tokens.make_many(pixel_ids) == [tokens.make(pixel_id) for pixel_id in pixel_ids]
