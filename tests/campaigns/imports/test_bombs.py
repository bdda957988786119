"""Files made to hurt: each gets its answer within seconds, and memory stays where it was."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.server import ROOT

GIGABYTE = 1 << 30
# Where counting to ten million takes USUAL; where it takes longer, so much longer.
SECONDS = 15.0
USUAL = 0.6
COUNT = "sum(number * number for number in range(10_000_000))"
MOST_MEMORY_MB = 200
# Prints the answer and the largest memory of the process.
READ = """
import sys, django
django.setup()
from campaigns.imports.columns import guess
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.formats import open_table
from campaigns.imports.rows import Judge
try:
    with open(sys.argv[1], "rb") as stream:
        table = open_table(stream)
        judge = Judge(guess(table.header, table.header_line), table.header)
        rows = sum(len(judge.judge(batch).rows) for batch in table.batches)
    print("read", rows)
except UnreadableFileError as error:
    print("refused:", error)
status = open("/proc/self/status").read()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def time_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def slowness() -> float:
    """How many times as long as usual this machine takes, now."""
    began = time_of_children()
    subprocess.run([sys.executable, "-c", COUNT], check=True)
    return (time_of_children() - began) / USUAL


def read(path: Path, *, seconds: float = SECONDS) -> str:
    """What becomes of it, in a process of its own; fails above the bounds of time and memory.

    Time at work, so that nothing depends on what else the machine has to do.
    """
    began = time_of_children()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    result = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    answer, memory = result.stdout.strip().rsplit("\n", 1)
    spent = time_of_children() - began
    assert spent < seconds or spent < seconds * slowness()
    assert int(memory) / 1024 < MOST_MEMORY_MB
    return answer


def sparse(path: Path, start: bytes, size: int) -> None:
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)


def endless_header(path: Path) -> None:
    sparse(path, b"email", 10 * GIGABYTE)


def endless_line(path: Path) -> None:
    sparse(path, b"email,name\na@example.com,", 10 * GIGABYTE)


def endless_utf16_line(path: Path) -> None:
    sparse(path, "email,name\na@example.com,".encode("utf-16"), 10 * GIGABYTE)


def endless_quote(path: Path) -> None:
    sparse(path, b'email,name\na@example.com,"', 10 * GIGABYTE)


def million_columns(path: Path) -> None:
    path.write_bytes(b"email," + b",".join(b"c%d" % number for number in range(1_000_000)))


def many_short_columns(path: Path) -> None:
    path.write_bytes(b"email" + b",c" * 30_000)


def blank_lines(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"email,name\n")
        for _ in range(300):
            file.write(b"\n" * (1 << 20))
        file.write(b"a@example.com,Ann\n")


def zeros(path: Path) -> None:
    sparse(path, b"", GIGABYTE)


