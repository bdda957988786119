"""Who is in a saved segment: conditions on attributes, addresses and what came back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.models import Campaign, Recipient
from tests.conftest import make_campaign, make_hit, pixels_of
from tracker.models import Pixel, PixelTracking, Segment
from tracker.segments.choice import Choice, Who
from tracker.segments.conditions import Condition
from tracker.segments.how import How, Kind
from tracker.segments.members import members
from tracker.segments.saved import recipients_of
from tracker.writer import write_hits

# What breaks look-ups: numbers, quotes, dots, paths, letters outside ASCII, patterns.
NAMES = ["Town", "2024", "0", "-1", 'a"b', "it's", "a.b", "$.x", "a[0]", "Größe", "名前", "%", "{}"]
VALUES = [
    *("", "Graz", "graz", "Wien; West", "12", "12.0", "-3.5", "1e3", "１２", "1,5", " 7 "),
    *("2026-03-31", "2026-03-31 10:00", "2026-04-01", "31.03.2026", "2026-3-1", "%", "_", "\\"),
    *("' OR 1=1 --", '"', "Größe", "ß", "\U0001f600"),
]
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0"


def segment_of(*conditions: Condition, **more: Any) -> Segment:
    return Segment(name="Some", conditions=[one.as_json() for one in conditions], **more)


def attribute(name: str, how: How, value: str = "") -> Condition:
    return Condition(Kind.ATTRIBUTE, how, name, value)


def emails_in(segment: Segment) -> set[str]:
    return set(recipients_of(segment).values_list("email", flat=True))


def add(number: int, **attributes: str) -> Recipient:
    return Recipient.objects.create(email=f"r{number}@example.com", attributes=attributes)


def is_number(text: str) -> bool:
    whole, point, rest = text.strip(" ").lstrip("+-").partition(".")
    digits = (whole, rest) if point else (whole,)
    return all(part.isascii() and part.isdigit() and len(part) < 16 for part in digits)


def holds(how: How, said: str | None, value: str) -> bool:
    """The same, as one would write it without a database."""
    known = said or ""
    match how:
        case How.IS:
            return known == value
        case How.IS_NOT:
            return known != value
        case How.ONE_OF:
            return known in [one.strip() for one in value.split(";")]
        case How.EMPTY:
            return not known
        case How.FILLED:
            return bool(known)
        case How.AT_LEAST:
            return is_number(known) and float(known) >= float(value)
        case How.AT_MOST:
            return is_number(known) and float(known) <= float(value)
    raise AssertionError(how)


TEXTS = st.sampled_from([How.IS, How.IS_NOT, How.ONE_OF])
ASKED = (
    st.tuples(TEXTS, st.sampled_from([value for value in VALUES if value.strip(" ;")]))
    | st.tuples(st.sampled_from([How.EMPTY, How.FILLED]), st.just(""))
    | st.tuples(st.sampled_from([How.AT_LEAST, How.AT_MOST]), st.sampled_from(["12", "-3.5", "0"]))
)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=6),
    st.lists(st.tuples(st.sampled_from(NAMES), ASKED), min_size=1, max_size=3),
    st.sampled_from(Segment.JoinedBy),
)
def test_whatever_names_and_values_are_the_database_finds_whom_python_finds(
    people: list[dict[str, str]], asked: list[tuple[str, tuple[How, str]]], joined_by: Any
) -> None:
    Recipient.objects.all().delete()
    for number, attributes in enumerate(people):
        add(number, **attributes)
    segment = segment_of(
        *(attribute(name, how, value) for name, (how, value) in asked), joined_by=joined_by
    )
    join = any if joined_by == "any" else all
    assert emails_in(segment) == {
        f"r{number}@example.com"
        for number, said in enumerate(people)
        if join(holds(how, said.get(name), value) for name, (how, value) in asked)
    }


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_is_found_however_it_was_stored(name: str) -> None:
    """By Django, which escapes letters, and by an import, which does not."""
    import json

    add(1, **{name: "Graz"})
    add(2, **{name: "Wien"})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_recipient (email, email_key, name, attributes, created_at) "
            "VALUES ('r3@example.com', 'r3@example.com', '', %s, '2026-01-01 00:00:00+00:00')",
            [json.dumps({name: "Graz"}, ensure_ascii=False)],
        )
    found = emails_in(segment_of(attribute(name, How.IS, "Graz")))
    assert found == {"r1@example.com", "r3@example.com"}


@pytest.mark.django_db
def test_contains_takes_capital_letters_and_patterns_for_what_they_are() -> None:
    add(1, Town="Bad Graz")
    add(2, Town="100 %")
    add(3, Town="100 x")
    assert emails_in(segment_of(attribute("Town", How.CONTAINS, "gRAZ"))) == {"r1@example.com"}
    assert emails_in(segment_of(attribute("Town", How.CONTAINS, "0 %"))) == {"r2@example.com"}
    assert emails_in(segment_of(attribute("Town", How.CONTAINS, "_"))) == set()


@pytest.mark.django_db
def test_days_are_compared_as_days_and_other_texts_are_in_neither_part() -> None:
    for number, day in enumerate(
        ["2026-03-30", "2026-03-31", "2026-03-31 10:00", "2026-04-01T00:00", "31.03.2026", "", "x"]
    ):
        add(number, Since=day)
    found = {f"r{number}@example.com" for number in (1, 2, 3)}
    assert emails_in(segment_of(attribute("Since", How.FROM, "2026-03-31"))) == found
    before = emails_in(segment_of(attribute("Since", How.BEFORE, "2026-03-31")))
    assert before == {"r0@example.com"}


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["'; DROP TABLE campaigns_recipient; --", "\\", '"}', "$$", "%s"])
def test_no_name_and_no_value_becomes_a_part_of_the_statement(text: str) -> None:
    add(1, **{text: text})
    add(2, Town="Graz")
    for how in (How.IS, How.CONTAINS, How.ONE_OF):
        expected = set() if how is How.ONE_OF and ";" in text else {"r1@example.com"}
        assert emails_in(segment_of(attribute(text, how, text))) == expected
    assert Recipient.objects.count() == 2


@pytest.mark.django_db
def test_domains_and_providers_are_read_from_the_address() -> None:
    for email in (
        "a@gmail.com",
        "b@googlemail.com",
        "c@gmx.at",
        "d@yahoo.co.jp",
        "e@yahoo.co.uk",
        "f@Graz.example",
        '"g@gmail.com"@graz.example',
    ):
        Recipient.objects.create(email=email)

    def found(kind: Kind, how: How, value: str) -> set[str]:
        return {one[0] for one in emails_in(segment_of(Condition(kind, how, "", value)))}

    assert found(Kind.PROVIDER, How.IS, "gmail") == {"a", "b"}
    assert found(Kind.PROVIDER, How.ONE_OF, "gmail;gmx-web-de") == {"a", "b", "c"}
    # Another company's, although its name fits.
    assert found(Kind.PROVIDER, How.IS, "yahoo") == {"e"}
    assert found(Kind.PROVIDER, How.IS_NOT, "yahoo") == {"a", "b", "c", "d", "f", '"'}
    assert found(Kind.DOMAIN, How.IS, "GRAZ.example") == {"f", '"'}
    assert found(Kind.DOMAIN, How.CONTAINS, "gm") == {"a", "c"}
    assert found(Kind.DOMAIN, How.IS_NOT, "gmail.com") == {"b", "c", "d", "e", "f", '"'}


@pytest.fixture
def opened(real_db: None) -> Campaign:
    """Opened twice by a person, once by one and by machines, by a machine, not at all, anonymous,
    bounced.
    """
    campaign = make_campaign(*(f"{name}@example.com" for name in "abcdef"))
    a, b, c, _, e, f = pixels_of(campaign)
    Pixel.objects.filter(pk=e.pk).update(tracking=PixelTracking.ANONYMOUS)
    Pixel.objects.filter(pk=f.pk).update(bounced_at=datetime(2026, 1, 1, tzinfo=UTC))
    bot = make_hit(c.pk, user_agent="curl/8.5.0")
    write_hits([make_hit(a.pk), make_hit(a.pk), make_hit(b.pk), bot, make_hit(e.pk)])
    write_hits([make_hit(b.pk, user_agent="curl/8.5.0") for _ in range(2)])
    return campaign


@pytest.mark.parametrize(
    ("how", "value", "expected"),
    [
        (How.RECEIVED, "", "abcdef"),
        (How.OPENED, "", "ab"),
        (How.NOT_OPENED, "", "cd"),
        (How.MACHINES, "", "c"),
        (How.TIMES, "2", "a"),
    ],
)
def test_what_came_back_is_asked_as_the_campaigns_own_segments_ask(
    opened: Campaign, how: How, value: str, expected: str
) -> None:
    """Of anonymous people nobody learns whether they opened."""
    make_campaign("z@example.com")
    asked = Condition(Kind.CAMPAIGN, how, str(opened.pk), value)
    assert emails_in(segment_of(asked)) == {f"{name}@example.com" for name in expected}
    # The same beside a condition that nobody meets.
    nobody = attribute("Town", How.IS, "Nowhere")
    either = segment_of(asked, nobody, joined_by="any")
    assert emails_in(either) == {f"{name}@example.com" for name in expected}


def test_a_saved_segment_narrows_a_campaigns_own(opened: Campaign) -> None:
    Recipient.objects.filter(email__in=["a@example.com", "c@example.com"]).update(
        attributes={"Town": "Graz"}
    )
    segment = segment_of(attribute("Town", How.IS, "Graz"))
    segment.save()

    def found(who: Who) -> list[str]:
        pixels = members(opened, Choice(who, segment=segment.pk)).order_by("pk")
        return [pixel.recipient.email[0] for pixel in pixels if pixel.recipient]

    assert found(Who.ALL) == ["a", "c"]
    assert found(Who.OPENED) == ["a"]
    assert found(Who.NOT_OPENED) == ["c"]
    choice = Choice(Who.OPENED, segment=segment.pk)
    assert Choice.from_json(choice.as_json()) == choice


@pytest.mark.django_db
def test_a_segment_of_one_campaign_is_among_its_recipients_and_nobody_erased_is_in_any() -> None:
    campaign = make_campaign("a@example.com", "b@example.com")
    make_campaign("c@example.com")
    assert len(emails_in(segment_of())) == 3
    assert len(emails_in(segment_of(campaign=campaign))) == 2
    Recipient.objects.filter(email="a@example.com").update(erased_at=datetime.now(UTC))
    assert emails_in(segment_of(campaign=campaign)) == {"b@example.com"}
