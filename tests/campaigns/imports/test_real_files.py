"""Files as people really have them: each is read, or refused with a sentence that helps."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from openpyxl import Workbook

from campaigns.imports.encodings import known_encoding
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.records import Reading
from tests.campaigns.imports.test_formats import Good, lines_of
from tests.campaigns.imports.test_xlsx import workbook

UMLAUT = "email;name\na@example.com;Jürgen Weiß\n"


def people(content: bytes) -> list[tuple[str, str]]:
    """Address and name of each line; all of them are good."""
    found = lines_of(content)
    assert [line for line in found if not isinstance(line, Good)] == []
    return [(line.email, line.name) for line in found if isinstance(line, Good)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"sep=;\r\nemail;name\r\na@example.com;Lee, Ann\r\n", [("a@example.com", "Lee, Ann")]),
        (b'"sep=;"\nname,all;email\nAnn;a@example.com\n', [("a@example.com", "")]),
        (b'email;name\na@example.com;"Ann\nof; Kent"\n', [("a@example.com", "Ann of; Kent")]),
        (b"Our members 2026\n\nemail;name\na@example.com;Ann\n", [("a@example.com", "Ann")]),
        (b"All, of, them, today\nName;E-Mail*:\nAnn;a@example.com\n", [("a@example.com", "Ann")]),
        (b'""\n"email","name"\n"a@example.com","Ann"\n', [("a@example.com", "Ann")]),
        (b"email,email,name\na@example.com,b@example.com,Ann\n", [("a@example.com", "Ann")]),
        (b"a@example.com\nb@example.com\n", [("a@example.com", ""), ("b@example.com", "")]),
        (b'"a@example.com"\n', [("a@example.com", "")]),
        (b"Ann <a@example.com>;\nb@x.de;\n", [("a@example.com", "Ann"), ("b@x.de", "")]),
        (b"email\nAnn Lee <a@example.com>\n", [("a@example.com", "Ann Lee")]),
        (b'email\n"""Lee, Ann"" <a@example.com>;"\n', [("a@example.com", "Lee, Ann")]),
        (b"email\n'a@example.com' <a@example.com>\n", [("a@example.com", "")]),
        (b"email,name\nAnn <a@example.com>,Ann Lee\n", [("a@example.com", "Ann Lee")]),
        (b"email\nmailto:a@example.com?subject=Hello\n", [("a@example.com", "")]),
        (b"email\n<MAILTO:a@example.com>\n", [("a@example.com", "")]),
        (b"email\n'a@example.com'\n", [("a@example.com", "")]),
        ("email\n\u200b a@exam\u200bple.com\u00a0\n".encode(), [("a@example.com", "")]),
        ("email,name\na@example.com,\u00a0Ann\u00a0\n".encode(), [("a@example.com", "Ann")]),
        (b"email,name\ra@example.com,Ann\r", [("a@example.com", "Ann")]),
        (UMLAUT.encode("utf-16-le"), [("a@example.com", "Jürgen Weiß")]),
        (UMLAUT.encode("utf-16-be"), [("a@example.com", "Jürgen Weiß")]),
        (UMLAUT.encode("cp1252"), [("a@example.com", "Jürgen Weiß")]),
        (b'email, name, city\n"ann@x.org", "Lee, Ann", "Rome"\n', [("ann@x.org", "Lee, Ann")]),
        (b'"email"; "name"\n"a@x.org"; "Ann"\n', [("a@x.org", "Ann")]),
        (b'email,name\na@x.org,"Ann \\"The\\" Lee"\n', [("a@x.org", 'Ann "The" Lee')]),
        (b'email,name\na@x.org,"C:\\"\nb@x.org,"""B"""\n',
         [("a@x.org", "C:\\"), ("b@x.org", '"B"')]),
        (b"email,name\r\na@x.org,Ann\r\n\x1a", [("a@x.org", "Ann")]),
        (b"email\na@x.org\x1a", [("a@x.org", "")]),
        (b"email\na@x.org\n\x1a\r\n", [("a@x.org", "")]),
        (b"email,name" + b"," * 9_998 + b"\na@example.com,Ann\n", [("a@example.com", "Ann")]),
        (b"email,name\n", []),
        (b"email,name,city\na@example.com\n", [("a@example.com", "")]),
        (workbook(["a@example.com", "x"], ["b@example.com"]),
         [("a@example.com", ""), ("b@example.com", "")]),
        (workbook(["Our members"], [], ["Name", "E-Mail"], ["Ann", "a@example.com"]),
         [("a@example.com", "Ann")]),
    ],
)  # fmt: skip
def test_a_list_is_read_with_what_stands_around_it(
    content: bytes, expected: list[tuple[str, str]]
) -> None:
    assert people(content) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html><table><tr><td>email</td>", "a web page"),
        (b"\xef\xbb\xbf\r\n <!DOCTYPE html>", "a web page"),
        (b'<?xml version="1.0"?><Workbook>', "is XML"),
        (b'[{"email": "a@example.com"}]', "is JSON"),
        (b"BEGIN:VCARD\nEMAIL:a@example.com\n", "contacts"),
        (b"{\\rtf1 a@example.com}", "RTF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old format"),
        (bytes(200), "is no text"),
        (b'"",""\n' * 300, "not even a header|its cells are empty"),
        (",".join(map(str, range(10_000))).encode(), "names 10,000 columns"),
    ],
)
def test_what_is_no_list_is_named(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        lines_of(content)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("Index/Document.iwa", "Numbers"),
        ("content.xml", "OpenDocument"),
        ("xl/workbook.bin", "xlsb"),
        ("word/document.xml", "no Excel workbook"),
    ],
)
def test_other_programs_files_are_named(part: str, words: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(part, "x")
    with pytest.raises(UnreadableFileError, match=words):
        lines_of(content.getvalue())


def reasons(content: bytes) -> list[str]:
    return [getattr(line, "reason", "") for line in lines_of(content)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a@example.com,Lovelace, Ada", "the line has 3 cells and the header 2"),
        ("a@example.com,b@example.com,c@example.com", "write one address a line"),
        ("a@example.com; b@example.com,", "write one address a line"),
        ("a@example.com\u00a0b@example.com,", "write one address a line"),
        ("email,name", "this line is the header again"),
        ('"=""a@example.com""",', "is not an email address"),
        ("#N/A,", "it has no @-sign"),
        (",Ann", "there is no address in this line"),
    ],
)
def test_a_line_that_is_not_taken_is_said_and_stops_nothing(line: str, reason: str) -> None:
    first, wrong, last = reasons(f"email,name\nx@example.com\n{line}\ny@example.com,,\n".encode())
    assert reason in wrong
    assert first == last == ""


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("g@acme.com.", "g@acme.com"),
        ("f@gmail", "f@gmail.com"),
        ("cy@acme.com?subject=x", "cy@acme.com"),
        ("z@acme,com", "z@acme.com"),
        ("y(at)acme.com", "y@acme.com"),
        ("y [AT] acme [dot] com", "y@acme.com"),
        ("x@acme..com", "x@acme.com"),
        ("(x@acme.com)", "x@acme.com"),
        ("nonsense", ""),
        ("a@x.org; b@x.org", ""),
    ],
)
def test_what_was_probably_meant_is_offered_with_the_reason(wrong: str, meant: str) -> None:
    (reason,) = reasons(f'email;name\n"{wrong}";Ann\n'.encode())
    assert "is not an email address" in reason
    assert (f"Did you mean “{meant}”?" in reason) == bool(meant)
    assert ("Did you mean" in reason) == bool(meant)