def zipped(path: Path, name: str, blocks: Iterator[bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", '<a><sheet name="S"/></a>')
        with archive.open(name, "w", force_zip64=True) as part:
            for block in blocks:
                part.write(block)


def zip_of_spaces(path: Path) -> None:
    spaces = b" " * (1 << 20)
    zipped(path, "xl/worksheets/sheet1.xml", iter([b"<a>", *[spaces] * 1_000]))


EMPTY_ROWS = b"<row>" + b"<c/>" * 900 + b"</row>"
HEADER_ROW = b'<row><c t="str"><v>email</v></c></row>'


def beside_a_picture(path: Path, blocks: Iterator[bytes], name: str = "worksheets/sheet1") -> None:
    """What the picture weighs hides how dense the other part is."""
    zipped(path, f"xl/{name}.xml", blocks)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/media/i.jpg", random.Random(1).randbytes(14 << 20))


def many_empty_rows() -> Iterator[bytes]:
    return repeat(EMPTY_ROWS * 400, 200)


def empty_rows_above_the_header(path: Path) -> None:
    beside_a_picture(path, chain([b"<a>"], many_empty_rows(), [HEADER_ROW, b"</a>"]))


def empty_rows_below_the_header(path: Path) -> None:
    beside_a_picture(path, chain([b"<a>", HEADER_ROW], many_empty_rows(), [b"</a>"]))


def empty_texts_beside_a_picture(path: Path) -> None:
    sheet = b'<a><row><c t="s"><v>99999999</v></c></row></a>'
    texts = chain([b"<sst>"], (b"<si/>" * 100_000 for _ in range(800)), [b"</sst>"])
    beside_a_picture(path, texts, "sharedStrings")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)


def loose_empty_cells(path: Path) -> None:
    """Every cell with a style of its own: not dense at all."""
    draw = random.Random(2)
    # Together longer than what a zip looks back at.
    rows = b"".join(
        b"<row>" + b"".join(b'<c s="%d"/>' % draw.getrandbits(60) for _ in range(900)) + b"</row>"
        for _ in range(4)
    )
    every = chain([b"<a>", HEADER_ROW], repeat(rows, 1_150), [b"</a>"])
    zipped(path, "xl/worksheets/sheet1.xml", every)


def stored_spaces(path: Path) -> None:
    spaces = repeat(b" " * (1 << 20), 300)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("xl/workbook.xml", '<a><sheet name="S"/></a>')
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for block in chain([b"<a>", HEADER_ROW], spaces, [b"</a>"]):
                part.write(block)


def one_long_text_a_million_times(path: Path) -> None:
    """Within every bound of a cell, and far above that of the memory."""
    row = b"<row>" + b'<c t="s"><v>0</v></c>' * 900 + b"</row>"
    sheet = chain([b"<a>", HEADER_ROW], repeat(row, 40), [b"</a>"])
    zipped(path, "xl/worksheets/sheet1.xml", sheet)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<sst><si><t>{'x' * 32_000}</t></si></sst>")


def zip_of_three_gigabytes(path: Path) -> None:
    """Not dense: stored, and a hole on the disk, which nobody has to write."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("xl/workbook.xml", '<a><sheet name="S"/></a>')
        archive.writestr("xl/worksheets/sheet1.xml", b"")
        part = archive.getinfo("xl/worksheets/sheet1.xml")
        part.file_size = part.compress_size = 140 << 24
        # Where the list of parts is written when the archive is closed: behind the part's bytes.
        archive.start_dir += part.file_size


def zip_of_many_parts(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"xl/{number}", b"")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (endless_header, "longer than 16 MB"),
        (endless_line, "longer than 16 MB"),
        (endless_utf16_line, "longer than 16 MB"),
        (endless_quote, "longer than 16 MB"),
        (million_columns, "longer than"),
        (many_short_columns, "30,001 columns"),
        (zeros, "longer than 16 MB"),
        (blank_lines, "read 1"),
        (zip_of_spaces, "times its size"),
        (empty_rows_above_the_header, "times its size"),
        (empty_rows_below_the_header, "times its size"),
        (empty_texts_beside_a_picture, "times its size"),
        (loose_empty_cells, "nothing in its cells"),
        (stored_spaces, "nothing in its cells"),
        (one_long_text_a_million_times, "holds more than"),
        (zip_of_three_gigabytes, "would unpack to"),
        (zip_of_many_parts, "parts or more"),
    ],
)
def test_a_bomb_is_answered_within_seconds_and_in_bounded_memory(
    make: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "bomb"
    make(path)
    try:
        assert words in read(path)
    finally:
        path.unlink()


def test_a_workbook_of_many_distinct_texts_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    rows = 300_000

    def sheet() -> Iterator[bytes]:
        yield b"<a><sheetData>"
        for number in range(rows + 1):
            at = 2 * number
            yield (
                b'<row r="%d"><c r="A%d" t="s"><v>%d</v></c><c r="B%d" t="s"><v>%d</v></c></row>'
                % (number + 1, number + 1, at, number + 1, at + 1)
            )
        yield b"</sheetData></a>"

    zipped(path, "xl/worksheets/sheet1.xml", sheet())
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/sharedStrings.xml", "w") as part,
    ):
        part.write(b"<sst><si><t>email</t></si><si><t>name</t></si>")
        for number in range(rows):
            part.write(b"<si><t>r%d@example.com</t></si><si><t>Name %d</t></si>" % (number, number))
        part.write(b"</sst>")
    assert read(path, seconds=120) == f"read {rows}"
