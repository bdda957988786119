"""The image at a mail's end: what it leaves, of whom, and that it is never an open."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from campaigns.models import Campaign, Recipient
from tests.conftest import THUNDERBIRD, counts_of, emails, make_campaign, make_hit, pixels_of
from tests.tracker.consent.test_in_flight import IS_SQLITE, in_background, wait_for_lock
from tests.tracker.pixel_cases import CASES, EXPECTED_HEADERS, Case, url_of
from tracker.ceiling import Ceiling
from tracker.consent import choose
from tracker.end_hits import EndReader
from tracker.end_marks import AlreadySentError, switch_end_marks
from tracker.end_snippets import configured_ends, end_tokens, list_end_tokens
from tracker.endpoint import GIF
from tracker.hits import Hit, HitReader, Outcome, Signals, new_hit_id
from tracker.list_hits import ListReader
from tracker.list_snippets import code_tokens
from tracker.misses import MISSES
from tracker.models import EndLoad, EndMarks, ListMisses, Open, Pixel, UniqueOpen
from tracker.persons.erasure import erase
from tracker.persons.export import everything_about
from tracker.pixels import ensure_test_pixel, mark_sent
from tracker.proxies import TrustedProxies
from tracker.recount import verify
from tracker.spool import RECORD_HEAD, Spool, read_records
from tracker.tokens import CODE, END, LIST, LIST_END, PIXEL, PRIVACY, Tokens
from tracker.writer import open_writer, write_hits
from tracker.writer.postgresql import PostgresqlWriter

KEY = "k" * 40
PURPOSES = (PIXEL, PRIVACY, LIST, CODE, END, LIST_END)
NOON = 1_770_000_000_000_000 // 900_000_000 * 900_000_000
MINUTE = 60_000_000
ANN, BEA = "ann@example.com", "bea@example.com"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
def campaign(real_db: None) -> Campaign:
    return marked_campaign(ANN, BEA)


def marked_campaign(*addresses: str) -> Campaign:
    campaign = make_campaign(*addresses, is_sent=False)
    switch_end_marks(campaign, is_on=True)
    mark_sent(campaign, at=datetime.now(UTC))
    return campaign


def end_hit(pixel_id: int, **more: Any) -> Hit:
    return make_hit(pixel_id, **more)._replace(is_end_mark=True)


def loaded() -> dict[int, datetime]:
    return dict(EndLoad.objects.values_list("pixel", "first_loaded_at"))


def moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def changes_of(campaign: Campaign) -> int:
    return EndMarks.objects.get(campaign=campaign).changes


def reader_of(hits_a_minute: int = 0, signals: Signals = Signals.IGNORE) -> HitReader:
    return HitReader(
        Tokens(KEY),
        TrustedProxies(),
        Ceiling(hits_a_minute),
        signals,
        ListReader(Tokens(KEY, purpose=LIST), Tokens(KEY, purpose=CODE), Ceiling(hits_a_minute)),
        EndReader(Tokens(KEY, purpose=END), Tokens(KEY, purpose=LIST_END)),
    )


def read(
    reader: HitReader, token: str, query: bytes = b"", headers: dict[bytes, bytes] | None = None
) -> Hit | Outcome:
    return reader.read("GET", token, headers or {}, peer="192.0.2.1", query=query)


def test_a_token_made_for_one_purpose_is_none_for_any_other() -> None:
    assert all(len(purpose) <= 16 for purpose in PURPOSES)
    for made in PURPOSES:
        token = Tokens(KEY, purpose=made).make(5)
        readers = {purpose: Tokens(KEY, purpose=purpose).read(token) for purpose in PURPOSES}
        assert readers == {purpose: 5 if purpose == made else None for purpose in PURPOSES}


def test_the_hit_of_an_end_mark_says_so_and_no_other_does() -> None:
    reader = reader_of()
    for purpose, is_end_mark in ((PIXEL, False), (END, True)):
        hit = read(reader, Tokens(KEY, purpose=purpose).make(7))
        assert isinstance(hit, Hit)
        assert (hit.pixel_id, hit.campaign_id, hit.is_end_mark) == (7, 0, is_end_mark)
    for purpose, is_end_mark in ((LIST, False), (LIST_END, True)):
        token = f"c/{Tokens(KEY, purpose=purpose).make(3)}"
        hit = read(reader, token, b"r=bea@example.com")
        assert isinstance(hit, Hit)
        assert (hit.pixel_id, hit.campaign_id, hit.name) == (0, 3, BEA)
        assert hit.is_end_mark == is_end_mark


def test_an_end_mark_of_a_pixel_is_none_of_a_list_and_the_other_way_round() -> None:
    own, listed = Tokens(KEY, purpose=END).make(5), Tokens(KEY, purpose=LIST_END).make(5)
    for token in (f"c/{own}", listed, f"c/c/{listed}", own[:-1], "", "c/"):
        assert read(reader_of(), token, b"r=bea@example.com") is Outcome.FORGED, token


def test_a_reader_that_knows_no_end_marks_takes_theirs_for_forged() -> None:
    reader = HitReader(Tokens(KEY), TrustedProxies(), Ceiling(0))
    assert read(reader, Tokens(KEY, purpose=END).make(5)) is Outcome.FORGED


def test_a_rotated_key_still_reads_the_end_marks_of_sent_mail() -> None:
    new = EndReader(Tokens("n" * 40, [KEY], purpose=END), Tokens("n" * 40, [KEY], purpose=LIST_END))
    assert new.pixel_of(Tokens(KEY, purpose=END).make(9)) == 9
    assert new.campaign_of("c/" + Tokens(KEY, purpose=LIST_END).make(9)) == 9


@pytest.mark.parametrize("signals", [Signals.ANONYMOUS, Signals.OFF])
@pytest.mark.parametrize("header", [b"sec-gpc", b"dnt"])
def test_of_who_asks_not_to_be_tracked_an_end_mark_leaves_nothing(
    signals: Signals, header: bytes
) -> None:
    token = Tokens(KEY, purpose=END).make(5)
    assert read(reader_of(signals=signals), token, headers={header: b"1"}) is Outcome.OBJECTED
    assert isinstance(read(reader_of(), token, headers={header: b"1"}), Hit)


def test_a_stated_prefetch_loads_no_end() -> None:
    token = Tokens(KEY, purpose=END).make(5)
    assert read(reader_of(), token, headers={b"sec-purpose": b"prefetch"}) is Outcome.PREFETCH


def test_end_marks_have_a_ceiling_and_leave_the_pixels_alone() -> None:
    reader = reader_of(hits_a_minute=2)
    own, end = Tokens(KEY).make(5), Tokens(KEY, purpose=END).make(5)
    got = [read(reader, end) for _ in range(4)]
    assert [isinstance(one, Hit) for one in got] == [True, True, False, False]
    assert got[2] is Outcome.CEILING
    hit = read(reader, own)
    assert isinstance(hit, Hit)
    assert not hit.is_at_ceiling
    # The same of list snippets.
    listed, list_end = Tokens(KEY, purpose=LIST).make(3), Tokens(KEY, purpose=LIST_END).make(3)
    ends = [read(reader, f"c/{list_end}", b"r=bea@example.com") for _ in range(3)]
    assert ends[2] is Outcome.CEILING
    first = read(reader, f"c/{listed}", b"r=bea@example.com")
    assert isinstance(first, Hit)
    assert not first.is_at_ceiling


def test_a_list_end_mark_that_names_nobody_is_no_second_miss() -> None:
    MISSES.take()
    token = "c/" + Tokens(KEY, purpose=LIST_END).make(3)
    assert read(reader_of(), token, b"r={{email}}") is Outcome.UNRESOLVED
    assert MISSES.take().total() == 0


@pytest.mark.usefixtures("real_db")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_view_answers_an_end_mark_as_it_answers_a_pixel_and_counts_no_open(
    case: Case, client: Client
) -> None:
    pixel, _ = pixels_of(marked_campaign(ANN, BEA))
    url = url_of(case, end_tokens().make(pixel.pk))
    answer = client.generic(case.method, url, headers=case.headers, HTTP_USER_AGENT=THUNDERBIRD)
    assert answer.status_code == case.status
    if case.status == 200:
        assert answer.content == (b"" if case.method == "HEAD" else GIF)
        assert EXPECTED_HEADERS.items() <= {n.lower(): v for n, v in answer.items()}.items()
    assert list(loaded()) == ([pixel.pk] if case.opens else [])
    assert not Open.objects.exists()


def test_a_forged_end_mark_costs_no_sql(campaign: Campaign, client: Client) -> None:
    token = end_tokens().make(pixels_of(campaign)[0].pk)
    forged = f"{token[:-1]}{'B' if token[-1] != 'B' else 'C'}"
    for path in (forged, f"c/{forged}", f"c/{token}"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"/o/{path}.gif?r={BEA}").content == GIF
        assert len(asked) == 0
    assert not EndLoad.objects.exists()


def test_the_end_mark_of_a_list_snippet_is_the_recipients_own(
    campaign: Campaign, client: Client
) -> None:
    ann, bea = pixels_of(campaign)
    token = list_end_tokens().make(campaign.pk)
    code = code_tokens().make(Recipient.objects.get(email=ANN).pk)
    for name in (BEA, code, "nobody@example.com"):
        client.get(f"/o/c/{token}.gif?r={name}", HTTP_USER_AGENT=THUNDERBIRD)
    assert set(loaded()) == {ann.pk, bea.pk}
    assert not Open.objects.exists()
    # The snippet above it tells of whom it does not name.
    assert MISSES.take().total() == 0
    assert not ListMisses.objects.exists()


def test_an_end_mark_is_no_open_and_changes_no_count(campaign: Campaign) -> None:
    pixel, _ = pixels_of(campaign)
    before = counts_of(campaign)
    assert write_hits([end_hit(pixel.pk, at=NOON)]) == 0
    assert loaded() == {pixel.pk: moment(NOON)}
    assert not UniqueOpen.objects.exists()
    after = counts_of(campaign)
    assert {field.attname: getattr(after, field.attname) for field in after._meta.fields} == {
        field.attname: getattr(before, field.attname) for field in before._meta.fields
    }
    assert verify().drift == 0


def test_it_is_written_with_the_opens_of_its_group(campaign: Campaign) -> None:
    ann, bea = pixels_of(campaign)
    hits = [make_hit(ann.pk, at=NOON), end_hit(ann.pk, at=NOON + 1), make_hit(bea.pk, at=NOON)]
    assert write_hits(hits) == 2
    assert write_hits(hits) == 0
    assert loaded() == {ann.pk: moment(NOON + 1)}
    assert counts_of(campaign).opens == 2
    assert changes_of(campaign) == 1
    assert verify().drift == 0


def test_the_group_is_whole_or_not_there(campaign: Campaign) -> None:
    ann, bea = pixels_of(campaign)
    writer = open_writer()
    refused = Hit(1, bea.pk, 2**70, None, "")
    with pytest.raises(Exception):  # noqa: B017, PT011  # each database has its own
        writer.write([end_hit(ann.pk), make_hit(ann.pk), refused])
    writer.close()
    assert not EndLoad.objects.exists()
    assert not Open.objects.exists()
    assert changes_of(campaign) == 0


def test_a_load_that_arrives_late_but_was_earlier_becomes_the_first(campaign: Campaign) -> None:
    pixel, _ = pixels_of(campaign)
    for at in (NOON + MINUTE, NOON, NOON + 2 * MINUTE):
        write_hits([end_hit(pixel.pk, at=at)])
    assert loaded() == {pixel.pk: moment(NOON)}
    assert changes_of(campaign) == 2


def test_what_a_machine_loads_says_nothing_but_proves_the_test_pixels_mark(
    campaign: Campaign,
) -> None:
    pixel, other = pixels_of(campaign)
    test = ensure_test_pixel(campaign)
    robot = {"user_agent": GOOGLEBOT, "at": NOON}
    write_hits([end_hit(pixel.pk, **robot), end_hit(test.pk, **robot), end_hit(other.pk)])
    assert set(loaded()) == {test.pk, other.pk}
    # A person's load counts from its own moment.
    write_hits([end_hit(pixel.pk, **robot), end_hit(pixel.pk, at=NOON + MINUTE)])
    assert loaded()[pixel.pk] == moment(NOON + MINUTE)


def test_a_campaign_without_end_marks_records_none(campaign: Campaign) -> None:
    other = make_campaign("c@example.com")
    (pixel,) = pixels_of(other)
    assert write_hits([end_hit(pixel.pk), end_hit(pixel.pk + 10_000), make_hit(pixel.pk)]) == 1
    assert not EndLoad.objects.exists()
    assert not EndMarks.objects.filter(campaign=other).exists()


def test_nothing_but_the_moment_is_kept(campaign: Campaign) -> None:
    names = {field.name for field in EndLoad._meta.get_fields()}
    assert names == {"pixel", "first_loaded_at"}


def test_groups_without_end_marks_run_no_other_statement(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked of the database is what it was, statement by statement."""
    pixel, _ = pixels_of(campaign)
    writer = open_writer()
    writer.write([make_hit(pixel.pk)])
    asked: list[str] = []
    if isinstance(writer, PostgresqlWriter):
        run = psycopg.Cursor.execute

        def execute(self: Any, statement: Any, *arguments: Any, **more: Any) -> Any:
            asked.append(str(statement))
            return run(self, statement, *arguments, **more)

        monkeypatch.setattr(psycopg.Cursor, "execute", execute)
        writer.write([make_hit(pixel.pk)])
        assert len(asked) == 1
    else:
        writer._connection.connection.set_trace_callback(asked.append)
        writer.write([make_hit(pixel.pk)])
    writer.close()
    assert not [statement for statement in asked if "endload" in statement.lower()]
    assert not [statement for statement in asked if "endmarks" in statement.lower()]


