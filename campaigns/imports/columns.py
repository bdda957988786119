"""Which column is what: guessed from the header, confirmed by a person."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.records import AS_IT_IS, Reading

# The first that the file has is taken.
EMAIL_HEADERS = ["email", "e-mail", "e mail", "email address", "e-mail address", "mail"]
EMAIL_HEADERS += ["e-mail-adresse", "email-adresse", "emailadresse", "mailadresse", "e-mail 1"]
EMAIL_HEADERS += ["e-mail 1 - value", "primary email", "primary email address", "mail address"]
EMAIL_HEADERS += ["adresse e-mail", "adresse email", "adresse mail", "adresse électronique"]
EMAIL_HEADERS += ["courriel", "courrier électronique", "adresse courriel", "adresse de courriel"]
EMAIL_HEADERS += ["correo", "correo electrónico", "correo electronico", "dirección de correo"]
EMAIL_HEADERS += ["dirección de correo electrónico", "dirección de email", "email contacto"]
EMAIL_HEADERS += ["indirizzo e-mail", "indirizzo email", "indirizzo mail", "posta elettronica"]
EMAIL_HEADERS += ["indirizzo di posta elettronica", "e-mailadres", "emailadres", "mailadres"]
EMAIL_HEADERS += ["e-mail adres", "endereço de e-mail", "endereço de email", "endereço eletrónico"]
EMAIL_HEADERS += ["endereço eletrônico", "correio eletrónico", "correio eletrônico"]
EMAIL_HEADERS += ["adres e-mail", "adres email", "adres mailowy", "poczta elektroniczna"]
EMAIL_HEADERS += ["e-postadress", "epostadress", "e-post", "epost", "e-postadresse", "mejladress"]
EMAIL_HEADERS += ["mejl", "recipient", "subscriber", "address"]
NAME_HEADERS = ["name", "full name", "display name", "vollständiger name", "nom complet"]
NAME_HEADERS += ["nombre completo", "nome completo", "volledige naam", "naam", "imię i nazwisko"]
NAME_HEADERS += ["namn", "fullständigt namn"]
# Joined, in this order, where there is no column with the whole name.
PARTS_OF_NAME = [
    [
        *("first name", "firstname", "given name", "vorname", "prénom", "prenom", "nombre", "nome"),
        *("voornaam", "primeiro nome", "imię", "imie", "förnamn", "fornavn"),
    ],
    [
        *("last name", "lastname", "surname", "family name", "nachname", "familienname", "nom"),
        *("nom de famille", "apellido", "apellidos", "cognome", "achternaam", "sobrenome"),
        *("apelido", "nazwisko", "efternamn", "etternavn", "efternavn"),
    ],
]
# What else a header may call addresses, in the languages of Europe.
_may_name_addresses = re.compile(
    r"mail|courriel|correo|électronique|elettronica|eletr[óô]nico|e-?post|mejl", re.IGNORECASE
).search
# What a downloaded list of rejected lines has in front.
LINE_HEADER = "rejected line"
REASON_HEADER = "rejected because"
MOST_COLUMNS = 200
COLUMN_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Columns:
    """Places of columns, from 0. What is not mentioned is passed over."""

    email: int
    names: tuple[int, ...] = ()
    attributes: Mapping[int, str] = field(default_factory=dict)
    # The file is a list of rejected lines that somebody has mended: its cells are guarded.
    is_mended: bool = False
    reading: Reading = AS_IT_IS

    def as_json(self) -> dict[str, Any]:
        return {
            "email": self.email,
            "names": list(self.names),
            "attributes": {str(place): name for place, name in self.attributes.items()},
            "is_mended": self.is_mended,
            "reading": asdict(self.reading),
        }

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> Columns:
        attributes = {int(place): name for place, name in given["attributes"].items()}
        names = tuple(given["names"])
        return cls(given["email"], names, attributes, given["is_mended"], reading_of(given))


def reading_of(given: Mapping[str, Any]) -> Reading:
    """Imports that were begun by an earlier version have kept nothing of it."""
    return Reading(**given.get("reading", {}))


def guess(header: Sequence[str], header_line: int) -> Columns:
    """Raises UnreadableFileError if no column's name says that it holds addresses."""
    columns = guess_without_email(header)
    if columns.email < 0:
        raise no_email_column(header, header_line)
    return columns


