from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign, Recipient
from tests.conftest import counts_of, make_campaign, make_hit
from tests.tracker.list_cases import (
    ANN,
    BEA,
    LIST_CASES,
    NOBODYS,
    RECIPIENTS,
    STRANGER,
    ListCase,
    Texts,
)
from tests.tracker.pixel_cases import EXPECTED_HEADERS
from tests.tracker.test_endpoint import ask
from tests.tracker.test_endpoint import code_tokens as endpoint_codes
from tests.tracker.test_endpoint import list_tokens as endpoint_lists
from tests.tracker.test_endpoint import tokens as endpoint_tokens
from tracker import metrics
from tracker.ceiling import Ceiling
from tracker.consent import choose
from tracker.endpoint import GIF
from tracker.hits import Hit, HitReader, Outcome, Signals, new_hit_id
from tracker.list_hits import ListReader, Unnamed
from tracker.list_misses import KEPT_DAYS, Missed, keep_misses, missed_of, with_missed
from tracker.list_snippets import code_tokens, list_tokens
from tracker.misses import MISSES, Misses
from tracker.models import ListMisses, Open, Pixel, UniqueOpen
from tracker.persons.erasure import erase
from tracker.proxies import TrustedProxies
from tracker.recount import verify
from tracker.snippets import configured_tokens
from tracker.spool import Spool
from tracker.tokens import CODE, LIST, PIXEL, PRIVACY, Tokens
from tracker.writer import open_writer, write_hits
from tracker.writer.named import spellings

LogIn = Callable[[str], Client]
KEY = "k" * 40
PURPOSES = (PIXEL, PRIVACY, LIST, CODE)


@pytest.fixture(autouse=True)
def no_misses() -> Iterator[None]:
    MISSES.take()
    yield
    MISSES.take()


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(*RECIPIENTS)


def pixel_of(campaign: Campaign, email: str) -> Pixel:
    return Pixel.objects.get(campaign=campaign, recipient__email=email)


def texts_of(campaign: Campaign, lists: Tokens, codes: Tokens, pixels: Tokens) -> Texts:
    make_campaign("other@example.com")
    return Texts(
        lists.make(campaign.pk),
        lists.make(campaign.pk + 10_000),
        pixels.make(pixel_of(campaign, BEA).pk),
        codes.make(Recipient.objects.get(email=BEA).pk),
        codes.make(Recipient.objects.get(email="other@example.com").pk),
    )


def counted(outcome: str) -> float:
    value: float = metrics.HITS[Outcome(outcome)]._value.get()
    return value


def openers() -> list[str | None]:
    opened = UniqueOpen.objects.order_by("pixel__recipient__email_key")
    return list(opened.values_list("pixel__recipient__email", flat=True))


def missed_lately(campaign: Campaign) -> Missed:
    return missed_of(with_missed(Campaign.objects.all()).get(pk=campaign.pk))


def list_hit(campaign: Campaign, name: str | int, **more: Any) -> Hit:
    return make_hit(0, **more)._replace(campaign_id=campaign.pk, name=name)


@pytest.mark.usefixtures("real_db")
@pytest.mark.parametrize("case", LIST_CASES, ids=lambda case: case.name)
def test_the_view_takes_a_list_snippet_as_the_table_says(
    case: ListCase, campaign: Campaign, client: Client
) -> None:
    texts = texts_of(campaign, list_tokens(), code_tokens(), configured_tokens())
    before = counted(case.outcome)
    answer = client.generic(case.method, texts.url(case), headers=case.headers)
    assert answer.status_code == 200
    assert answer.content == (b"" if case.method == "HEAD" else GIF)
    assert EXPECTED_HEADERS.items() <= {n.lower(): v for n, v in answer.items()}.items()
    assert openers() == ([case.opens] if case.opens else [])
    assert Open.objects.count() == bool(case.opens)
    assert counted(case.outcome) == before + 1
    is_kept = case.outcome in list(Unnamed) and case.token != NOBODYS
    assert list(ListMisses.objects.values_list("campaign", "why", "number")) == (
        [(campaign.pk, case.outcome, 1)] if is_kept else []
    )