@pytest.mark.parametrize("tracking", ["anonymous", "off"])
def test_whoever_is_anonymous_or_off_leaves_no_end_load(campaign: Campaign, tracking: str) -> None:
    ann, bea = pixels_of(campaign)
    write_hits([end_hit(ann.pk), end_hit(bea.pk), make_hit(ann.pk)])
    assert ann.recipient is not None
    choose(ann.recipient, tracking, source="command")
    assert set(loaded()) == {bea.pk}
    write_hits([end_hit(ann.pk), make_hit(ann.pk), make_hit(bea.pk)])
    assert set(loaded()) == {bea.pk}
    choose(ann.recipient, "identified", source="command")
    write_hits([end_hit(ann.pk)])
    assert set(loaded()) == {ann.pk, bea.pk}
    assert verify().drift == 0


def test_the_hit_that_asks_not_to_be_tracked_leaves_none_whoever_handed_it_over(
    campaign: Campaign,
) -> None:
    pixel, _ = pixels_of(campaign)
    write_hits([end_hit(pixel.pk)._replace(is_anonymous=True)])
    assert not EndLoad.objects.exists()


def test_a_choice_waits_for_the_group_that_has_kept_an_end_load_without_it(
    campaign: Campaign,
) -> None:
    if IS_SQLITE:
        return  # its writers hold the whole database: there is nothing to wait for
    ann, bea = pixels_of(campaign)
    write_hits([make_hit(bea.pk)])
    assert ann.recipient is not None
    recipient = ann.recipient
    writer = open_writer()
    decided: list[bool] = []

    def write(is_over: threading.Event) -> None:
        writer.write([end_hit(ann.pk), make_hit(bea.pk)])

    def decide(is_over: threading.Event) -> None:
        choose(recipient, "anonymous", source="command")
        decided.append(True)

    # The choice comes while the group's first statement waits for the option's row. Its second one
    # waits for the other's unique open, when the end load is written and not committed.
    parameters = connection.get_connection_params()
    with psycopg.connect(**parameters) as first, psycopg.connect(**parameters) as second:
        first.execute("SELECT 1 FROM tracker_endmarks FOR UPDATE")
        second.execute("SELECT 1 FROM tracker_uniqueopen FOR UPDATE")
        with in_background(write) as raised:
            wait_for_lock(1)
            with in_background(decide) as also_raised:
                while not Pixel.objects.filter(pk=ann.pk, tracking=1).exists():
                    assert not also_raised
                time.sleep(0.2)  # it looks for writers now
                first.commit()
                time.sleep(0.5)
                wait_for_lock(1)
                assert not decided
                second.commit()
    writer.close()
    assert not raised
    assert not also_raised
    assert decided
    assert not EndLoad.objects.exists()


