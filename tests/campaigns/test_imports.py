from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.imports import (
    LINE_LENGTH,
    ImportResult,
    Rejection,
    Row,
    UnreadableFileError,
    import_recipients,
    read_rows,
)
from campaigns.models import Recipient


def rows_of(content: bytes) -> list[Row | Rejection]:
    return list(read_rows(io.BytesIO(content)))


def load(content: bytes, *, is_dry_run: bool = False) -> ImportResult:
    def add_to_campaign(recipient_ids: Sequence[int]) -> int:
        return len(recipient_ids)

    return import_recipients(
        io.BytesIO(content), add_to_campaign=add_to_campaign, is_dry_run=is_dry_run
    )


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
        b"id,e_mail,name\n7,a@example.com,Ann,and,more\n",
    ],
)
def test_a_list_is_read_however_the_spreadsheet_saved_it(content: bytes) -> None:
    (row,) = rows_of(content)
    assert isinstance(row, Row)
    assert (row.email, row.name) == ("a@example.com", "Ann")


def test_names_are_read_from_utf8_and_from_windows() -> None:
    for encoding in ("utf-8", "cp1252"):
        (row,) = rows_of("email,name\na@example.com,Jürgen\n".encode(encoding))
        assert isinstance(row, Row)
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
        (f"{'a' * 60}@{'b' * 190}.example.com,", "not an email address"),
        (f"b@example.com,{'n' * LINE_LENGTH}", "the line is longer than"),
        ('b@example.com,"never closed', "a quote is opened and never closed"),
    ],
)
def test_a_wrong_line_is_reported_with_number_and_reason_and_stops_nothing(
    line: str, reason: str
) -> None:
    found = rows_of(f"email,name\nfirst@example.com,\n{line}\nlast@example.com,\n".encode())
    first, wrong, last = found
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(wrong, Rejection)
    assert wrong.line == 3
    assert reason in wrong.reason
    assert last.line == 4


def test_a_quoted_cell_may_hold_a_line_break() -> None:
    one, other = rows_of(b'email,name\na@example.com,"Ann\nof Kent"\nb@example.com,Bea\n')
    assert isinstance(one, Row)
    assert (one.name, one.line, other.line) == ("Ann of Kent", 2, 4)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (b"first,last\nAnn,Smith\n", "it names: first, last"),
        (b"a@example.com\nb@example.com\n", "Put a line such as “email,name” at the top"),
        (b'"email\n', "never closed"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "should be the header"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_what_to_do(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        rows_of(content)


@pytest.mark.parametrize(
    "lines",
    [
        'a@example.com,5" pipe\nb@example.com,3" pipe',
        'a@example.com,"' + "x" * 60_000 + "\n" + "y" * 60_000 + "\n" + "z" * 60_000 + '"',
    ],
)
def test_quotes_in_the_middle_of_cells_stop_nothing_else(lines: str) -> None:
    found = rows_of(f"email,name\nfirst@example.com,\n{lines}\nlast@example.com,\n".encode())
    assert found[0] == Row(2, "first@example.com", "")
    assert isinstance(found[-1], Row)
    assert found[-1].email == "last@example.com"
    assert all(isinstance(line, Rejection) for line in found[1:-1])
    assert len(found) > 2


@given(st.text(alphabet='",;\r\n a@x.de'))
def test_any_mixture_of_quotes_and_breaks_is_read_or_refused(text: str) -> None:
    found = rows_of(b"email,name\n" + text.encode())
    assert all(isinstance(line, Row | Rejection) for line in found)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_and_never_fail(content: bytes) -> None:
    try:
        found = rows_of(b"email,name\n" + content)
    except UnreadableFileError:
        return
    assert all(isinstance(line, Row | Rejection) for line in found)


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=40))
def test_every_line_is_accounted_for(lines: list[tuple[int, bool]]) -> None:
    text = "email\n" + "".join(
        f"r{number}@example.com\n" if is_good else f"r{number}\n" for number, is_good in lines
    )
    found = rows_of(text.encode())
    assert [isinstance(line, Row) for line in found] == [is_good for _, is_good in lines]
    assert [line.line for line in found] == list(range(2, len(lines) + 2))


@pytest.mark.django_db
def test_an_import_tells_new_known_and_doubled_addresses_apart() -> None:
    Recipient.objects.create(email="Known@Example.com", name="Old name")
    result = load(
        b"email,name\nnew@example.com,New\nKNOWN@example.com,New name\n"
        b"NEW@example.com,Again\nwrong,\n"
    )
    assert (result.rows, result.created, result.updated, result.duplicates) == (4, 1, 1, 1)
    assert len(result.rejected) == 1
    known = Recipient.objects.get(email_key="known@example.com")
    assert (known.email, known.name) == ("Known@Example.com", "New name")


@pytest.mark.django_db
def test_a_name_missing_in_the_file_does_not_erase_the_known_one() -> None:
    Recipient.objects.create(email="a@example.com", name="Ann")
    load(b"email,name\na@example.com,\n")
    assert Recipient.objects.get().name == "Ann"


@pytest.mark.django_db
def test_a_dry_run_reports_the_same_and_stores_nothing() -> None:
    content = b"email\n" + b"".join(b"r%d@example.com\n" % number for number in range(2500))
    Recipient.objects.create(email="r7@example.com")
    dry = load(content, is_dry_run=True)
    assert Recipient.objects.count() == 1
    real = load(content)
    assert (dry.rows, dry.created, dry.updated) == (real.rows, real.created, real.updated)
    assert (dry.created, dry.updated, Recipient.objects.count()) == (2499, 1, 2500)


@pytest.mark.django_db
def test_importing_the_same_file_again_creates_nobody() -> None:
    content = b"email\na@example.com\nb@example.com\n"
    load(content)
    result = load(content)
    assert (result.created, result.updated) == (0, 2)
