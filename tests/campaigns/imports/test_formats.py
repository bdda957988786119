from __future__ import annotations

import io
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.imports.columns import guess
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.lines import LINE_LENGTH
from campaigns.imports.records import Fault
from campaigns.imports.rows import Judge
from campaigns.models import email_key


@dataclass(frozen=True)
class Good:
    line: int
    email: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)


def lines_of(content: bytes) -> list[Good | Fault]:
    """What becomes of each line, in their order."""
    table = open_table(io.BytesIO(content))
    judge = Judge(guess(table.header, table.header_line), table.header)
    lines: list[Good | Fault] = []
    for batch in table.batches:
        judged = judge.judge(batch)
        lines += judged.rejected
        for line, key, email, name, attributes in judged.rows:
            assert key == email_key(email)
            lines.append(Good(line, email, name, json.loads(attributes)))
    return sorted(lines, key=lambda line: line.line)


@pytest.mark.parametrize(
    "content",
    [
        b"email,name\na@example.com,Ann\n",
        b"\xef\xbb\xbfemail,name\r\na@example.com,Ann\r\n",
        b"EMAIL;Name\na@example.com;Ann",
        b"Name\tE-Mail\nAnn\ta@example.com\n",
        b'"name"|"Email Address"|"x"\n"Ann"|"a@example.com"|"1"\n',
        b"sep=;\nemail;name\na@example.com;Ann\n",
        b"\n\nemail,name\n\n,\n a@example.com , Ann \n\n",
        "email,name\na@example.com,Ann\n".encode("utf-16"),
        b"e-mail,EMAIL,name\nnonsense,a@example.com,Ann\n",
        b"id,e_mail,name\n7,a@example.com,Ann,,\n",
    ],
)
def test_a_list_is_read_however_the_spreadsheet_saved_it(content: bytes) -> None:
    (row,) = lines_of(content)
    assert isinstance(row, Good)
    assert (row.email, row.name) == ("a@example.com", "Ann")


def test_names_are_read_from_utf8_and_from_windows() -> None:
    for encoding in ("utf-8", "cp1252"):
        (row,) = lines_of("email,name\na@example.com,Jürgen\n".encode(encoding))
        assert isinstance(row, Good)
        assert row.name == "Jürgen"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense,Ann", "“nonsense” is not an email address"),
        (",Ann", "there is no address in this line"),
        ("a@example.com b@example.com,", "is not an email address"),
        ("a\x00@example.com,Ann", "is not an email address"),
        ("b@example.com,a\x00b", "the name holds a NUL character"),
        (f"b@example.com,{'n' * 201}", "the name is longer than 200 characters"),
        (f"{'a' * 60}@{'b' * 190}.example.com,", "longer than 254"),
        (f"b@example.com,{'n' * LINE_LENGTH}", "the line is longer than"),
        ('b@example.com,"never closed', "a quote is opened and never closed"),
    ],
)
def test_a_wrong_line_is_reported_with_number_and_reason_and_stops_nothing(
    line: str, reason: str
) -> None:
    found = lines_of(f"email,name\nfirst@example.com,\n{line}\nlast@example.com,\n".encode())
    first, wrong, last = found
    assert isinstance(first, Good)
    assert isinstance(last, Good)
    assert isinstance(wrong, Fault)
    assert wrong.line == 3
    assert reason in wrong.reason
    assert last.line == 4


def test_a_quoted_cell_may_hold_a_line_break() -> None:
    one, other = lines_of(b'email,name\na@example.com,"Ann\nof Kent"\nb@example.com,Bea\n')
    assert isinstance(one, Good)
    assert (one.name, one.line, other.line) == ("Ann of Kent", 2, 4)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (b"first,last\nAnn,Smith\n", "it names: first, last"),
        (b"people@work\nno.body\n", "Put a line such as “email,name” at the top"),
        (b'"email\n', "never closed"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a picture"),
        (b"\x07\x00\x01\r\n\x1a\n\x00\x00", "should be the header"),
        (b"%PDF-1.7 email", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old format"),
        (b"email," * 20_000, "longer than"),
        ("email,name".encode("utf-32"), "UTF-32"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_what_to_do(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        lines_of(content)


@pytest.mark.parametrize(
    "lines",
    [
        'a@example.com,"5" pipe"\nb@example.com,"3" pipe"',
        'a@example.com,"' + "x" * 60_000 + "\n" + "y" * 60_000 + "\n" + "z" * 60_000 + '"',
    ],
)
def test_quotes_in_the_middle_of_cells_stop_nothing_else(lines: str) -> None:
    found = lines_of(f"email,name\nfirst@example.com,\n{lines}\nlast@example.com,\n".encode())
    assert found[0] == Good(2, "first@example.com", "")
    assert isinstance(found[-1], Good)
    assert found[-1].email == "last@example.com"
    assert all(isinstance(line, Fault) for line in found[1:-1])
    assert len(found) > 2


@given(st.text(alphabet='",;\r\n a@x.de'))
def test_any_mixture_of_quotes_and_breaks_is_read_or_refused(text: str) -> None:
    found = lines_of(b"email,name\n" + text.encode())
    assert all(isinstance(line, Good | Fault) for line in found)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_and_never_fail(content: bytes) -> None:
    try:
        found = lines_of(b"email,name\n" + content)
    except UnreadableFileError:
        return
    assert all(isinstance(line, Good | Fault) for line in found)


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=40))
def test_every_line_is_accounted_for(lines: list[tuple[int, bool]]) -> None:
    text = "email\n" + "".join(
        f"r{number}@example.com\n" if is_good else f"r{number}\n" for number, is_good in lines
    )
    found = lines_of(text.encode())
    assert [isinstance(line, Good) for line in found] == [is_good for _, is_good in lines]
    assert [line.line for line in found] == list(range(2, len(lines) + 2))
