from __future__ import annotations

import io
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.imports import lines as text_lines
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.lines import LINE_LENGTH, MANY_BLANK, read_lines
from tests.campaigns.imports.test_formats import Good, lines_of

PIECES = st.lists(
    st.sampled_from(["a", "bc", "\n", "\n" * 7, "\n" * MANY_BLANK, "\n" * (2 * MANY_BLANK), " "])
)


@given(pieces=PIECES, block=st.integers(1, 300))
def test_lines_keep_their_numbers_whatever_runs_of_blank_ones_stand_between(
    pieces: list[str], block: int
) -> None:
    text = "".join(pieces)
    with mock.patch.object(text_lines, "BLOCK", block):
        blocks = list(read_lines(io.BytesIO(text.encode()), "utf-8"))
    found = {
        one.first + place: line for one in blocks for place, line in enumerate(one.lines) if line
    }
    assert found == {at: line for at, line in enumerate(text.split("\n"), 1) if line}
    assert [one.first for one in blocks[1:]] == [one.last + 1 for one in blocks[:-1]]


def test_a_line_below_a_run_of_blank_ones_is_told_by_its_number_in_the_file() -> None:
    blank = "\r\n" * 1_000_000
    found = lines_of(f"{blank}email,name\n{blank}a@example.com,Ann\nwrong,\n".encode())
    assert [line.line for line in found] == [2_000_002, 2_000_003]
    assert isinstance(found[0], Good)


def test_a_quote_that_is_open_before_a_run_of_blank_lines_takes_none_behind_it() -> None:
    content = b'email,name\na@example.com,"Ann\n' + b"\n" * 200 + b'b@example.com,"Bea"\n'
    wrong, good = lines_of(content)
    assert "never closed" in getattr(wrong, "reason", "")
    assert good == Good(203, "b@example.com", "Bea")


def test_nobody_waits_for_a_header_below_megabytes_of_nothing() -> None:
    with pytest.raises(UnreadableFileError, match="there is no header"):
        open_table(io.BytesIO(b"\n" * (20 << 20) + b"email\na@example.com\n"))


@pytest.mark.parametrize("before", [b"", b"a\n", b"\n" * 70, b"b" * 60_000 + b"\n"])
@pytest.mark.parametrize("after", [b"", b"\nc", b"\nc\nd", b"\n" + b"d" * 60_000])
def test_a_line_is_too_long_from_one_byte_on_wherever_it_stands(
    before: bytes, after: bytes
) -> None:
    for length, is_long in ((LINE_LENGTH, False), (LINE_LENGTH + 1, True)):
        content = before + b"x" * length + after
        blocks = list(read_lines(io.BytesIO(content), "utf-8"))
        number = before.count(b"\n") + 1
        assert [line for block in blocks for line in block.long] == [number] * is_long
        assert blocks[-1].last == content.count(b"\n") + 1