@pytest.mark.usefixtures("real_db")
@pytest.mark.parametrize("case", LIST_CASES, ids=lambda case: case.name)
def test_the_endpoint_takes_a_list_snippet_as_the_table_says(
    case: ListCase, campaign: Campaign
) -> None:
    texts = texts_of(campaign, endpoint_lists, endpoint_codes, endpoint_tokens)
    before = counted(case.outcome)
    status, headers, body, written = ask(case.method, texts.url(case), case.headers)
    assert (status, headers) == (200, EXPECTED_HEADERS)
    assert body == (b"" if case.method == "HEAD" else GIF)
    assert len(written) == case.is_handed_over
    assert write_hits(written) == bool(case.opens)
    assert openers() == ([case.opens] if case.opens else [])
    assert counted(case.outcome) == before + 1


@pytest.mark.usefixtures("real_db")
def test_an_open_of_the_list_snippet_is_the_recipients_own_pixels_open(campaign: Campaign) -> None:
    bea = pixel_of(campaign, BEA)
    code = Recipient.objects.get(email=BEA).pk
    hits = [make_hit(bea.pk), list_hit(campaign, BEA), list_hit(campaign, code)]
    assert write_hits(hits) == 3
    assert write_hits(hits) == 0, "the same hits again"
    assert write_hits([list_hit(campaign, STRANGER), *hits]) == 0
    opened = UniqueOpen.objects.get()
    assert (opened.pixel, opened.open_count) == (bea, 3)
    counts = counts_of(campaign)
    assert (counts.opens, counts.unique_opens, counts.unique_human_opens) == (3, 1, 1)
    assert verify().drift == 0


@pytest.mark.usefixtures("real_db")
def test_what_has_been_said_about_tracking_holds_for_the_list_snippet(campaign: Campaign) -> None:
    ann, bea = Recipient.objects.get(email=ANN), Recipient.objects.get(email=BEA)
    choose(ann, "off", source="admin")
    choose(bea, "anonymous", source="admin")
    hits = [
        list_hit(campaign, name, ip="203.0.113.7", user_agent="secret agent")
        for name in (ANN.lower(), ann.pk, BEA, bea.pk)
    ]
    assert write_hits(hits) == 2
    opens = Open.objects.select_related("pixel")
    assert {(one.pixel.is_stand_in, one.ip, one.user_agent) for one in opens} == {
        (True, None, None)
    }
    asks_not_to_be = list_hit(campaign, RECIPIENTS[2])._replace(is_anonymous=True)
    assert write_hits([asks_not_to_be]) == 1
    assert openers() == [None, None]
    assert verify().drift == 0


@pytest.mark.usefixtures("real_db")
def test_an_erased_persons_address_names_nobody_and_their_code_their_stub(
    campaign: Campaign,
) -> None:
    bea = Recipient.objects.get(email=BEA)
    erase(bea, None)
    bea.refresh_from_db()
    assert write_hits([list_hit(campaign, BEA), list_hit(campaign, bea.email)]) == 0
    assert write_hits([list_hit(campaign, bea.pk)]) == 1
    # The code names the stub, whose opens stand for nobody.
    opened = Open.objects.get().pixel
    assert (opened.is_stand_in, opened.recipient) == (True, None)


@pytest.mark.usefixtures("real_db")
def test_a_group_asks_once_for_all_its_names_and_an_ordinary_group_never(
    campaign: Campaign,
) -> None:
    writer = open_writer()
    writer.write([make_hit(pixel_of(campaign, BEA).pk)])
    asked = CaptureQueriesContext(writer._connection)
    with asked:
        writer.write([make_hit(pixel_of(campaign, BEA).pk)])
    ordinary = [query["sql"] for query in asked.captured_queries]
    assert not [sql for sql in ordinary if "asked" in sql]
    names = [*RECIPIENTS, *(f"stranger{n}@example.com" for n in range(50))]
    with asked:
        writer.write([list_hit(campaign, name.lower()) for name in names])
    listed = [query["sql"] for query in asked.captured_queries]
    assert len([sql for sql in listed if "asked" in sql]) == 1
    writer.close()


@pytest.mark.usefixtures("real_db")
def test_names_are_found_by_keys_however_many_recipients_there_are(campaign: Campaign) -> None:
    """No table is read from its beginning."""
    from tracker.writer.named import ASKED, FIND

    statement = FIND.format(asked=ASKED[connection.vendor])
    writer = open_writer()
    writer.write([])  # sets the connection up
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with writer._connection.cursor() as cursor:
        cursor.execute(f"{explain} {statement}", ["[]"])
        plan = "\n".join(str(row) for row in cursor.fetchall())
    writer.close()
    for table in ("tracker_pixel", "campaigns_recipient"):
        assert f"Seq Scan on {table}" not in plan
    assert "SCAN pixel" not in plan
    assert "SCAN recipient" not in plan


