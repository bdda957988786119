from __future__ import annotations

import io

import pytest

from campaigns.imports.choice import Asked, columns_of
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.rows import Judge
from tests.campaigns.imports.test_xlsx import workbook


def read(content: bytes, asked: Asked | None = None) -> tuple[list[str], str]:
    """The addresses, and what is said of the file."""
    table = open_table(io.BytesIO(content))
    judge = Judge(columns_of(table, asked), table.header)
    found = [email for batch in table.batches for _, _, email, *_ in judge.judge(batch).rows]
    return found, " ".join(table.notes)


ANN = "ann@acme.com"


@pytest.mark.parametrize(
    "content",
    [
        f"Name;Kontakt-E-Mail;Email Opt-In\nAnn;{ANN};yes\n",
        f"E-Mail (privat),E-Mail (gesch.),Name\n,{ANN},Ann\n",
        f"Person,,Contact\nName,City,E-mail address (work)\nAnn,Rome,{ANN}\n",
        f"Person;;Kontakt\nName;Ort;Erreichbar\nAnn;Rom;{ANN}\n",
        f"Our people\n名前;連絡先\nAnn;{ANN}\n",
        f"Adres,Naam,Contact\nMain Street 1,Ann,{ANN}\n",
        f"Name,Address,Reach me at\nAnn,Main Street 1,{ANN}\n",
        f'"email;name"\n"{ANN};Ann"\n',
        f'"Kontakt-E-Mail;Name"\n"{ANN};""Lee; Ann"""\n',
        f'"{ANN};Ann"\n',
        f"Email,Work Email\n,{ANN}\n",
    ],
)
def test_addresses_are_found_by_what_stands_in_the_columns(content: str) -> None:
    found, notes = read(content.encode())
    assert found == [ANN]
    assert "taken from" in notes or "split again" in notes or "no header" in notes


@pytest.mark.parametrize(
    "header",
    [
        *("Adresse électronique", "Courriel", "Correo electrónico", "Dirección de correo"),
        *("Indirizzo e-mail", "Posta elettronica", "E-mailadres", "Endereço de e-mail"),
        *("Correio eletrônico", "Adres e-mail", "E-postadress", "E-post", "E-Mail-Adresse"),
    ],
)
def test_headers_are_known_in_many_languages(header: str) -> None:
    found, notes = read(f"x;{header};y\n1;{ANN};2\n".encode())
    assert found == [ANN]
    assert "taken from" not in notes


@pytest.mark.parametrize(
    "parts",
    [
        *("Vorname;Nachname", "prénom;nom", "nombre;apellidos", "nome;cognome"),
        *("voornaam;achternaam", "nome;sobrenome", "imię;nazwisko", "förnamn;efternamn"),
    ],
)
def test_names_in_two_columns_are_joined_in_many_languages(parts: str) -> None:
    table = open_table(io.BytesIO(f"{parts};email\nAnn;Lee;{ANN}\n".encode()))
    ((_, _, _, name, more),) = (
        Judge(columns_of(table), table.header).judge(next(table.batches)).rows
    )
    assert (name, more) == ("Ann Lee", "{}")


def test_a_workbook_of_lines_in_one_column_is_split_again() -> None:
    found, notes = read(workbook(["email;name"], [f"{ANN};Ann"], ["bob@acme.com"]))
    assert found == [ANN, "bob@acme.com"]
    assert "semicolons" in notes


def test_the_column_that_the_header_names_is_believed_if_it_holds_any_address() -> None:
    found, notes = read(b"email,owner\na@x.org,b@x.org\nwrong,c@x.org\nwrong,d@x.org\n")
    assert found == ["a@x.org"]
    assert "taken from" not in notes


@pytest.mark.parametrize("named", ["Owner Email;Billing Email", "Email Owner;E-mail of x"])
def test_the_column_with_the_most_different_addresses_is_taken(named: str) -> None:
    lines = "".join(f"boss@x.org;k{number}@x.org\n" for number in range(3))
    found, notes = read(f"{named}\n{lines}".encode())
    assert found == ["k0@x.org", "k1@x.org", "k2@x.org"]
    assert "most different" in notes


def test_between_two_columns_that_are_alike_nothing_is_chosen() -> None:
    table = open_table(io.BytesIO(b"Owner mail;Billing mail\na@x.org;b@x.org\nc@x.org;d@x.org\n"))
    columns = columns_of(table)
    assert (columns.email, sorted(columns.attributes)) == (-1, [0, 1])
    assert "“Owner mail”, “Billing mail”" in table.notes[-1]


def test_of_two_columns_that_are_alike_the_one_whose_name_says_so_is_taken() -> None:
    found, _ = read(b"Contact;Billing mail\na@x.org;b@x.org\nc@x.org;d@x.org\n")
    assert found == ["b@x.org", "d@x.org"]


def test_somebody_may_say_which_columns_hold_what() -> None:
    content = b"Email,Other,First,Last,Secret\na@x.org,b@x.org,Ann,Lee,1\n"
    table = open_table(io.BytesIO(content))
    columns = columns_of(table, Asked("other", ("Last", "3"), ("Secret", "email")))
    assert (columns.email, columns.names, dict(columns.attributes)) == (1, (3, 2), {})


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked("Phone"), "no column “Phone”; the header names: Email, Other"),
        (Asked("3"), "no column “3”"),
        (Asked("Email", leave_out=("1",)), "cannot be left out"),
    ],
)
def test_a_column_that_is_not_there_is_refused(asked: Asked, words: str) -> None:
    table = open_table(io.BytesIO(b"Email,Other\na@x.org,b@x.org\n"))
    with pytest.raises(UnreadableFileError, match=words):
        columns_of(table, asked)
