from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.local_address import follow

ROOT = Path(__file__).resolve().parents[2]
KEYS = "SECRET_KEY=abc\nPIXEL_KEY=def\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.touch(mode=0o600)
    return path


@pytest.mark.parametrize("before", [KEYS, KEYS.rstrip("\n"), "", "# PUBLIC_URL=http://x\n"])
def test_a_file_without_an_address_gets_it_and_keeps_the_rest(file: Path, before: str) -> None:
    file.write_text(before)
    assert follow(file, 9000)
    lines = file.read_text().splitlines()
    assert lines == [*before.splitlines(), "PUBLIC_URL=http://127.0.0.1:9000"]
    assert not follow(file, 9000)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_the_address_of_an_earlier_start_follows_the_port(file: Path) -> None:
    file.write_text(f"PUBLIC_URL=http://127.0.0.1:8000\n{KEYS}")
    assert follow(file, 9000)
    assert file.read_text() == f"PUBLIC_URL=http://127.0.0.1:9000\n{KEYS}"


@pytest.mark.parametrize(
    "line",
    [
        "PUBLIC_URL=https://t.example.com",
        "PUBLIC_URL=http://10.1.2.3:8000",
        "PUBLIC_URL=http://127.0.0.1:8000/below",
        "PUBLIC_URL=https://127.0.0.1:8000",
        "PUBLIC_URL = https://t.example.com",
        "export PUBLIC_URL=https://t.example.com",
    ],
)
def test_an_address_that_somebody_chose_stays(file: Path, line: str) -> None:
    file.write_text(f"{KEYS}{line}\n")
    assert not follow(file, 9000)
    assert file.read_text() == f"{KEYS}{line}\n"


def test_a_linked_file_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    assert follow(link, 9000)
    assert link.is_symlink()
    assert "9000" in file.read_text()


@pytest.mark.parametrize(("given", "is_written"), [("", True), ("https://t.example.com", False)])
def test_what_the_environment_says_is_not_written_down(
    file: Path, given: str, is_written: bool
) -> None:
    file.write_text(KEYS)
    subprocess.run(
        [sys.executable, ROOT / "config" / "local_address.py", "9000"],
        cwd=file.parent,
        env={**os.environ, "PUBLIC_URL": given},
        check=True,
    )
    assert ("PUBLIC_URL" in file.read_text()) is is_written


def test_make_run_asks_for_it_before_anything_prints_an_address() -> None:
    told = subprocess.run(
        ["make", "--dry-run", "run", "PORT=9000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.index("config/local_address.py 9000") < told.index("manage.py demo")
    assert "serve --bind 127.0.0.1:9000" in told
