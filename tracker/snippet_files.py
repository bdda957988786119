"""Every recipient's snippet as a file, in the form that the program which mails them reads.

A million lines are made in about the time that it takes to write them: tokens by the thousand, and
a line by filling the gaps in one that the csv or json module wrote.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from campaigns.imports.rows import FORMULA_STARTS
from campaigns.models import Campaign, Recipient
from tracker.end_marks import has_end_marks
from tracker.end_snippets import end_tokens
from tracker.exports import harmless, harmless_address
from tracker.list_snippets import code_tokens
from tracker.pixels import GREATEST_KEY
from tracker.privacy_links import privacy_tokens, privacy_url_of_token
from tracker.sentences import said
from tracker.snippets import configured_tokens, snippet_of, url_of_token

# Read by one query and made into one block of text.
PIXELS_READ = 10_000
# The mark in front tells Microsoft's programs that this is UTF-8; others would take it for a part
# of the first column's name.
MARK = "\ufeff"
# Stands where an address or a name will.
GAP = "\x00"

Cells = Callable[[Iterable[str]], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Format:
    """One form of the file; ``delimiter`` none means JSON, one object a line.

    ``end_help_text`` takes the place of ``help_text`` where there are end marks.
    """

    name: str
    label: str
    help_text: str
    columns: Sequence[str]
    extension: str
    content_type: str
    delimiter: str | None = ","
    is_marked: bool = False
    end_help_text: str = ""

    @property
    def has_html(self) -> bool:
        return "snippet" in self.columns

    def with_end_marks(self) -> Format:
        """The same columns in the same order, and those of the end marks behind them."""
        more = ("end_mark_url", "end_mark") if self.has_html else ("end_mark_url",)
        return replace(self, columns=(*self.columns, *more))


ALL = ("email", "name", "pixel_url", "snippet", "privacy_url", "code")
# Word writes HTML into the mail as text for all to see, so it gets the address alone.
WITHOUT_HTML = ("email", "name", "pixel_url", "privacy_url", "code")

FORMATS = {
    one.name: one
    for one in (
        Format(
            "csv",
            said("CSV"),
            said("For most programs that mail, and for spreadsheets."),
            ALL,
            "csv",
            "text/csv; charset=utf-8",
        ),
        Format(
            "thunderbird",
            said("CSV for Thunderbird"),
            said(
                "For the add-on Mail Merge: put {{email}} in the To field, and {{snippet}} at the "
                "end "
                "of an HTML message."
            ),
            ALL,
            "csv",
            "text/csv; charset=utf-8",
            end_help_text=said(
                "For the add-on Mail Merge: put {{email}} in the To field, {{snippet}} at the very "
                "top of an HTML message and {{end_mark}} at its very end."
            ),
        ),
        Format(
            "word",
            said("Text for Word and Outlook"),
            said(
                "With tabs, which Word reads in every country. It cannot merge HTML: give "
                "pixel_url to "
                "its field INCLUDEPICTURE."
            ),
            WITHOUT_HTML,
            "txt",
            "text/plain; charset=utf-8",
            delimiter="\t",
            is_marked=True,
            end_help_text=said(
                "With tabs, which Word reads in every country. It cannot merge HTML: give "
                "pixel_url to a field INCLUDEPICTURE at the very top, and end_mark_url to another "
                "one at the very end."
            ),
        ),
        Format(
            "semicolon",
            said("CSV with semicolons"),
            said("For Excel and Word on computers set to a country that writes 1,5 and not 1.5."),
            ALL,
            "csv",
            "text/csv; charset=utf-8",
            delimiter=";",
            is_marked=True,
        ),
        Format(
            "jsonl",
            said("JSON lines"),
            said("For programs of your own: one object a line, each value as it is stored."),
            ALL,
            "jsonl",
            "application/x-ndjson",
            delimiter=None,
        ),
    )
}
PLAIN = FORMATS["csv"]


def count_left_out(campaign: Campaign) -> int:
    """Recipients whose addresses are suppressed: they are in no file."""
    return Recipient.objects.suppressed().filter(pixels__campaign=campaign).count()


def snippet_text(
    campaign: Campaign,
    form: Format = PLAIN,
    *,
    after: int = 0,
    up_to: int = GREATEST_KEY,
    has_ends: bool | None = None,
) -> Iterator[tuple[str, int]]:
    """The file's text in blocks, each with its number of recipients; memory does not grow.

    ``after`` and ``up_to`` are keys of recipients, for who writes it in steps; what stands above
    all lines comes with the first. ``has_ends``: whether the campaign has end marks, for who has
    asked before.
    """
    if has_end_marks(campaign) if has_ends is None else has_ends:
        form = form.with_end_marks()
    fill = _line(form).__mod__
    in_cells, in_addresses = _cells(form, harmless), _cells(form, harmless_address)
    make_tokens = configured_tokens().make_many
    make_own_tokens = privacy_tokens().make_many
    make_codes = code_tokens().make_many
    make_ends = end_tokens().make_many
    tokens_a_line = 2 if form.has_html else 1
    ends_a_line = tokens_a_line if "end_mark_url" in form.columns else 0
    if not after:
        yield _head(form), 0
    for some in _pages(campaign, after, up_to):
        recipient_ids, pixel_ids, emails, names = zip(*some, strict=True)
        tokens = [make_tokens(pixel_ids)] * tokens_a_line
        of_recipients = make_own_tokens(recipient_ids), make_codes(recipient_ids)
        ends = [make_ends(pixel_ids)] * ends_a_line if ends_a_line else ()
        cells = in_addresses(emails), in_cells(names), *tokens, *of_recipients, *ends
        lines = map(fill, zip(*cells, strict=True))
        yield "".join(lines), len(some)


def _pages(campaign: Campaign, last: int, up_to: int) -> Iterator[list[tuple[int, int, str, str]]]:
    """By key, a page a query: no cursor stays open while a client reads slowly. Who is suppressed
    or erased while a file is being read is left out from the next page on."""
    # A test pixel has no recipient, so none is found. The bound is said of both tables: a
    # database that merges them would else read one from its beginning for every page.
    while (
        some := list(
            Recipient.objects.to_be_written_to()
            .filter(
                pk__gt=last,
                pk__lte=up_to,
                pixels__recipient__gt=last,
                pixels__campaign=campaign,
            )
            .order_by("pixels__recipient_id")  # by the index that finds them: SQLite sorts else
            .values_list("pk", "pixels__pk", "email", "name")[:PIXELS_READ]
        )
    ):
        yield some
        last = some[-1][0]


def _head(form: Format) -> str:
    if form.delimiter is None:
        return ""
    return (MARK if form.is_marked else "") + _written(form.columns, form.delimiter)


def _line(form: Format) -> str:
    """A whole line with %s for email, name and each token."""
    token = configured_tokens().make(0)  # in nothing that is configured
    url = url_of_token(token)
    own_token = privacy_tokens().make(0)
    own_page = privacy_url_of_token(own_token)
    code = code_tokens().make(0)
    end_token = end_tokens().make(0)
    end_url = url_of_token(end_token)
    values = {
        "email": GAP,
        "name": GAP,
        "pixel_url": url,
        "snippet": snippet_of(url),
        "privacy_url": own_page,
        "code": code,
        "end_mark_url": end_url,
        "end_mark": snippet_of(end_url),
    }
    row = {column: values[column] for column in form.columns}
    if form.delimiter is None:
        text = json.dumps(row, ensure_ascii=False) + "\n"
        # What stands in these two gaps brings its own quotation marks.
        text = text.replace("\\u0000", GAP).replace(f'"{GAP}"', GAP, 2)
    else:
        text = _written(list(row.values()), form.delimiter)
    text = text.replace("%", "%%")
    for gap in (token, own_token, code, end_token, GAP):
        text = text.replace(gap, "%s")
    return text


def _written(row: Sequence[str], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerow(row)
    return text.getvalue()


def _cells(form: Format, guarded: Callable[[str], str]) -> Cells:
    """What makes values fit to stand in a line; ``guarded`` keeps a spreadsheet from running them.

    In every form that a spreadsheet opens, also those for mail merge: they are looked at in one.
    """
    if form.delimiter is None:
        return partial(map, json.encoder.encode_basestring)
    # What a spreadsheet would run, or what the csv module would put in quotation marks.
    starts = re.escape("".join(FORMULA_STARTS))
    is_special = re.compile(rf'^[{starts}]|["\r\n{re.escape(form.delimiter)}]').search
    delimiter = form.delimiter

    def cells(texts: Iterable[str]) -> Iterable[str]:
        return [_cell(guarded(text), delimiter) if is_special(text) else text for text in texts]

    return cells


def _cell(text: str, delimiter: str) -> str:
    # In a row of two, since the csv module gives a cell that stands alone marks of its own.
    return _written([text, ""], delimiter).removesuffix(f"{delimiter}\r\n")