@pytest.mark.usefixtures("real_db")
def test_a_flood_of_strangers_leaves_one_row(campaign: Campaign) -> None:
    for _ in range(3):
        flood = [list_hit(campaign, f"x{n}@example.com") for n in range(200)]
        assert write_hits(flood) == 0
        keep_misses()
    assert [row.number for row in ListMisses.objects.all()] == [600]
    assert not Open.objects.exists()
    assert missed_lately(campaign) == Missed(unresolved=0, unmatched=600)


@pytest.mark.usefixtures("real_db")
def test_a_forged_campaign_token_and_an_unresolved_tag_cost_no_sql(campaign: Campaign) -> None:
    reader = reader_of()
    with CaptureQueriesContext(connection) as asked:
        for token, query in (("c/" + "A" * 24, b"r=bea@example.com"), (path_of(campaign), b"r=")):
            assert isinstance(reader.read("GET", token, {}, peer=None, query=query), Outcome)
    assert len(asked) == 0


@pytest.mark.usefixtures("real_db")
def test_a_list_hit_waits_in_the_spool_and_is_replayed(campaign: Campaign, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    own = make_hit(pixel_of(campaign, ANN).pk)
    hits = [own, list_hit(campaign, " " + BEA), list_hit(campaign, STRANGER)]
    spool.append(hits)
    spool.release()
    taken: list[Hit] = []

    def write(some: Any) -> int:
        taken.extend(some)
        return write_hits(some)

    assert spool.replay(write) == 3
    assert taken == hits
    assert openers() == [ANN, BEA]


def test_files_of_a_former_version_are_read_and_ordinary_hits_are_written_as_there(
    tmp_path: Path,
) -> None:
    from tracker.spool import RECORD_HEAD, read_records

    hit = Hit(new_hit_id(5), 7, 5, "192.0.2.1", "A", True, True)
    spool = Spool(tmp_path)
    spool.append([hit])
    (file,) = tmp_path.glob("*.spool")
    payload = file.read_bytes()[RECORD_HEAD.size :].decode()
    assert payload == f'[[{hit.id}, 7, 5, "192.0.2.1", "A", true, true]]'
    assert list(read_records(file.read_bytes(), "x")) == [[hit]]
    spool.release()


def test_what_is_set_aside_of_a_list_hit_names_nobody(tmp_path: Path) -> None:
    tmp_path.joinpath("refused.jsonl").touch()
    spool = Spool(tmp_path)
    hit = make_hit(0, ip="203.0.113.9", user_agent="secret")._replace(campaign_id=3, name=BEA)
    spool.set_aside([hit])
    text = (tmp_path / "refused.jsonl").read_text()
    assert not [word for word in (BEA, "203.0.113.9", "secret") if word in text]
    assert next(spool.refused()).campaign_id == 3


@pytest.mark.usefixtures("real_db")
def test_a_group_that_has_to_be_tried_again_counts_its_misses_once(campaign: Campaign) -> None:
    writer = open_writer()
    hit = list_hit(campaign, STRANGER)
    refused = Hit(1, pixel_of(campaign, BEA).pk, 2**70, None, "")
    with pytest.raises(Exception):  # noqa: B017, PT011  # each database has its own
        writer.write([hit, refused])
    assert MISSES.take().total() == 0
    writer.write([hit])
    assert MISSES.take() == {(campaign.pk, Unnamed.UNMATCHED): 1}
    writer.close()


def reader_of(hits_a_minute: int = 0, signals: Signals = Signals.IGNORE) -> HitReader:
    lists = ListReader(Tokens(KEY, purpose=LIST), Tokens(KEY, purpose=CODE), Ceiling(hits_a_minute))
    return HitReader(Tokens(KEY), TrustedProxies(), Ceiling(hits_a_minute), signals, lists)


def path_of(campaign: Campaign) -> str:
    return "c/" + Tokens(KEY, purpose=LIST).make(campaign.pk)


def test_a_token_made_for_one_purpose_is_none_for_any_other() -> None:
    for made in PURPOSES:
        token = Tokens(KEY, purpose=made).make(5)
        readers = {purpose: Tokens(KEY, purpose=purpose).read(token) for purpose in PURPOSES}
        assert readers == {purpose: 5 if purpose == made else None for purpose in PURPOSES}


def test_a_pixels_path_is_no_lists_path_and_the_other_way_round() -> None:
    reader = reader_of()
    pixel, listed = Tokens(KEY).make(5), Tokens(KEY, purpose=LIST).make(5)
    for token in (f"c/{pixel}", listed, f"d/{listed}", f"c/c/{listed}"):
        got = reader.read("GET", token, {}, peer=None, query=b"r=bea@example.com")
        assert got is Outcome.FORGED, token


def test_a_rotated_key_still_reads_campaigns_and_codes_of_sent_mail() -> None:
    new = ListReader(
        Tokens("n" * 40, [KEY], purpose=LIST), Tokens("n" * 40, [KEY], purpose=CODE), Ceiling(0)
    )
    assert new.campaign_of("c/" + Tokens(KEY, purpose=LIST).make(9)) == 9
    assert new.name_in(b"r=" + Tokens(KEY, purpose=CODE).make(8).encode()) == 8


def test_a_person_has_one_ceiling_in_whatever_spelling_and_others_have_theirs() -> None:
    reader = reader_of(hits_a_minute=2)
    token = "c/" + Tokens(KEY, purpose=LIST).make(5)

    def read(query: bytes) -> Hit | Outcome:
        return reader.read("GET", token, {}, peer=None, query=query)

    first, second = read(b"r=bea@example.com"), read(b"r=Somebody%20%3CBEA%40example.com%3E")
    assert isinstance(first, Hit)
    assert isinstance(second, Hit)
    assert (first.is_at_ceiling, second.is_at_ceiling) == (False, True)
    assert read(b"r=mailto:bea@example.com") is Outcome.CEILING
    assert isinstance(read(b"r=ann@example.com"), Hit)


@pytest.mark.parametrize(
    ("signals", "expected"), [(Signals.OFF, Outcome.OBJECTED), (Signals.ANONYMOUS, True)]
)
def test_a_clients_own_signal_holds_for_the_list_snippet(signals: Signals, expected: Any) -> None:
    token = "c/" + Tokens(KEY, purpose=LIST).make(5)
    hit = reader_of(signals=signals).read(
        "GET", token, {b"sec-gpc": b"1"}, peer=None, query=b"r=bea@example.com"
    )
    assert (hit.is_anonymous if isinstance(hit, Hit) else hit) == expected


@given(st.binary(max_size=400))
def test_no_query_makes_the_reader_fail_and_what_it_finds_can_be_stored(query: bytes) -> None:
    lists = ListReader(Tokens(KEY, purpose=LIST), Tokens(KEY, purpose=CODE), Ceiling(0))
    for each in (query, b"r=" + query, b"r=%" + query + b"@example.com"):
        name = lists.name_in(each)
        if isinstance(name, str) and not isinstance(name, Unnamed):
            assert "@" in name
            assert name.isprintable()
            for key in spellings(name):
                key.encode()


local = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,40}", fullmatch=True)


