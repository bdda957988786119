from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from campaigns.imports import start
from campaigns.imports.errors import UnreadableFileError
from campaigns.imports.patience import Patience
from campaigns.models import Import
from tests.campaigns.imports.test_xlsx import hand_made
from tests.conftest import make_campaign

pytestmark = pytest.mark.django_db

TEXTS = "".join(f"<si><t>text {number}</t></si>" for number in range(50_000))
STRINGS = f"<sst><si><t>email</t></si><si><t>a@example.com</t></si>{TEXTS}</sst>"
SHEET = "<a>{}</a>".format(
    "".join(f'<row><c t="s"><v>{number}</v></c></row>' for number in range(50_000))
)


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")


def test_a_page_does_not_wait_for_a_header_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start, "Patience", lambda: Patience(seconds=-1))
    with pytest.raises(UnreadableFileError, match="to find the header"):
        start.upload(make_campaign(), io.BytesIO(hand_made(SHEET, STRINGS)), "list.xlsx")
    assert not Import.objects.exists()


def test_a_page_shows_no_rows_rather_than_wait_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    one = start.upload(make_campaign(), io.BytesIO(hand_made(SHEET, STRINGS)), "list.xlsx")
    assert start.preview(one, rows=2) == [["a@example.com"], ["text 0"]]
    monkeypatch.setattr(start, "Patience", lambda: Patience(seconds=-1))
    assert start.preview(one) == []
