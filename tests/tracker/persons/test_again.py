"""An older backup was restored: who was erased since then is erased again, from a kept list."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns.imports.corrections import remember
from campaigns.models import Import, Recipient, RejectedLine, SuppressedAddress, Tombstone
from campaigns.tombstones import bury, is_erased
from tests.conftest import counts_of, make_campaign, make_hit, pixels_of
from tests.tracker.persons.everywhere import places_in_database
from tracker.persons.erasure import erase
from tracker.recount import verify
from tracker.writer import write_hits

pytestmark = pytest.mark.usefixtures("real_db")

ANN, BOB, CAROL = "ann.miller@example.com", "bob@example.com", "carol@example.com"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, settings: Any) -> None:
    settings.SPOOL_DIR = str(tmp_path / "spool")


def erase_person(*arguments: str) -> str:
    out = io.StringIO()
    call_command("erase_person", *arguments, stdout=out)
    return out.getvalue()


def kept_list(tmp_path: Path, *addresses: str) -> str:
    """As it was written after these were erased; the database is one from before that."""
    for address in addresses:
        bury(address)
    path = tmp_path / "erased.txt"
    path.write_text(erase_person("--list"))
    Tombstone.objects.all().delete()
    return str(path)


def test_the_list_names_nobody_and_has_everybody(tmp_path: Path) -> None:
    path = kept_list(tmp_path, ANN, BOB)
    text = Path(path).read_text()
    assert len(text.splitlines()) == 2
    assert "ann" not in text
    assert "bob" not in text


def test_whoever_was_erased_after_the_backup_is_erased_again(tmp_path: Path) -> None:
    campaign = make_campaign(ANN, BOB, CAROL)
    write_hits([make_hit(one.pk) for one in pixels_of(campaign)])
    path = kept_list(tmp_path, ANN, "never.in.this.backup@example.com")
    before = counts_of(campaign).unique_opens
    told = erase_person("--again", path, "--yes")
    assert "In the list: 2. Tombstones that were missing: 2. To be erased again: 1." in told
    assert places_in_database(ANN) == set()
    assert Recipient.objects.filter(email__in=[BOB, CAROL], erased_at=None).count() == 2
    assert is_erased([ANN, BOB, "never.in.this.backup@example.com"]) == {
        ANN,
        "never.in.this.backup@example.com",
    }
    assert counts_of(campaign).unique_opens == before
    assert verify().drift == 0
    # And once more: nobody is left.
    assert "missing: 0. To be erased again: 0." in erase_person("--again", path, "--yes")


def test_who_stands_in_other_tables_only_is_found_too(tmp_path: Path) -> None:
    campaign = make_campaign(BOB)
    bob = Recipient.objects.get(email=BOB)
    remember("bob@exmaple.com", bob)
    one = Import.objects.create(
        campaign=campaign,
        file_name="a.csv",
        path="",
        is_ours=False,
        size=1,
        state=Import.State.DONE,
        finished_at=timezone.now(),
    )
    RejectedLine.objects.create(of_import=one, line=2, reason="no", cells=[f" {ANN} ", "Ann"])
    SuppressedAddress.objects.create(email_key=CAROL)
    path = kept_list(tmp_path, ANN, "bob@exmaple.com", CAROL)
    assert "To be erased again: 3." in erase_person("--again", path, "--yes")
    for address in (ANN, BOB, CAROL, "bob@exmaple.com"):
        assert places_in_database(address) == set(), address


def test_suppressed_stubs_are_nobody_to_be_erased_again(tmp_path: Path) -> None:
    make_campaign(ANN)
    SuppressedAddress.objects.create(email_key=ANN)
    erase(Recipient.objects.get(), None)
    path = tmp_path / "erased.txt"
    path.write_text(erase_person("--list"))
    assert "To be erased again: 0." in erase_person("--again", str(path), "--yes")


def test_another_file_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    make_campaign(ANN)
    path = tmp_path / "list.csv"
    path.write_text(f"email\n{ANN}\n")
    with pytest.raises(CommandError, match="Line 1 is none"):
        erase_person("--again", str(path), "--yes")
    assert not Tombstone.objects.exists()
    with pytest.raises(CommandError, match="Write addresses, or"):
        erase_person("--list", ANN)
    with pytest.raises(CommandError, match="Write addresses, or"):
        erase_person("--yes")