def guess_without_email(header: Sequence[str]) -> Columns:
    """The same for a page that can ask; ``email`` is -1 if nothing says so."""
    refuse_too_many(header)
    found = [folded(cell) for cell in header]
    email = _first(found, EMAIL_HEADERS)
    name = _first(found, NAME_HEADERS)
    names = [name] if name >= 0 else [_first(found, part) for part in PARTS_OF_NAME]
    return assigned(header, email, names)


def assigned(
    header: Sequence[str], email: int, names: Sequence[int], leave_out: Collection[int] = ()
) -> Columns:
    """Every column that is not taken otherwise becomes an attribute."""
    found = [folded(cell) for cell in header]
    is_mended = LINE_HEADER in found and REASON_HEADER in found
    names = [place for place in names if place >= 0 and place != email]
    taken = {email, *names, *leave_out}
    taken |= {at for at, cell in enumerate(found) if cell in (LINE_HEADER, REASON_HEADER)}
    attributes = {
        place: attribute
        for place, attribute in enumerate(attribute_names(header))
        if place not in taken
    }
    return Columns(email, tuple(names), attributes, is_mended)


def refuse_too_many(header: Sequence[str]) -> None:
    if len(header) > MOST_COLUMNS:
        raise UnreadableFileError(
            "The header names %(columns)s columns; at most %(most)s are read.",
            columns=len(header),
            most=MOST_COLUMNS,
        )


def names_addresses(cells: Sequence[str]) -> bool:
    return any(folded(cell) in EMAIL_HEADERS for cell in cells)


def names_people(cells: Sequence[str]) -> bool:
    return any(folded(cell) in part for cell in cells for part in (NAME_HEADERS, *PARTS_OF_NAME))


def may_name_addresses(cells: Sequence[str]) -> bool:
    """“Kontakt-E-Mail” does, “Email Opt-In” only seems to: good enough to tell a header by."""
    return any("@" not in cell and _may_name_addresses(cell) for cell in cells)


def others_with_addresses(header: Sequence[str], email: int) -> list[int]:
    """Columns beside the chosen one whose names say that they hold addresses."""
    return [at for at, cell in enumerate(header) if at != email and may_name_addresses([cell])]


def column_name(place: int) -> str:
    """Of a column that the file gives no name."""
    return f"column {place + 1}"


def is_unnamed(header: Sequence[str], place: int) -> bool:
    name = header[place].strip() if place < len(header) else ""
    return name in ("", column_name(place))


def attribute_names(header: Sequence[str]) -> list[str]:
    """What each column is called as an attribute: no name twice, and none is empty."""
    names: list[str] = []
    taken: set[str] = set()
    for place, cell in enumerate(header):
        name = " ".join(cell.replace("\x00", "").split())[:COLUMN_NAME_LENGTH]
        name = name or column_name(place)
        number = 2
        plain = name
        while name in taken:
            name = f"{plain} {number}"
            number += 1
        taken.add(name)
        names.append(name)
    return names


def no_email_column(header: Sequence[str], header_line: int) -> UnreadableFileError:
    cells = [cell for cell in header if cell]
    if not cells or not all(map(str.isprintable, cells)):
        return UnreadableFileError(
            "Line %(line)s should be the header and name a column “email”, but it is no text. Is "
            "this a CSV file or an Excel workbook (.xlsx)?",
            line=header_line,
        )
    return UnreadableFileError(
        "Line %(line)s should be the header and name a column “email”; it names: %(names)s. Put a "
        "line such as “email,name” at the top.",
        line=header_line,
        names=", ".join(cells)[:200],
    )


def folded(cell: str) -> str:
    """“E-Mail*:” as “e-mail”: forms mark what has to be filled in."""
    return " ".join(cell.replace("_", " ").split()).casefold().strip(" :*\ufeff")


def _first(found: Sequence[str], names: Sequence[str]) -> int:
    """Where the first of these names stands that the header has; -1 if it has none."""
    return next((found.index(name) for name in names if name in found), -1)