def test_an_address_in_the_other_column_is_named() -> None:
    good, wrong = reasons(b"Email,Work Email\na@x.org,\n,b@x.org\n")
    assert good == ""
    assert "no address in the column “Email”, but one in “Work Email”" in wrong


@pytest.mark.parametrize(
    "content",
    [
        b'ann@acme.com; bob@acme.com; "Cy" <cy@acme.com>;\n',
        b"ann@acme.com,bob@acme.com\n",
        b"ann@acme.com\tAnn\tbob@acme.com\n",
        b"email,,city\nann@acme.com,bob@acme.com,Rome\n",
        workbook(["ann@acme.com", "Ann", "<bob@acme.com>"]),
        workbook(["email", None, "city"], ["ann@acme.com", "bob@acme.com", "Rome"]),
    ],
)
def test_nobody_becomes_an_attribute_of_whoever_stands_before_them(content: bytes) -> None:
    (wrong,) = lines_of(content)
    assert "write one address a line" in getattr(wrong, "reason", "")


def test_a_column_that_the_header_names_may_hold_addresses_too() -> None:
    (good,) = lines_of(b"email,name,sold by\nann@acme.com,Ann,bob@acme.com\n")
    assert good == Good(2, "ann@acme.com", "Ann", {"sold by": "bob@acme.com"})


def test_lists_that_were_joined_keep_nothing_of_their_marks() -> None:
    content = b'email,name\na@example.com,Ann\n\xef\xbb\xbf"b@example.com",\xef\xbb\xbfBea\n'
    assert people(content) == [("a@example.com", "Ann"), ("b@example.com", "Bea")]


def notes(content: bytes) -> str:
    return " ".join(open_table(io.BytesIO(content)).notes)


def made(fill: Callable[[Workbook], None]) -> bytes:
    book, content = Workbook(), io.BytesIO()
    fill(book)
    book.save(content)
    return content.getvalue()