@pytest.mark.usefixtures("real_db")
def test_writers_and_choices_at_once_are_in_nobodys_way_and_leave_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    campaigns = [marked_campaign(*emails(12)), marked_campaign(*emails(12))]
    ids = [pixel.pk for campaign in campaigns for pixel in pixels_of(campaign)]
    recipients = list(Recipient.objects.order_by("pk"))
    choose(recipients[0], "anonymous", source="command")

    kinds: list[dict[str, Any]] = [{"is_end_mark": True}, {"is_anonymous": True}, {}, {}]

    def write(seed: int) -> Any:
        chance = random.Random(seed)

        def hammer(is_over: threading.Event) -> None:
            writer = open_writer()
            groups = iter(range(2_000))  # so that a slow machine ends too
            while not is_over.wait(0.002) and next(groups, None) is not None:
                hits = [make_hit(chance.choice(ids)) for _ in range(chance.randrange(1, 30))]
                writer.write([hit._replace(**chance.choice(kinds)) for hit in hits])
            writer.close()

        return hammer

    chance = random.Random(7)
    with (
        caplog.at_level("INFO", logger="tracker.writer"),
        in_background(*(write(seed) for seed in range(1 if IS_SQLITE else 3))) as raised,
    ):
        for _ in range(4 if IS_SQLITE else 40):
            recipient = chance.choice(recipients)
            tracking = chance.choice(["identified", "anonymous", "off"])
            choose(recipient, tracking, source="command")
            if tracking != "identified":
                assert not EndLoad.objects.filter(pixel__recipient=recipient).exists()
            assert not raised
        assert verify().drift == 0
    assert not raised
    # Who waits for each other in a circle is tried again.
    assert IS_SQLITE or not caplog.messages
    assert not EndLoad.objects.exclude(pixel__tracking=0).exists()
    assert verify().drift == 0


