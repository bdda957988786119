from __future__ import annotations

import io
import zipfile
from datetime import datetime

import pytest
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.xlsx.dates import is_date_format
from campaigns.imports.xlsx.shared_strings import SharedStrings
from campaigns.imports.xlsx.sheet import column_of
from tests.campaigns.imports.test_formats import Good, lines_of

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(*rows: list[object], hidden_first: bool = False) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    if hidden_first:
        sheet.sheet_state = "hidden"
        sheet = book.create_sheet("People")
    for row in rows:
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def hand_made(sheet: str, strings: str = "") -> bytes:
    """As small as a workbook can be."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        main = f'<workbook xmlns="{MAIN}"><sheets><sheet name="S"/></sheets></workbook>'
        archive.writestr("xl/workbook.xml", main)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        if strings:
            archive.writestr("xl/sharedStrings.xml", strings)
    return content.getvalue()


LEAP_DAY = datetime(2024, 2, 29)  # noqa: DTZ001  # a wall clock's, as workbooks have them


def test_a_workbook_is_read_like_a_text_file() -> None:
    found = lines_of(
        workbook(
            ["E-Mail", "Name", "Since", "Points", "Rate", "Member"],
            ["a@example.com", "Jürgen ", LEAP_DAY, 12, 0.1 + 0.2, True],
            [None, None, None],
            ["b@example.com", None, LEAP_DAY.replace(hour=13, minute=30), 1e20, -1.5, False],
            ["wrong", "Bob"],
        )
    )
    one, other, wrong = found
    attributes = {"Since": "2024-02-29", "Points": "12", "Rate": "0.3", "Member": "TRUE"}
    assert one == Good(2, "a@example.com", "Jürgen", attributes)
    assert isinstance(other, Good)
    assert other.line == 4
    assert other.attributes["Since"] == "2024-02-29 13:30:00"
    assert wrong.line == 5


def test_a_hidden_sheet_is_passed_over() -> None:
    table = open_table(io.BytesIO(workbook(["email"], ["a@example.com"], hidden_first=True)))
    assert "“People”" in table.notes[0]


def test_rich_inline_and_escaped_texts_are_read_and_pronunciations_are_not() -> None:
    strings = (
        f'<sst xmlns="{MAIN}"><si><t>email</t></si>'
        "<si><r><t>a@exam</t></r><r><t>ple.com</t></r></si>"
        "<si><t>name</t><rPh><t>spoken</t></rPh></si></sst>"
    )
    sheet = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>'
        '<x:row r="3"><x:c r="B3" t="s"><x:v>0</x:v></x:c>'
        '<x:c r="D3" t="s"><x:v>2</x:v></x:c></x:row>'
        '<x:row><x:c r="B4" t="s"><x:v>1</x:v></x:c>'
        '<x:c r="D4" t="inlineStr"><x:is><x:t>A_x000D_nn_xD800_</x:t></x:is></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    assert lines_of(hand_made(sheet, strings)) == [Good(4, "a@example.com", "A nn?")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (workbook(["email"], ["a@example.com"])[:-40], "cut off"),
        (workbook(), "is empty"),
        (hand_made("<worksheet><sheetData><row>"), "damaged"),
        (hand_made('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "declares entities"),
        (hand_made("<a>" * 200), "deeper"),
        (hand_made('<a b="' + "x" * (3 << 20)), "does not end"),
        (hand_made('<a><row r="1"><c r="ZZZ1"><v>1</v></c></row></a>'), "more than 1,000 columns"),
        (hand_made('<a><row r="1"><c r="A1" t="str"><v>' + "x" * 40_000), "longer than 32,767"),
        (hand_made('<a><row r="99999999"/></a>'), "names a row"),
        (
            hand_made('<a><row><c t="s"><v>0</v></c></row></a>', "<sst><si><t>" + "y" * 40_000),
            "longer than 32,767",
        ),
    ],
)
def test_a_damaged_or_hostile_workbook_gets_a_clear_error(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        lines_of(content)


@pytest.mark.parametrize("numbers", [["1"] * 5, ["1", "9", "9", "3", ""], ["", "1", "", "1", ""]])
def test_rows_whose_numbers_do_not_rise_are_all_read(numbers: list[str]) -> None:
    addresses = ["email", *(f"r{number}@example.com" for number in range(4))]
    rows = "".join(
        f"<row{f' r={chr(34)}{number}{chr(34)}' if number else ''}>"
        f'<c t="str"><v>{address}</v></c></row>'
        for number, address in zip(numbers, addresses, strict=True)
    )
    found = lines_of(hand_made(f"<a>{rows}</a>"))
    assert [getattr(line, "email", "") for line in found] == addresses[1:]
    assert len({line.line for line in found}) == 4


def test_cells_in_any_order_stand_where_they_say() -> None:
    def cell(place: str, text: str) -> str:
        return f'<c r="{place}" t="str"><v>{text}</v></c>'

    header = cell("A1", "email") + cell("B1", "name") + cell("C1", "city")
    below = cell("C2", "Rome") + cell("A2", "a@example.com") + cell("B2", "Ann")
    (row,) = lines_of(hand_made(f"<a><row>{header}</row><row>{below}</row></a>"))
    assert row == Good(2, "a@example.com", "Ann", {"city": "Rome"})


def test_texts_are_unpacked_as_far_as_somebody_asks_for_them() -> None:
    texts = "".join(f"<si><t>text {number}</t></si>" for number in range(50_000))
    strings = SharedStrings(io.BytesIO(f"<sst>{texts}</sst>".encode()), lambda: None)
    assert strings[3] == "text 3"
    assert 4 <= strings.count < 5_000
    assert strings[49_999] == "text 49999"
    assert strings[50_000] == ""


def test_a_zip_that_is_no_workbook_is_said_so() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    with pytest.raises(UnreadableFileError, match="no Excel workbook"):
        lines_of(content.getvalue())


@pytest.mark.parametrize("number", [1, 26, 27, 702, 703, 1000])
def test_columns_are_numbered_as_the_spreadsheet_does(number: int) -> None:
    assert column_of(f"{get_column_letter(number)}7") == number - 1


@pytest.mark.parametrize(
    ("number", "code", "is_date"),
    [
        (14, None, True),
        (2, None, False),
        (164, "yyyy-mm-dd", True),
        (164, '0.00 "days"', False),
        (164, "[Red]0.00", False),
        (164, "[h]:mm", True),
    ],
)
def test_formats_of_dates_are_told_from_formats_of_numbers(
    number: int, code: str | None, is_date: bool
) -> None:
    assert is_date_format(number, code) == is_date