def members(book: Workbook) -> None:
    sheet = book.active
    assert sheet is not None
    sheet.title = "Members"
    sheet.append(["E-Mail", "Name", "Due", None])
    sheet.append(["a@example.com", "=B9&C9", "#N/A"])
    sheet.append(["b@example.com", "Bea", 3.0, "a note beside the list"])
    sheet.append(["c@example.com", "Cy"])
    sheet.append([None, "Di"])
    sheet.merge_cells("A4:A5")
    sheet.row_dimensions[4].hidden = True
    sheet["C2"].data_type = "e"
    book.create_sheet("Former")
    book.create_sheet("Secret").sheet_state = "hidden"


def test_a_workbook_says_which_sheet_is_read_and_what_of_it_is_not() -> None:
    content = made(members)
    said = notes(content)
    assert "sheet “Members”" in said
    assert "not read: “Former”" in said
    assert "Secret" not in said
    one, other, third, merged = lines_of(content)
    assert one == Good(2, "a@example.com", "", {})
    assert "4 cells" in getattr(other, "reason", "")
    assert third == Good(4, "c@example.com", "Cy", {})
    assert "no address" in getattr(merged, "reason", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"email;name\n", "semicolons between the cells, UTF-8."),
        ("email;näme\n".encode(), "cells, UTF-8."),
        ("email;näme\n".encode("cp1252"), "cells, Windows-1252."),
        ("email;näme\nö".encode() + b";\xf6\n", "cells, UTF-8, in some lines Windows-1252."),
        ("email;näme\n".encode("utf-16-be"), "cells, UTF-16."),
        (b"\xef\xbb\xbfemail\tname\n", "tabs between the cells, UTF-8."),
        ("email,name\n".encode("utf-16"), "commas between the cells, UTF-16."),
        (b"title\nemail\n", "Line 2 is the header"),
        (b"a@example.com\n", "no header line"),
    ],
)
def test_it_is_said_how_a_file_was_read(content: bytes, words: str) -> None:
    assert words in notes(content)


def test_a_line_above_the_header_that_may_be_a_recipient_is_not_passed_over() -> None:
    found = lines_of(b"a@example.com,Ann\nemail,name\nb@example.com,Bea\n")
    assert [getattr(line, "email", "") for line in found] == ["a@example.com", "", "b@example.com"]


def multi(book: Workbook) -> None:
    sheet = book.active
    assert sheet is not None
    sheet.title = "Cover"
    sheet.append(["E-Mail", "sales@firma.example"])
    hidden = book.create_sheet("Hidden")
    hidden.append(["email"])
    hidden.append(["h@example.com"])
    hidden.sheet_state = "hidden"
    book.create_sheet("Empty")
    people = book.create_sheet("People")
    people.append(["Name", "E-Mail"])
    people.append(["Ann", "a@example.com"])
    book.create_sheet("More").append(["email"])


def test_the_first_visible_sheet_with_a_column_of_addresses_is_read() -> None:
    content = made(multi)
    (row,) = lines_of(content)
    assert row == Good(2, "a@example.com", "Ann", {})
    said = notes(content)
    assert "sheet “People”" in said
    assert "not read: “Cover”, “Empty”, “More”" in said


def without(book: Workbook) -> None:
    sheet = book.active
    assert sheet is not None
    sheet.append(["first", "last"])
    book.create_sheet("More")


def test_a_workbook_without_addresses_names_its_sheets() -> None:
    with pytest.raises(UnreadableFileError, match="first lines: “Sheet”, “More”"):
        notes(made(without))


def test_a_list_is_read_in_the_encoding_that_somebody_names() -> None:
    content = "email;name\na@example.com;Łukasz Żółć\n".encode("iso-8859-2")
    table = open_table(io.BytesIO(content), reading=Reading(encoding=known_encoding("latin2")))
    assert next(cells for batch in table.batches for cells in batch.rows)[1] == "Łukasz Żółć"
    assert "ISO8859-2" in table.notes[0]


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "idna", "x\x00", "undefined"])
def test_what_is_no_text_encoding_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFileError, match="knows no text encoding"):
        known_encoding(name)


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (1067, "00000", "01067"),
        (123456, "00000", "123456"),
        (7, "00", "07"),
        (7, "0", "7"),
        (-7, "000", "-7"),
        (7.5, "000", "7.5"),
        (7, "000.00", "7"),
        (7, '"A"000', "7"),
    ],
)
def test_zeros_in_front_of_a_number_are_kept_as_the_cell_shows_them(
    value: float, code: str, shown: str
) -> None:
    def fill(book: Workbook) -> None:
        sheet = book.active
        assert sheet is not None
        sheet.append(["email", "PLZ"])
        sheet.append(["a@example.com", value])
        sheet["B2"].number_format = code

    assert lines_of(made(fill)) == [Good(2, "a@example.com", "", {"PLZ": shown})]