@given(local, st.sampled_from(["example.com", "münchen.example", "xn--mnchen-3ya.example"]))
def test_every_address_that_is_percent_encoded_is_found_under_its_own_key(
    local: str, domain: str
) -> None:
    from urllib.parse import quote

    from campaigns.models import email_key

    address = f"{local}@{domain}"
    lists = ListReader(Tokens(KEY, purpose=LIST), Tokens(KEY, purpose=CODE), Ceiling(0))
    name = lists.name_in(b"r=" + quote(address, safe="").encode())
    if local.lower().startswith(("mailto:", "'")) or not isinstance(name, str):
        return
    assert spellings(name)[0] == email_key(address)


def test_misses_that_could_not_be_kept_are_given_back() -> None:
    misses = Misses()
    misses.add(1, Unnamed.UNMATCHED, 3)
    with pytest.raises(Exception, match="Database access not allowed"):
        keep_misses(misses)
    assert misses.take() == {(1, Unnamed.UNMATCHED): 3}


@pytest.mark.django_db
def test_old_misses_are_removed_and_only_the_last_days_are_shown(campaign: Campaign) -> None:
    from datetime import timedelta

    from django.utils import timezone

    today = timezone.now().date()
    for days in (7, KEPT_DAYS + 1):
        ListMisses.objects.create(
            campaign=campaign, day=today - timedelta(days=days), why="unmatched", number=9
        )
    misses = Misses()
    misses.add(campaign.pk, Unnamed.UNRESOLVED, 2)
    misses.add(campaign.pk + 10_000, Unnamed.UNRESOLVED, 2)
    assert keep_misses(misses) == 4
    assert missed_lately(campaign) == Missed(unresolved=2, unmatched=0)
    assert ListMisses.objects.count() == 2