def test_an_erased_person_leaves_no_end_load(campaign: Campaign) -> None:
    ann, bea = pixels_of(campaign)
    write_hits([end_hit(ann.pk), make_hit(ann.pk), end_hit(bea.pk)])
    # Opened without their name before: their unique opens are kept apart.
    write_hits([make_hit(ann.pk)._replace(is_anonymous=True)])
    assert ann.recipient is not None
    erase(ann.recipient, None)
    assert set(loaded()) == {bea.pk}
    write_hits([end_hit(ann.pk)])
    assert set(loaded()) == {bea.pk}
    assert verify().drift == 0


def test_the_export_of_a_person_says_when_the_end_was_loaded(campaign: Campaign) -> None:
    ann, bea = pixels_of(campaign)
    write_hits([end_hit(ann.pk, at=NOON)])
    said = {}
    for pixel in (ann, bea):
        assert pixel.recipient is not None
        (one,) = everything_about(pixel.recipient)["campaigns"]
        said[pixel.pk] = one["end_loaded_at"]
    assert said == {ann.pk: moment(NOON).isoformat(), bea.pk: None}


def test_end_marks_wait_in_the_spool_and_are_replayed(campaign: Campaign, tmp_path: Path) -> None:
    ann, bea = pixels_of(campaign)
    spool = Spool(tmp_path)
    listed = end_hit(0)._replace(campaign_id=campaign.pk, name=BEA)
    hits = [make_hit(ann.pk), end_hit(ann.pk), listed]
    spool.append(hits)
    spool.release()
    taken: list[Hit] = []

    def write(some: Sequence[Hit]) -> int:
        taken.extend(some)
        return write_hits(some)

    assert spool.replay(write) == 3
    assert taken == hits
    assert set(loaded()) == {ann.pk, bea.pk}
    assert Open.objects.count() == 1


