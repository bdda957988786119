from __future__ import annotations

import csv
import io
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.imports import lines as text_lines
from campaigns.imports.formats import open_table
from campaigns.imports.lines import LINE_LENGTH
from campaigns.imports.quoted import RECORD_LENGTH
from campaigns.imports.records import Fault
from tests.campaigns.imports.test_formats import Good, lines_of

CELLS = st.text(alphabet='a@,;"\n \\', max_size=12)
STRANGERS = "To: x@else.example\nbob@else.example, Bob\n\n> y@else.example\n" * 30
EMPTY = "\n" * 400
LAST = "last@acme.example,Last"


def found_in(text: str) -> tuple[list[str], list[Fault]]:
    found = lines_of(text.encode())
    emails = [line.email for line in found if isinstance(line, Good)]
    return emails, [line for line in found if isinstance(line, Fault)]


def without_spaces(rows: list[list[str]]) -> list[list[str]]:
    """Those in front of a cell mean nothing in a file that may write “, "Rome"”."""
    return [[cell.lstrip(" ") for cell in cells] for cells in rows]


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=12),
    lines=st.integers(0, 90),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    block=st.integers(1, 200),
)
def test_what_csv_has_written_is_read_as_csv_reads_it(
    rows: list[list[str]], lines: int, quoting: int, block: int
) -> None:
    rows.append(["long", "\nx@else.example,y" * lines])
    text = io.StringIO()
    writer = csv.writer(
        text,
        quoting=quoting,  # type: ignore[arg-type]  # the stubs want literals, not csv's constants
        lineterminator="\n",
    )
    writer.writerows([["email", "name", "x", "y"], *rows])
    with mock.patch.object(text_lines, "BLOCK", block):
        table = open_table(io.BytesIO(text.getvalue().encode()))
        batches = list(table.batches)
    assert [fault for batch in batches for fault in batch.faults] == []
    read = [cells for batch in batches for cells in batch.rows if cells]
    text.seek(0)
    expected = [cells for cells in csv.reader(text) if cells]
    assert without_spaces([table.header, *read]) == without_spaces(expected)


@pytest.mark.parametrize("length", [19, 20, 21, 300, 2_000])
def test_a_mail_thread_in_a_cell_belongs_to_its_person_and_strangers_in_it_to_nobody(
    length: int,
) -> None:
    thread = "\n".join((STRANGERS * 20).split("\n")[:length])
    emails, faults = found_in(f'email,notes\nann@acme.example,"{thread}"\n{LAST}\n')
    assert (emails, faults) == (["ann@acme.example", "last@acme.example"], [])


def test_a_cell_may_hold_hundreds_of_empty_lines() -> None:
    emails, faults = found_in(f'email,notes\na@x.org,"{EMPTY}b@x.org,b"\n{LAST}\n')
    assert (emails, faults) == (["a@x.org", "last@acme.example"], [])


@pytest.mark.parametrize(
    "text",
    [
        # Longer than a record may be.
        f'ann@acme.example,"{STRANGERS * (RECORD_LENGTH // len(STRANGERS) + 1)}"\n{LAST}\n',
        # A line of it is longer than a line may be; it begins, goes on or ends there.
        f'ann@acme.example,"{"z" * LINE_LENGTH}\n{STRANGERS}"\n{LAST}\n',
        f'ann@acme.example,"z\n{"zz" * LINE_LENGTH}\n{STRANGERS}"\n{LAST}\n',
        f'ann@acme.example,"{STRANGERS}{"z" * LINE_LENGTH}"\n{LAST}\n',
        # The program has doubled none of the quotes in it.
        f'ann@acme.example,"{STRANGERS}he said "no" to\n{STRANGERS}"\n{LAST}\n',
        f'ann@acme.example,"{STRANGERS}he said "no" to\n{STRANGERS}\n{LAST[:-4]}"Last"\n',
        f'ann@acme.example,"he said "no" to\n{STRANGERS}"\n{LAST}\n',
    ],
)
def test_a_record_that_cannot_be_read_is_rejected_as_one(text: str) -> None:
    emails, faults = found_in(f"email,notes\n{text}")
    assert emails == ["last@acme.example"]
    (fault,) = faults
    assert fault.line == 2
    assert "line" in fault.reason
    assert "else.example" in fault.cells[-1] or len(fault.cells[-1]) > 100


def test_a_cell_that_was_cut_off_with_its_file_names_nobody() -> None:
    emails, (fault,) = found_in(f'email,notes\n{LAST}\nann@acme.example,"{STRANGERS}')
    assert emails == ["last@acme.example"]
    assert "never closed; the lines below, up to line 12" in fault.reason
    assert fault.line == 3


@pytest.mark.parametrize("below", ["", 'q@x.org,"Quoted"\n', '"q@x.org",Quoted\n'])
@pytest.mark.parametrize("count", [0, 1, 30, 20_000])
def test_a_quote_that_somebody_has_mistyped_takes_nobody_else_with_it(
    count: int, below: str
) -> None:
    people = "".join(f"p{number}@x.org,P\n" for number in range(count))
    emails, (fault,) = found_in(f'email,name\na@x.org,"Ann\n{people}{below}')
    assert len(emails) == count + bool(below)
    assert (fault.line, fault.reason) == (2, "a quote is opened and never closed")


def test_two_mistyped_quotes_one_below_the_other_are_two_rejected_lines() -> None:
    emails, faults = found_in('email,name\na@x.org,"Ann\nb@x.org,"Bea\nc@x.org,Cy\nd@x.org,Di\n')
    assert emails == ["c@x.org", "d@x.org"]
    assert [fault.line for fault in faults] == [2, 3]


def test_quotes_that_do_not_match_take_nobody_else_with_them() -> None:
    emails, faults = found_in('email,name\na@x.org,"5" pipe, Rome\nb@x.org,Bea\nc@x.org,Cy\n')
    assert emails == ["b@x.org", "c@x.org"]
    assert [fault.line for fault in faults] == [2]


def test_quotes_escaped_by_backslashes_are_read_over_several_lines() -> None:
    cell = 'one, \\"two\\",\nhe said \\"hi\\", and \\"x\\"\nleft'
    emails, faults = found_in(f'email,notes\na@x.org,"{cell}"\nb@x.org,"{cell}"\n{LAST}\n')
    assert (emails, faults) == (["a@x.org", "b@x.org", "last@acme.example"], [])
