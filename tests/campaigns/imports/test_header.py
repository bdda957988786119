from __future__ import annotations

import io

import pytest

from campaigns.imports.choice import Asked, columns_of
from campaigns.imports.formats import open_table
from campaigns.imports.records import Reading
from campaigns.imports.rows import Judge
from tests.campaigns.imports.test_xlsx import workbook

BELOW = "bert@x.org,Bert\ncarl@x.org,Carl\n"
NO_HEADER = Reading(has_header=False)


def read(content: bytes, reading: Reading | None = None) -> tuple[list[str], dict[int, str], str]:
    """The addresses, why each other line was rejected, and what is said of the file."""
    reading = reading or Reading()
    table = open_table(io.BytesIO(content), reading=reading)
    judge = Judge(columns_of(table, Asked(reading=reading)), table.header)
    judged = [judge.judge(batch) for batch in table.batches]
    emails = [email for one in judged for _, _, email, *_ in one.rows]
    rejected = {fault.line: str(fault.reason) for one in judged for fault in one.rejected}
    return emails, rejected, " ".join(table.notes)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("anna@gmail,Anna", "no dot after the @-sign"),
        ("anna.x.org,Anna", "no @-sign"),
        ("annagmail.com,Anna", "no @-sign"),
        (",Anna", "no address"),
        ("anna@@x.org,Anna", "not an email address"),
        ("anna@x.org; anna2@x.org,Anna", "write one address a line"),
    ],
)
def test_a_first_recipient_whose_address_is_wrong_is_rejected_and_is_no_header(
    first: str, reason: str
) -> None:
    emails, rejected, notes = read(f"{first}\n{BELOW}".encode())
    assert emails == ["bert@x.org", "carl@x.org"]
    assert list(rejected) == [1]
    assert reason in rejected[1]
    assert "no header line" in notes


def test_a_first_recipient_of_a_list_of_addresses_alone_is_no_header() -> None:
    emails, rejected, _ = read(b"n1@@x.org\nbert@x.org\n")
    assert (emails, list(rejected)) == (["bert@x.org"], [1])


@pytest.mark.parametrize("first", ["Contact,Name", "Kontakt @ work,Name", "contact.email,Name"])
def test_what_names_a_column_is_a_header_and_its_line_is_said(first: str) -> None:
    emails, rejected, notes = read(f"{first}\n{BELOW}".encode())
    assert (emails, rejected) == (["bert@x.org", "carl@x.org"], {})
    assert "Line 1 is the header." in notes


def test_a_header_may_leave_the_addresses_column_without_a_name() -> None:
    emails, rejected, _ = read(b"Vorname;\nBert;bert@x.org\n")
    assert (emails, rejected) == (["bert@x.org"], {})


@pytest.mark.parametrize(
    "title",
    [
        "Kundenliste;;\nErstellt von vertrieb@firma.de;;\n\n",
        ";;\nErstellt von: vertrieb@firma.de, Büro;;\n",
        "Asked for by ann@firma.de and bob@firma.de\n",
    ],
)
@pytest.mark.parametrize("name", ["E-Mail", "Kontakt-E-Mail"])
def test_a_header_wins_over_a_title_that_mentions_an_address(title: str, name: str) -> None:
    emails, rejected, notes = read(f"{title}Nr;Name;{name}\n1;Hans;hans@x.org\n".encode())
    assert (emails, rejected) == (["hans@x.org"], {})
    assert "is the header; what stands above it was passed over" in notes


@pytest.mark.parametrize("first", ["Contact,Name", "anna,Anna", 'anna,"Anna', "email,name"])
def test_somebody_may_say_that_the_first_line_is_a_recipient(first: str) -> None:
    emails, rejected, notes = read(f"{first}\n{BELOW}".encode(), NO_HEADER)
    assert emails == ["bert@x.org", "carl@x.org"]
    assert list(rejected) == [1]
    assert "no header line" in notes


def test_a_workbook_may_have_no_header_either() -> None:
    emails, rejected, _ = read(workbook(["anna", "Anna"], ["bert@x.org", "Bert"]), NO_HEADER)
    assert (emails, list(rejected)) == (["bert@x.org"], [1])


def test_a_wrong_address_becomes_no_attribute_of_its_neighbour() -> None:
    emails, rejected, _ = read(b"joe@@x.org;max@x.org\nann@x.org;bob@x.org\n")
    assert (emails, list(rejected)) == ([], [1, 2])