def test_records_of_hits_and_list_hits_are_what_former_versions_wrote(tmp_path: Path) -> None:
    plain = Hit(new_hit_id(5), 7, 5, "192.0.2.1", "A", True, True)
    listed = Hit(new_hit_id(6), 0, 6, None, "A", False, False, 3, BEA)
    spool = Spool(tmp_path)
    spool.append([plain, listed])
    (file,) = tmp_path.glob("*.spool")
    payload = file.read_bytes()[RECORD_HEAD.size :].decode()
    assert payload == (
        f'[[{plain.id}, 7, 5, "192.0.2.1", "A", true, true], '
        f'[{listed.id}, 0, 6, null, "A", false, false, 3, "{BEA}"]]'
    )
    assert list(read_records(file.read_bytes(), "x")) == [[plain, listed]]
    spool.release()


def test_a_refused_end_mark_is_set_aside_as_one_and_goes_with_its_pixel(tmp_path: Path) -> None:
    tmp_path.joinpath("refused.jsonl").touch()
    spool = Spool(tmp_path)
    spool.set_aside([end_hit(7), end_hit(0)._replace(campaign_id=3, name=BEA)])
    assert [hit.is_end_mark for hit in spool.refused()] == [True, True]
    assert BEA not in (tmp_path / "refused.jsonl").read_text()
    assert spool.forget_refused({7}) == 1


