"""A domain in its own letters and as the network reads it: one person, wherever they are named."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import idna
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from hypothesis import assume, example, given
from hypothesis import strategies as st

from campaigns.audit import Source
from campaigns.imports.broken import Theirs
from campaigns.models import (
    Campaign,
    CorrectedAddress,
    Import,
    Recipient,
    RejectedLine,
    SuppressedAddress,
    Tombstone,
    TypingSlip,
    email_key,
)
from campaigns.models.keys import network_form
from campaigns.suppression import lift_suppression, suppress
from campaigns.tombstones import Buried, hash_of, is_erased, lift
from tests.conftest import make_campaign, make_hit
from tests.tracker.persons.everywhere import places_in_database
from tracker.importing.now import import_recipients
from tracker.models import Pixel, Segment, UniqueOpen
from tracker.persons.erasure import erase
from tracker.reports.recipient_search import find_recipients
from tracker.segments.conditions import Condition, filter_of
from tracker.segments.how import How, Kind
from tracker.writer import write_hits
from tracker.writer.named import spellings

OWN, NETWORK = "info@müller.example.de", "info@xn--mller-kva.example.de"
EITHER = pytest.mark.parametrize(("kept", "said"), [(OWN, NETWORK), (NETWORK, OWN)])
renew = import_module("campaigns.migrations.0011_one_key_for_both_spellings").renew


def make_import(campaign: Campaign, **more: Any) -> Import:
    done = Import.State.DONE
    given = {"file_name": "a.csv", "is_ours": False, "size": 1, "state": done, **more}
    return Import.objects.create(campaign=campaign, **given)


def is_label(text: str) -> bool:
    try:
        idna.alabel(text)
    except (idna.IDNAError, UnicodeError):
        return False
    return True


labels = st.text(st.characters(min_codepoint=45, max_codepoint=0x2FFF), min_size=1, max_size=8)


@given(st.lists(labels.filter(is_label), min_size=1, max_size=3))
@example(["faß", "example"])
@example(["βόλος", "example"])
@example(["\u13a0", "example"])
def test_a_domain_and_its_form_in_the_network_have_the_same_key(parts: list[str]) -> None:
    domain = ".".join(parts)
    network = ".".join(idna.alabel(part).decode("ascii") for part in parts)
    key = email_key(f"Ann@{domain}")
    assert key == email_key(f"ann@{network}") == email_key(f"ANN@{network.upper()}")
    assert email_key(network_form(key)) == key


@given(st.text(max_size=30), st.sampled_from(["", "xn--", "@xn--", "@xn--mller-kva", ".xn--a."]))
@example("İ@x", "")
@example("a@xn--a.com", "@xn--mller-kva")
def test_the_key_of_a_key_is_itself(text: str, more: str) -> None:
    for words in (text + more, more + text):
        key = email_key(words)
        assume(key == key.strip())
        assert email_key(key) == key


@pytest.mark.parametrize("domain", ["xn--a.com", "xn--.de", "xn--53h.ws", "xn--ü.de", "x-xn--a.de"])
def test_what_says_nothing_stays_as_it_is(domain: str) -> None:
    assert email_key(f"A@{domain}") == f"a@{domain}"


def test_the_part_before_the_at_sign_is_nobodys_domain() -> None:
    assert email_key("xn--mller-kva@example.com") == "xn--mller-kva@example.com"


@EITHER
@pytest.mark.usefixtures("real_db")
def test_an_import_finds_whoever_is_there_under_the_other_spelling(kept: str, said: str) -> None:
    campaign = make_campaign(kept)
    done = import_recipients(campaign, io.BytesIO(f"email\n{said}\nb@example.com\n".encode()))
    assert (done.created, Pixel.objects.filter(campaign=campaign).count()) == (1, 2)
    both = import_recipients(make_campaign(), io.BytesIO(f"email\n{kept}\n{said}\n".encode()))
    assert both.created == 0
    assert Recipient.objects.count() == 2
    # What mail is sent to is what the first list had.
    assert Recipient.objects.filter(email=kept).exists()


@EITHER
@pytest.mark.usefixtures("real_db")
def test_suppressing_one_spelling_reaches_the_other(kept: str, said: str) -> None:
    campaign = make_campaign(kept, "b@example.com")
    assert suppress([said], "", None, source=Source.COMMAND).changed == 1
    assert [one.email for one in Recipient.objects.suppressed()] == [kept]
    assert [one.email for one in Recipient.objects.to_be_written_to()] == ["b@example.com"]
    import_recipients(make_campaign(), io.BytesIO(f"email\n{kept}\n".encode()))
    assert not Pixel.objects.exclude(campaign=campaign).exists()
    assert lift_suppression([kept], None, source=Source.COMMAND).changed == 1


@EITHER
@pytest.mark.usefixtures("real_db")
def test_erasing_one_spelling_leaves_nothing_of_the_other(
    kept: str, said: str, tmp_path: Path, settings: Any
) -> None:
    settings.SPOOL_DIR = str(tmp_path)
    campaign = make_campaign(kept)
    Recipient.objects.create(
        email="boss@example.com", attributes={"assistant": f"Ask {said}.", "other": kept.upper()}
    )
    one = make_import(campaign, file_name=f"{said}.csv")
    RejectedLine.objects.create(of_import=one, line=2, cells=[f"Info <{said}>", "x"], reason="r")
    call_command("erase_person", said, "--yes", stdout=io.StringIO())
    for words in (OWN, NETWORK, "müller", "mller"):
        assert places_in_database(words) == set()
    assert is_erased([email_key(OWN)])
    import_recipients(campaign, io.BytesIO(f"email\n{kept}\n{said}\n".encode()))
    assert Recipient.objects.filter(erased_at=None).count() == 1


@EITHER
@pytest.mark.usefixtures("real_db")
def test_a_list_snippet_finds_whoever_is_there_under_the_other_spelling(
    kept: str, said: str
) -> None:
    campaign = make_campaign(kept)
    for name in (said, said.upper().replace("XN--", "xn--"), kept):
        write_hits([make_hit(0)._replace(campaign_id=campaign.pk, name=name)])
    assert UniqueOpen.objects.get().open_count == 3


def test_an_ordinary_name_is_looked_up_under_one_key() -> None:
    assert spellings("Ann@Example.com") == ["ann@example.com"]
    assert spellings(OWN) == spellings(NETWORK) == [OWN, NETWORK]


@pytest.mark.django_db
@pytest.mark.parametrize("said", [OWN, NETWORK, OWN.upper()])
def test_searches_and_segments_take_either_spelling(said: str) -> None:
    one = Recipient.objects.create(email=NETWORK)
    Recipient.objects.create(email="b@example.com")
    assert find_recipients(said).exact == one
    domain = said.rpartition("@")[2]
    assert [*find_recipients(domain).rows] == [one]
    for how, value in ((How.IS, domain), (How.ONE_OF, f"a.de; {domain}"), (How.CONTAINS, domain)):
        condition = Condition(Kind.DOMAIN, how, value=value)
        assert list(Recipient.objects.filter(filter_of(condition))) == [one], how


@pytest.mark.usefixtures("real_db")
def test_a_segment_about_a_domain_that_only_they_had_forgets_it_in_either_spelling(
    tmp_path: Path, settings: Any
) -> None:
    settings.SPOOL_DIR = str(tmp_path)
    make_campaign(OWN)
    condition = Condition(Kind.DOMAIN, How.IS, value=NETWORK.rpartition("@")[2])
    Segment.objects.create(name="s", conditions=[condition.as_json()])
    erase(Recipient.objects.get(), None)
    assert places_in_database("mller") == set()


def test_a_rejected_line_names_them_in_either_spelling() -> None:
    for key in (OWN, NETWORK):
        assert Theirs([email_key(key)]).names([f"see {OWN}, please"])
        assert Theirs([email_key(key)]).names([f"see {NETWORK}, please"])


@pytest.mark.django_db
def test_a_tombstone_of_the_former_spelling_keeps_both_away() -> None:
    Tombstone.objects.create(email_hash=hash_of(NETWORK))
    for one in (OWN, NETWORK):
        key = email_key(one)
        assert is_erased([key]) == Buried().among([key]) == {key}
    assert lift(email_key(OWN))
    assert not Tombstone.objects.exists()


@pytest.mark.django_db
def test_keys_of_an_older_installation_are_renewed_where_nobody_has_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = import_module("campaigns.migrations.0011_one_key_for_both_spellings")
    monkeypatch.setattr(module, "STEP", 2)
    addresses = [NETWORK, "a@xn--a.com", "b@xn--kln-sna.example", "c@xn--kln-sna.example"]
    people = []
    for address in addresses:
        one = Recipient.objects.create(email=address)
        Recipient.objects.filter(pk=one.pk).update(email_key=address)
        people.append(one)
        SuppressedAddress.objects.create(email_key=address)
        SuppressedAddress.objects.filter(email_key=email_key(address)).update(email_key=address)
        CorrectedAddress.objects.create(email_key=address, recipient=one)
    Recipient.objects.create(email="B@köln.example")
    sent = make_import(make_campaign())
    for line in (1, 2):
        TypingSlip.objects.create(of_import=sent, line=line, email_key=NETWORK, suggestion=NETWORK)
    for _ in range(2):
        renew(apps, SimpleNamespace(connection=connection))
        keys = [Recipient.objects.get(pk=one.pk).email_key for one in people]
        assert keys == [OWN, addresses[1], addresses[2], "c@köln.example"]
        renewed = {OWN, addresses[1], "b@köln.example", "c@köln.example"}
        corrected = CorrectedAddress.objects.values_list("email_key", flat=True)
        assert set(corrected) == renewed
        # Who stayed under the former key stays suppressed under it.
        suppressed = SuppressedAddress.objects.values_list("email_key", flat=True)
        assert set(suppressed) == {*renewed, addresses[2]}
        assert set(TypingSlip.objects.values_list("email_key", "suggestion")) == {(OWN, OWN)}


@pytest.mark.usefixtures("real_db")
def test_whoever_is_still_there_twice_is_erased_twice(tmp_path: Path, settings: Any) -> None:
    settings.SPOOL_DIR = str(tmp_path)
    campaign = make_campaign(NETWORK)
    Recipient.objects.update(email_key=NETWORK)
    import_recipients(campaign, io.BytesIO(f"email\n{OWN}\n".encode()))
    assert Recipient.objects.count() == 2
    erase(Recipient.objects.get(email_key=OWN), None)
    assert not Recipient.objects.filter(erased_at=None).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("unwanted", [OWN, NETWORK])
def test_whoever_is_there_twice_and_must_not_be_written_to_stays_so_in_both(unwanted: str) -> None:
    for address in (NETWORK, OWN, "b@xn--kln-sna.example"):
        one = Recipient.objects.create(email=f"x{address}")
        Recipient.objects.filter(pk=one.pk).update(email=address, email_key=address)
    SuppressedAddress.objects.bulk_create([SuppressedAddress(email_key=unwanted, reason="asked")])
    renew(apps, SimpleNamespace(connection=connection))
    assert set(SuppressedAddress.objects.values_list("email_key", "reason")) == {
        (OWN, "asked"),
        (NETWORK, "asked"),
    }
    assert [one.email for one in Recipient.objects.to_be_written_to()] == ["b@xn--kln-sna.example"]


@pytest.mark.django_db
def test_a_list_of_suppressions_reaches_whoever_is_there_twice_in_both() -> None:
    for address in (NETWORK, OWN):
        one = Recipient.objects.create(email=f"x{address}")
        Recipient.objects.filter(pk=one.pk).update(email=address, email_key=address)
    suppress([NETWORK], "", None, source=Source.COMMAND)
    assert not Recipient.objects.to_be_written_to().exists()
    lift_suppression([OWN], None, source=Source.COMMAND)
    assert Recipient.objects.to_be_written_to().count() == 2
