"""The translations as files: complete, compiled, and nothing forgotten."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.languages.catalogue import LOCALE, Entry, compiled, entries_of, placeholders

ROOT = LOCALE.parent
LANGUAGES = sorted(path.name for path in LOCALE.iterdir() if path.is_dir())


def file_of(language: str, ending: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"django.{ending}"


def texts_of(language: str) -> list[Entry]:
    return [entry for entry in entries_of(file_of(language, "po")) if entry.id]


def test_german_is_there() -> None:
    assert "de" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_file_is_what_the_readable_one_says(language: str) -> None:
    expected: dict[tuple[str, int] | str, str] = {}
    for entry in texts_of(language):
        if entry.plural:
            expected |= {(entry.key, number): said for number, said in enumerate(entry.said)}
        else:
            expected[entry.key] = entry.said[0]
    found = compiled(file_of(language, "mo"))
    found.pop("", None)
    assert found == expected, "run: make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_none_is_a_guess_or_left_over(language: str) -> None:
    text = file_of(language, "po").read_text("utf-8")
    assert "fuzzy" not in text
    assert "#~" not in text
    assert [entry.id for entry in texts_of(language) if not all(entry.said)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_values_of_its_text_and_no_others(language: str) -> None:
    wrong = [
        (entry.id, said)
        for entry in texts_of(language)
        for said, text in zip(entry.said, (entry.id, entry.plural or entry.id), strict=False)
        if placeholders(said) != placeholders(text)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_links_and_elements_of_its_text(language: str) -> None:
    signs = ("<a ", "</a>", "<strong>", "<time ", "<span ", "<code>")
    wrong = [
        entry.id
        for entry in texts_of(language)
        for said in entry.said
        if [said.count(sign) for sign in signs] != [entry.id.count(sign) for sign in signs]
    ]
    assert wrong == []


@pytest.mark.skipif(not shutil.which("xgettext"), reason="gettext is not installed")
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_the_code_is_missing(language: str, tmp_path: Path) -> None:
    for name in ("campaigns", "config", "tracker", "templates", "locale"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    subprocess.run(
        [sys.executable, "manage.py", "makemessages", "--locale", language],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    collected = list(entries_of(tmp_path / "locale" / language / "LC_MESSAGES" / "django.po"))
    found = {(entry.key, entry.plural) for entry in collected if entry.id}
    known = {(entry.key, entry.plural) for entry in texts_of(language)}
    assert (found - known, known - found) == (set(), set()), "run: make messages, and translate"