def test_the_option_is_for_campaigns_that_were_not_sent(real_db: None) -> None:
    campaign = make_campaign(ANN, is_sent=False)
    test = ensure_test_pixel(campaign)
    assert switch_end_marks(campaign, is_on=True)
    assert not switch_end_marks(campaign, is_on=True)
    write_hits([end_hit(test.pk)])
    assert switch_end_marks(campaign, is_on=False)
    assert not EndLoad.objects.exists()
    assert switch_end_marks(campaign, is_on=True)
    mark_sent(campaign, at=datetime.now(UTC))
    with pytest.raises(AlreadySentError):
        switch_end_marks(campaign, is_on=False)
    sent = make_campaign(BEA)
    with pytest.raises(AlreadySentError):
        switch_end_marks(sent, is_on=True)
    assert not switch_end_marks(sent, is_on=False)


def test_the_process_reads_with_the_keys_that_snippets_are_signed_with(campaign: Campaign) -> None:
    ends = configured_ends()
    assert ends.pixel_of(end_tokens().make(5)) == 5
    assert ends.campaign_of("c/" + list_end_tokens().make(6)) == 6


# What fetches: a person, a robot; by pixel, of each an open or an end mark, some minutes from noon.
FETCHES = st.tuples(
    st.integers(0, 3), st.booleans(), st.booleans(), st.integers(-40, 40), st.integers(0, 4)
)


@profile(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(fetches=st.lists(FETCHES, max_size=14), again=st.sets(st.integers(0, 4)))
def test_in_whatever_order_and_groups_the_first_load_by_a_person_stays_and_opens_are_opens(
    campaign: Campaign, fetches: list[Any], again: set[int]
) -> None:
    campaign = marked_campaign(ANN, BEA)
    pixels = [*pixels_of(campaign), ensure_test_pixel(campaign), *pixels_of(make_campaign(BEA))]
    groups: dict[int, list[Hit]] = {}
    for place, is_end, is_robot, minutes, group in fetches:
        agent = GOOGLEBOT if is_robot else THUNDERBIRD
        hit = make_hit(pixels[place].pk, at=NOON + minutes * MINUTE, user_agent=agent)
        groups.setdefault(group, []).append(hit._replace(is_end_mark=is_end))
    writer = open_writer()
    new = sum(writer.write(group) for group in groups.values())
    assert sum(writer.write(groups.get(number, [])) for number in again) == 0
    writer.close()
    opens = [one for one in fetches if not one[1]]
    assert new == len(opens)
    assert Open.objects.filter(pixel__in=pixels).count() == len(opens)
    assert counts_of(campaign).opens == sum(one[0] < 2 for one in opens)
    expected: dict[int, datetime] = {}
    for place, is_end, is_robot, minutes, _ in fetches:
        # The fourth is of a campaign without end marks; the third is the test pixel.
        if is_end and place < 3 and (place == 2 or not is_robot):
            at = moment(NOON + minutes * MINUTE)
            pixel_id = pixels[place].pk
            expected[pixel_id] = min(at, expected.get(pixel_id, at))
    found = {pk: at for pk, at in loaded().items() if pk in {pixel.pk for pixel in pixels}}
    assert found == expected
    assert verify().drift == 0
